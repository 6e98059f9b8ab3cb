// The command palette and the list of keys; loaded when one of them is first asked for.
const { $, $$, make, root } = window.portal.parts;
const kept = (key) => { try { return localStorage[key]; } catch { /* not allowed */ } };
const keep = (key, value) => { try { localStorage[key] = value; } catch { /* not allowed */ } };
const RECENT = "portal:recent";
let dialog, input, list, note, button, at, asking, later, shown;

const recent = () => {
  try {
    const { reader, items } = JSON.parse(kept(RECENT));
    return reader === button.dataset.reader ? items : [];
  } catch {
    return [];
  }
};
const remember = (link) => {
  const [title, hint] = ["span", "small"].map((tag) => $(tag, link)?.textContent ?? "");
  const href = link.getAttribute("href");
  const items = [{ title, hint, href }, ...recent().filter((item) => item.href !== href)].slice(0, 5);
  keep(RECENT, JSON.stringify({ reader: button.dataset.reader, items }));
};

const options = () => $$("[role=option]", list);
const mark = (to) => {
  const all = options();
  at = all.length ? (to + all.length) % all.length : -1;
  all.forEach((option, index) => option.setAttribute("aria-selected", index === at));
  input.setAttribute("aria-expanded", at >= 0);
  if (at < 0) return input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-activedescendant", all[at].id);
  all[at].scrollIntoView({ block: "nearest" });
};
const withRecent = () => {
  const pattern = $("template[data-recent]", list)?.content.firstElementChild;
  const items = input.value.trim() || !pattern ? [] : recent();
  if (!items.length) return;
  const group = make("div", { class: "pt-hits", role: "group", "aria-label": "Recent" }, make("div", { class: "pt-hits-head", "aria-hidden": "true" }, "Recent"));
  items.forEach(({ title, hint, href }, index) => {
    const option = pattern.cloneNode(true);
    option.id = `hit-r-${index}`;
    option.href = href;
    $("span", option).textContent = title;
    $("small", option).textContent = hint;
    group.append(option);
  });
  list.prepend(group);
};
const ask = async () => {
  asking?.abort();
  asking = new AbortController();
  const url = new URL(button.href.replace(/search$/, "palette"));
  const words = input.value;
  url.searchParams.set("q", words);
  const slow = setTimeout(() => list.setAttribute("aria-busy", "true"), 300);
  try {
    const answer = await fetch(url, { signal: asking.signal, credentials: "same-origin" });
    if (!answer.ok) throw answer;
    // Our own server's answer, escaped by it.
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    list.replaceChildren(...found.body.childNodes, ...found.head.childNodes);
    shown = words;
    withRecent();
    mark(0);
    const { length } = options();
    note.textContent = length ? `${length} result${length > 1 ? "s" : ""}` : "Nothing found";
  } catch (error) {
    if (error.name === "AbortError") return;
    list.replaceChildren();
    mark(0);
    note.textContent = "Can't reach the server. Check your connection.";
  } finally {
    clearTimeout(slow);
    list.removeAttribute("aria-busy");
  }
  list.hidden = !options().length;
  note.classList.toggle("pt-vh", !list.hidden);
};
const move = { ArrowDown: () => at + 1, ArrowUp: () => at - 1, Home: () => 0, End: () => -1, PageDown: () => Math.min(at + 5, options().length - 1), PageUp: () => Math.max(at - 5, 0) };
const build = () => {
  input = make("input", { type: "text", role: "combobox", "aria-label": "Search pages, records and actions", "aria-controls": "pt-palette-list", "aria-autocomplete": "list", "aria-expanded": "false", placeholder: "Search pages, records, actions…", autocomplete: "off", spellcheck: "false", maxlength: "100" });
  list = make("div", { id: "pt-palette-list", role: "listbox", "aria-label": "Results", hidden: "" });
  note = make("p", { role: "status", class: "pt-vh" });
  const key = (name, words) => make("span", {}, make("kbd", {}, name), words);
  const foot = make("div", { class: "pt-palette-foot", "aria-hidden": "true" }, key("↑↓", "Navigate"), key("↵", "Open"), key("Esc", "Close"), key("?", "All shortcuts"));
  const icon = $("svg", button).cloneNode(true);
  dialog = make("dialog", { class: "pt-palette", "aria-label": "Search" }, make("div", { class: "pt-palette-head" }, icon, input), list, note, foot);
  document.body.append(dialog);
  input.addEventListener("input", () => { clearTimeout(later); later = setTimeout(ask, 120); });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (move[event.key]) {
      event.preventDefault();
      mark(move[event.key]());
    } else if (event.key === "Enter") {
      event.preventDefault();
      const { ctrlKey, metaKey } = event;
      const go = () => shown === input.value && options()[at]?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey }));
      // What is shown may still be of other words.
      if (shown === input.value) go(); else { clearTimeout(later); ask().then(go); }
    }
  });
  list.addEventListener("pointermove", ({ target }) => {
    const index = options().indexOf(target.closest("[role=option]"));
    if (index >= 0 && index !== at) mark(index);
  });
  list.addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (!option) return;
    if (option.matches("a")) remember(option);
    const form = option.closest("form[data-theme-form]");
    if (form) $$("input", form).forEach(({ name, value }) => { if (name in root.dataset) root.dataset[name] = value; });
    // After the browser has followed the link or sent the form.
    setTimeout(() => dialog.close());
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
};

