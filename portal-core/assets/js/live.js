// Regions that re-render when one of their topics changes: docs/live.md. A block keeps its names private.
{
const source = $("meta[name=pt-live]");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const regions = () => $$("pt-live[data-topics]");
// An open drawer has its own URL, which is invalid once its record is gone; use that of the page behind it.
const pageUrl = () => $("dialog[data-back]")?.dataset.back ?? location.href;
const topicsOf = (region) => region.dataset.topics.split(" ");

// Connection status. Its position is fixed, so that nothing moves; its box stays, so that screen readers announce it.
let box, statusTimer, offlineTimer;
const showStatus = (text, tone, ...more) => {
  clearTimeout(statusTimer);
  if (!box?.isConnected) box = document.body.appendChild(make("div", { class: "pt-connection-status", role: "status" }));
  box.replaceChildren(...(text ? [make("p", { "data-tone": tone }, make("span", {}, text), ...more)] : []));
  if (tone === "success") statusTimer = setTimeout(showStatus, 3000);
};
const hasStatus = (tone) => box && $(`[data-tone=${tone}]`, box);
const showOffline = (after = 2000) => {
  offlineTimer ??= setTimeout(() => {
    if (document.hidden || hasStatus("danger")) return;
    const stale = source ? " This page may be out of date." : "";
    showStatus(navigator.onLine ? `Connection lost.${stale} Reconnecting…` : `You are offline.${stale}`, "warning");
  }, after);
};
const showOnline = () => {
  offlineTimer = clearTimeout(offlineTimer);
  if (hasStatus("warning")) showStatus("Back online", "success");
};

// The event stream: one per tab. It sends the names of changed topics and the cursor from which it resumes.
let cursor = source?.dataset.mark ?? "", stream, subscribedTopics = "", deniedTopics, lastMessageAt, retryTimer, tries = 0;
const disconnect = () => {
  clearTimeout(retryTimer);
  stream = stream?.abort();
};
const connect = async () => {
  disconnect();
  const topics = subscribedTopics = [...new Set(regions().flatMap(topicsOf))].sort().join();
  if (!topics || !source || document.hidden) return;
  const controller = stream = new AbortController();
  lastMessageAt = Date.now();
  showOffline(5000);
  let isRejected;
  try {
    const query = new URLSearchParams({ topics, since: cursor });
    const response = await fetch(`${source.content}?${query}`, { headers: { Accept: "text/event-stream" }, signal: controller.signal, cache: "no-store" });
    const { ok, status } = response;
    isRejected = status === 204 || status > 399 && status < 500;
    if (status === 401 || status === 403) handleDenied(topics);
    if (ok || isRejected) showOnline();
    if (status === 204) return disconnect();
    if (ok) await readStream(response.body.pipeThrough(new TextDecoderStream()).getReader());
  } catch { /* connection lost */ }
  if (controller !== stream) return;
  if (isRejected) tries = Math.max(tries, 5);
  else {
    offlineTimer = clearTimeout(offlineTimer);
    showOffline();
  }
  retryTimer = setTimeout(connect, Math.min(500 * 2 ** tries++, 30000) * (.5 + Math.random()));
};
const readStream = async (reader) => {
  for (let text = "", step; !(step = await reader.read()).done;) {
    lastMessageAt = Date.now();
    const blocks = (text + step.value).split("\n\n");
    text = blocks.pop();
    blocks.forEach(handleEvent);
  }
};
const handleEvent = (block) => {
  const field = (name) => block.match(`(?:^|\\n)${name}: (.*)`)?.[1];
  cursor = field("id") ?? cursor;
  const type = field("event");
  const data = type && JSON.parse(field("data"));
  if (type === "changed") markStale(data);
  if (type === "ready") {
    tries = 0;
    if (data.denied.length) handleDenied(subscribedTopics, data.denied);
  }
  // Permissions changed or the session ended: re-render the page with what the user may see now.
  if (type === "closed" && data.code > 4000) {
    isSignedOut = data.code === 4401;
    markStale();
  }
};
// The session may have ended or be about to be renewed. Request the page, once, to find out.
const handleDenied = (topics, some) => {
  if (deniedTopics !== topics) markStale(some);
  deniedTopics = topics;
};

// Rendering: requests the regions from the page and morphs the differences into place.
const stale = new Set();
let isMorphing, isRefreshing, isSignedOut, leftAt = 0, failures = 0, signedOutCount = 0;
const markStale = (topics) => {
  for (const region of regions())
    if (!topics || topicsOf(region).some((topic) => topics.includes(topic))) stale.add(region.id);
  document.dispatchEvent(new Event("portal:changed"));
  refresh();
};
// A region that the user is working on is not replaced until they leave it or save.
const isBeingEdited = (region) => {
  const field = document.activeElement;
  return region.matches(":active") || hasInput(region) || region.contains(field) &&
    (field.isContentEditable || field.matches("select") || field.matches("input,textarea") && field.value !== field.defaultValue);
};
const refresh = async () => {
  if (isRefreshing || document.hidden) return;
  const ids = [...stale].filter((id) => {
    const region = document.getElementById(id);
    return region ? !isBeingEdited(region) : stale.delete(id) && false;
  });
  if (!ids.length) return;
  isRefreshing = true;
  ids.forEach((id) => stale.delete(id));
  // Spreads the requests of many tabs.
  await sleep(Math.random() * 100);
  const startedAt = Date.now();
  try {
    const response = await fetch(pageUrl(), {
      headers: { Accept: "text/html", "X-Portal-Region": ids.join(" ") },
      redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(20000),
    });
    const { ok, status } = response;
    if (status === 429 || status > 499) throw response;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const isWhole = ids.every((id) => page.getElementById(id));
    // A submitted form navigates away. Reloading or replacing regions now would cancel it.
    if (!isWhole && (Date.now() - leftAt < 20000 || $("form.htmx-request"))) throw response;
    if (isSignedOut && !isWhole || response.type === "opaqueredirect" || status === 401) await handleSignedOut(ids);
    else {
      signedOutCount = 0;
      fetchStyles(page, response.headers);
      applyRegions(ids, page);
      if (!isWhole) reload();
    }
    failures = 0;
  } catch {
    ids.forEach((id) => stale.add(id));
    failures++;
  }
  await sleep(failures ? Math.min(500 * 2 ** failures, 30000) * (.5 + Math.random()) : Date.now() - startedAt);
  isRefreshing = false;
  refresh();
};
const applyRegions = (ids, page) => {
  for (const id of ids) {
    const region = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!region) continue;
    if (isBeingEdited(region)) stale.add(id);
    else if (fresh) morphRegion(region, fresh);
    else region.replaceChildren();
  }
};
// Regions are missing: the page changed or is no longer available to this user. Reload it, once.
const reload = () => {
  if (hasInput(document)) return showStatus("This page has changed. Your input is still here.", "danger", link("Reload"));
  if (Date.now() - (sessionStorage.ptLive ?? 0) < 10000) return;
  sessionStorage.ptLive = Date.now();
  location.reload();
};
const link = (text) => make("a", { class: "pt-btn", "data-size": 1, href: location.href }, text);
const morphRegion = (region, fresh) => {
  formatTimes(fresh);
  if (region.isEqualNode(fresh)) return;
  const focus = document.activeElement;
  region.dataset.topics = fresh.dataset.topics;
  isMorphing = true;
  try { morph(region, fresh, true); } finally { isMorphing = false; }
  htmx.process(region);
  if (focus !== document.activeElement && focus.isConnected) focus.focus({ preventScroll: true });
  $$("table", region).forEach((table) => $("[data-select]:checked", table) && updateSelection(table));
  if (region.dataset.announce) announce(region.dataset.announce);
  region.dispatchEvent(new CustomEvent("portal:drawn", { bubbles: true }));
};
const announce = (text) => {
  const node = $("#pt-announcer") ?? document.body.appendChild(make("div", { id: "pt-announcer", class: "pt-sr-only", role: "status" }));
  node.textContent = node.textContent === text ? `${text}\u00a0` : text;
};
const handleSignedOut = async (ids) => {
  if (!signedOutCount++) {
    // The session may be about to be renewed.
    ids.forEach((id) => stale.add(id));
    return sleep(2000);
  }
  for (const id of ids) {
    const region = document.getElementById(id);
    if (region && !isBeingEdited(region)) region.replaceChildren();
  }
  stale.clear();
  disconnect();
  showOnline();
  showStatus("You are signed out.", "danger", link("Sign in"));
};

