// Regions that are drawn anew when their topic changes: docs/live.md. In a block, so that its names are its own.
{
const source = $("meta[name=pt-live]");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const regions = () => $$("pt-live[data-topics]");
// An open drawer has a URL of its own, which ends with what it shows.
const pageUrl = () => $("dialog[data-back]")?.dataset.back ?? location.href;
const topicsOf = (region) => region.dataset.topics.split(" ");

// The word on the connection: fixed, so that nothing moves; its box stays, so that it is read out.
let box, wording, lost;
const tell = (text, tone, ...more) => {
  clearTimeout(wording);
  if (!box?.isConnected) box = document.body.appendChild(make("div", { class: "pt-word", role: "status" }));
  box.replaceChildren(...(text ? [make("p", { "data-tone": tone }, make("span", {}, text), ...more)] : []));
  if (tone === "success") wording = setTimeout(tell, 3000);
};
const isTold = (tone) => box && $(`[data-tone=${tone}]`, box);
const lose = (after = 2000) => {
  lost ??= setTimeout(() => {
    if (document.hidden || isTold("danger")) return;
    const stale = source ? " What you see may be out of date." : "";
    tell(navigator.onLine ? `Connection lost.${stale} Reconnecting…` : `You are offline.${stale}`, "warning");
  }, after);
};
const found = () => {
  lost = clearTimeout(lost);
  if (isTold("warning")) tell("Back online", "success");
};

// The stream: one a tab, which tells the names of topics, and up to when that is all.
let mark = source?.dataset.mark ?? "", stream, listened = "", denied, heard, again, tries = 0;
const hush = () => {
  clearTimeout(again);
  stream = stream?.abort();
};
const listen = async () => {
  hush();
  const topics = listened = [...new Set(regions().flatMap(topicsOf))].sort().join();
  if (!topics || !source || document.hidden) return;
  const here = stream = new AbortController();
  heard = Date.now();
  lose(5000);
  let refused;
  try {
    const query = new URLSearchParams({ topics, since: mark });
    const answer = await fetch(`${source.content}?${query}`, { headers: { Accept: "text/event-stream" }, signal: here.signal, cache: "no-store" });
    const { ok, status } = answer;
    refused = status === 204 || status > 399 && status < 500;
    if (status === 401 || status === 403) deny(topics);
    if (ok || refused) found();
    if (status === 204) return hush();
    if (ok) await read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
  } catch { /* it is lost */ }
  if (here !== stream) return;
  if (refused) tries = Math.max(tries, 5);
  else {
    lost = clearTimeout(lost);
    lose();
  }
  again = setTimeout(listen, Math.min(500 * 2 ** tries++, 30000) * (.5 + Math.random()));
};
const read = async (reader) => {
  for (let text = "", step; !(step = await reader.read()).done;) {
    heard = Date.now();
    const blocks = (text + step.value).split("\n\n");
    text = blocks.pop();
    blocks.forEach(hear);
  }
};
const hear = (block) => {
  const field = (name) => block.match(`(?:^|\\n)${name}: (.*)`)?.[1];
  mark = field("id") ?? mark;
  const type = field("event");
  const data = type && JSON.parse(field("data"));
  if (type === "changed") note(data);
  if (type === "ready") {
    tries = 0;
    if (data.denied.length) deny(listened, data.denied);
  }
  // The rights have changed, or the session has ended: the page shows what may be seen now.
  if (type === "closed" && data.code > 4000) {
    isOut = data.code === 4401;
    note();
  }
};
// The session may have ended, or be about to be renewed: the page knows. It is asked once.
const deny = (topics, some) => {
  if (denied !== topics) note(some);
  denied = topics;
};

// Drawing: the page is asked for its regions, and what differs is changed in place.
const stale = new Set();
let drawing, busy, isOut, left = 0, failures = 0, refusals = 0;
const note = (topics) => {
  for (const region of regions())
    if (!topics || topicsOf(region).some((topic) => topics.includes(topic))) stale.add(region.id);
  document.dispatchEvent(new Event("portal:changed"));
  refresh();
};
// What the user is working on is left alone until they let go or have saved.
const isHeld = (region) => {
  const field = document.activeElement;
  return region.matches(":active") || hasInput(region) || region.contains(field) &&
    (field.isContentEditable || field.matches("select") || field.matches("input,textarea") && field.value !== field.defaultValue);
};
const refresh = async () => {
  if (busy || document.hidden) return;
  const ids = [...stale].filter((id) => {
    const region = document.getElementById(id);
    return region ? !isHeld(region) : stale.delete(id) && false;
  });
  if (!ids.length) return;
  busy = true;
  ids.forEach((id) => stale.delete(id));
  // Not all tabs in the same instant.
  await pause(Math.random() * 100);
  const began = Date.now();
  try {
    const answer = await fetch(pageUrl(), {
      headers: { Accept: "text/html", "X-Portal-Region": ids.join(" ") },
      redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(20000),
    });
    const { ok, status } = answer;
    if (status === 429 || status > 499) throw answer;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const isWhole = ids.every((id) => page.getElementById(id));
    // A form that has been sent leads on. Whatever came in its way would cancel it.
    if (!isWhole && (Date.now() - left < 20000 || $("form.htmx-request"))) throw answer;
    if (isOut && !isWhole || answer.type === "opaqueredirect" || status === 401) await leave(ids);
    else {
      refusals = 0;
      draw(ids, page);
      if (!isWhole) reload();
    }
    failures = 0;
  } catch {
    ids.forEach((id) => stale.add(id));
    failures++;
  }
  await pause(failures ? Math.min(500 * 2 ** failures, 30000) * (.5 + Math.random()) : Date.now() - began);
  busy = false;
  refresh();
};
const draw = (ids, page) => {
  for (const id of ids) {
    const region = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!region) continue;
    if (isHeld(region)) stale.add(id);
    else if (fresh) redraw(region, fresh);
    else region.replaceChildren();
  }
};
// The page is no longer available to this user, or not at all: it says what it is now, once.
const reload = () => {
  if (hasInput(document)) return tell("This page has changed. Your input is still here.", "danger", link("Reload"));
  if (Date.now() - (sessionStorage.ptLive ?? 0) < 10000) return;
  sessionStorage.ptLive = Date.now();
  location.reload();
};
const link = (text) => make("a", { class: "pt-btn", "data-size": 1, href: location.href }, text);
const redraw = (region, fresh) => {
  formatTimes(fresh);
  fetchStyles(fresh);
  if (region.isEqualNode(fresh)) return;
  const focus = document.activeElement;
  region.dataset.topics = fresh.dataset.topics;
  drawing = true;
  try { morph(region, fresh, true); } finally { drawing = false; }
  htmx.process(region);
  if (focus !== document.activeElement && focus.isConnected) focus.focus({ preventScroll: true });
  $$("table", region).forEach((table) => $("[data-select]:checked", table) && selection(table));
  if (region.dataset.announce) say(region.dataset.announce);
  region.dispatchEvent(new CustomEvent("portal:drawn", { bubbles: true }));
};
const say = (text) => {
  const note = $("#pt-said") ?? document.body.appendChild(make("div", { id: "pt-said", class: "pt-vh", role: "status" }));
  note.textContent = note.textContent === text ? `${text}\u00a0` : text;
};
const leave = async (ids) => {
  if (!refusals++) {
    // The session may be about to be renewed.
    ids.forEach((id) => stale.add(id));
    return pause(2000);
  }
  for (const id of ids) {
    const region = document.getElementById(id);
    if (region && !isHeld(region)) region.replaceChildren();
  }
  stale.clear();
  hush();
  found();
  tell("You are signed out.", "danger", link("Sign in"));
};