// The letter of each place of the navigation: the first of its name that is free.
const places = () => {
  const found = new Map();
  for (const link of $$(".pt-side .pt-nav a")) {
    const letter = [...link.textContent.toLowerCase()].find((it) => /[a-z]/.test(it) && !found.has(it));
    if (letter) found.set(letter, link);
  }
  return found;
};
let going;
window.portal.key = (key, from) => {
  button = from;
  if (kept("portal:keys") === "off") return;
  if (going) {
    clearTimeout(going);
    going = 0;
    return places().get(key)?.click();
  }
  const row = (step) => {
    const rows = $$(".pt-row-link");
    rows[Math.max(0, rows.indexOf(document.activeElement) + step)]?.focus();
  };
  ({
    g: () => { going = setTimeout(() => { going = 0; }, 2000); },
    "/": () => { const field = $("main [type=search]"); field ? field.focus() : window.portal.palette(from); },
    "?": () => $(".pt-sheet") || keys(),
    j: () => row(1),
    k: () => row(-1),
  })[key]?.();
};
// The keys, as a dialog of its own.
const keys = () => {
  const line = (names, words) => make("div", {}, make("dt", {}, words), make("dd", { class: "pt-keys" }, ...names.map((name) => make("kbd", {}, name))));
  const part = (title, lines) => make("section", {}, make("h3", {}, title), make("dl", {}, ...lines.map(([names, words]) => line(names, words))));
  const command = /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl";
  const box = make("input", { type: "checkbox", role: "switch", id: "pt-keys-on" });
  box.checked = kept("portal:keys") !== "off";
  box.addEventListener("change", () => keep("portal:keys", box.checked ? "on" : "off"));
  const close = make("button", { class: "pt-btn", "data-kind": "outline", type: "submit" }, "Close");
  const sheet = make("dialog", { class: "pt-dialog pt-sheet", "aria-labelledby": "pt-sheet-title" },
    make("div", { class: "pt-dialog-body" },
      make("h2", { id: "pt-sheet-title" }, "Keyboard shortcuts"),
      part("Anywhere", [[[command, "K"], "Search and commands"], [["/"], "Search this page"], [["?"], "Show shortcuts"], [["Esc"], "Close"], [["J"], "Next row"], [["K"], "Previous row"]]),
      part("Go to", [...places()].map(([letter, link]) => [["G", letter.toUpperCase()], link.textContent.trim()])),
      make("div", { class: "pt-check" }, box, make("label", { for: "pt-keys-on" }, "Single-key shortcuts"), make("p", { class: "pt-hint" }, "Turn off if you use voice control or press keys by accident."))),
    make("form", { method: "dialog", class: "pt-dialog-foot" }, close));
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
};

window.portal.palette = (from) => {
  button = from;
  if (!dialog?.isConnected) build();
  if (dialog.open) return dialog.close();
  input.value = "";
  dialog.showModal();
  ask();
};