// Input that the user has changed is kept, and the row that is open in a drawer stays marked.
let morph;
htmx.registerExtension("portal-live", {
  init: (api) => { ({ morph } = api); },
  htmx_before_morph_attr: (old, { attrName: name }) => !isMorphing || !/^(open|style|data-current|aria-(busy|expanded|selected))$/.test(name),
  htmx_before_morph_node: (old, { newNode: fresh }) => {
    if (!isMorphing || !old.matches?.("input,textarea")) return true;
    const isCheckable = /^(checkbox|radio)$/.test(old.type);
    if (old.name !== fresh.name || isCheckable && old.value !== fresh.value) {
      // A different field replaces this one.
      if (isCheckable) old.checked = fresh.checked;
      else if (old.type !== "file") old.value = fresh.value;
      return true;
    }
    return isCheckable || old.value === old.defaultValue;
  },
});

addEventListener("beforeunload", () => { leftAt = Date.now(); });
const refreshSoon = () => setTimeout(refresh, 300);
for (const type of ["focusout", "pointerup", "pointercancel"]) on(type, refreshSoon);
addEventListener("offline", () => { showOnline(); showOffline(0); });
addEventListener("online", () => { if (source) { tries = 0; connect(); } else showOnline(); });
let hiddenTimer, connectTimer, isLoaded;
const handleVisibility = () => {
  clearTimeout(hiddenTimer);
  if (document.hidden) {
    // Browsers limit the connections per site; leave them to other tabs.
    hiddenTimer = setTimeout(disconnect, 10000);
    return;
  }
  if (hasStatus("danger")) {
    showStatus();
    signedOutCount = 0;
    markStale();
  }
  if (!stream) {
    tries = 0;
    connect();
  }
  refresh();
};
on("visibilitychange", handleVisibility);
addEventListener("pagehide", () => { disconnect(); offlineTimer = clearTimeout(offlineTimer); });
addEventListener("pageshow", ({ persisted }) => persisted && handleVisibility());
// After the device sleeps, the stream is gone without an event.
setInterval(() => stream && Date.now() - lastMessageAt > 40000 && connect(), 5000);
customElements.define("pt-live", class extends HTMLElement {
  connectedCallback() {
    if (!isLoaded || !this.dataset.topics) return;
    clearTimeout(connectTimer);
    connectTimer = setTimeout(() => topicsOf(this).every((topic) => subscribedTopics.split(",").includes(topic)) || connect(), 50);
  }
});
addEventListener("load", () => setTimeout(() => { isLoaded = true; connect(); }));
}