// What the user has changed by hand stays, and the row that is open in a drawer stays marked.
let morph;
htmx.registerExtension("portal-live", {
  init: (api) => { ({ morph } = api); },
  htmx_before_morph_attr: (old, { attrName: name }) => !drawing || !/^(open|style|data-current|aria-(busy|expanded|selected))$/.test(name),
  htmx_before_morph_node: (old, { newNode: fresh }) => {
    if (!drawing || !old.matches?.("input,textarea")) return true;
    const ticked = /^(checkbox|radio)$/.test(old.type);
    if (old.name !== fresh.name || ticked && old.value !== fresh.value) {
      // Another field in its place.
      if (ticked) old.checked = fresh.checked;
      else if (old.type !== "file") old.value = fresh.value;
      return true;
    }
    return ticked || old.value === old.defaultValue;
  },
});

addEventListener("beforeunload", () => { left = Date.now(); });
const letGo = () => setTimeout(refresh, 300);
for (const type of ["focusout", "pointerup", "pointercancel"]) on(type, letGo);
addEventListener("offline", () => { found(); lose(0); });
addEventListener("online", () => { if (source) { tries = 0; listen(); } else found(); });
let hiding, gathering, isLoaded;
const wake = () => {
  clearTimeout(hiding);
  if (document.hidden) {
    // Other tabs need the few connections that a browser has for a site.
    hiding = setTimeout(hush, 10000);
    return;
  }
  if (isTold("danger")) {
    tell();
    refusals = 0;
    note();
  }
  if (!stream) {
    tries = 0;
    listen();
  }
  refresh();
};
on("visibilitychange", wake);
addEventListener("pagehide", () => { hush(); lost = clearTimeout(lost); });
addEventListener("pageshow", ({ persisted }) => persisted && wake());
// After a sleep the stream is gone, and nobody says so.
setInterval(() => stream && Date.now() - heard > 40000 && listen(), 5000);
customElements.define("pt-live", class extends HTMLElement {
  connectedCallback() {
    if (!isLoaded || !this.dataset.topics) return;
    clearTimeout(gathering);
    gathering = setTimeout(() => topicsOf(this).every((topic) => listened.split(",").includes(topic)) || listen(), 50);
  }
});
addEventListener("load", () => setTimeout(() => { isLoaded = true; listen(); }));
}
