// Command palette and keyboard shortcuts; loaded on first use.
const { $, $$, make, root } = window.portal.helpers;
const readStored = (key) => { try { return localStorage[key]; } catch { /* not allowed */ } };
const writeStored = (key, value) => { try { localStorage[key] = value; } catch { /* not allowed */ } };
const RECENT = "portal:recent";
let dialog, input, list, status, button, at, request, searchTimer, shownQuery;

const recent = () => {
  try {
    const { reader, items } = JSON.parse(readStored(RECENT));
    return reader === button.dataset.reader ? items : [];
  } catch {
    return [];
  }
};
const addRecent = (link) => {
  const [title, hint] = ["span", "small"].map((tag) => $(tag, link)?.textContent ?? "");
  const href = link.getAttribute("href");
  const items = [{ title, hint, href }, ...recent().filter((item) => item.href !== href)].slice(0, 5);
  writeStored(RECENT, JSON.stringify({ reader: button.dataset.reader, items }));
};

const options = () => $$("[role=option]", list);
const highlight = (to) => {
  const all = options();
  at = all.length ? (to + all.length) % all.length : -1;
  all.forEach((option, index) => option.setAttribute("aria-selected", index === at));
  input.setAttribute("aria-expanded", at >= 0);
  if (at < 0) return input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-activedescendant", all[at].id);
  all[at].scrollIntoView({ block: "nearest" });
};
const showRecent = () => {
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
const runSearch = async () => {
  request?.abort();
  request = new AbortController();
  const url = new URL(button.href.replace(/search$/, "palette"));
  const query = input.value;
  url.searchParams.set("q", query);
  const slow = setTimeout(() => list.setAttribute("aria-busy", "true"), 300);
  try {
    const response = await fetch(url, { signal: request.signal, credentials: "same-origin" });
    if (!response.ok) throw response;
    // Markup from this server, which escapes it.
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    list.replaceChildren(...page.body.childNodes, ...page.head.childNodes);
    shownQuery = query;
    showRecent();
    highlight(0);
    const { length } = options();
    status.textContent = length ? `${length} result${length > 1 ? "s" : ""}` : "No results";
  } catch (error) {
    if (error.name === "AbortError") return;
    list.replaceChildren();
    highlight(0);
    status.textContent = "Can't reach the server. Check your connection.";
  } finally {
    clearTimeout(slow);
    list.removeAttribute("aria-busy");
  }
  list.hidden = !options().length;
  status.classList.toggle("pt-sr-only", !list.hidden);
};
const MOVES = { ArrowDown: () => at + 1, ArrowUp: () => at - 1, Home: () => 0, End: () => -1, PageDown: () => Math.min(at + 5, options().length - 1), PageUp: () => Math.max(at - 5, 0) };
const buildDialog = () => {
  input = make("input", { type: "text", role: "combobox", "aria-label": "Search pages, records and actions", "aria-controls": "pt-palette-list", "aria-autocomplete": "list", "aria-expanded": "false", placeholder: "Search pages, records, actions…", autocomplete: "off", spellcheck: "false", maxlength: "100" });
  list = make("div", { id: "pt-palette-list", role: "listbox", "aria-label": "Results", hidden: "" });
  status = make("p", { role: "status", class: "pt-sr-only" });
  const keyHint = (name, text) => make("span", {}, make("kbd", {}, name), text);
  const foot = make("div", { class: "pt-palette-foot", "aria-hidden": "true" }, keyHint("↑↓", "Navigate"), keyHint("↵", "Open"), keyHint("Esc", "Close"), keyHint("?", "All shortcuts"));
  const icon = $("svg", button).cloneNode(true);
  dialog = make("dialog", { class: "pt-palette", "aria-label": "Search" }, make("div", { class: "pt-palette-head" }, icon, input), list, status, foot);
  document.body.append(dialog);
  input.addEventListener("input", () => { clearTimeout(searchTimer); searchTimer = setTimeout(runSearch, 120); });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (MOVES[event.key]) {
      event.preventDefault();
      highlight(MOVES[event.key]());
    } else if (event.key === "Enter") {
      event.preventDefault();
      const { ctrlKey, metaKey } = event;
      const activate = () => shownQuery === input.value && options()[at]?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey }));
      // The results may still be those of an earlier query.
      if (shownQuery === input.value) activate(); else { clearTimeout(searchTimer); runSearch().then(activate); }
    }
  });
  list.addEventListener("pointermove", ({ target }) => {
    const index = options().indexOf(target.closest("[role=option]"));
    if (index >= 0 && index !== at) highlight(index);
  });
  list.addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (!option) return;
    if (option.matches("a")) addRecent(option);
    const form = option.closest("form[data-theme-form]");
    if (form) $$("input", form).forEach(({ name, value }) => { if (name in root.dataset) root.dataset[name] = value; });
    // After the browser has followed the link or sent the form.
    setTimeout(() => dialog.close());
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
};

// Letter for each link of the navigation: the first free letter of its name.
const navShortcuts = () => {
  const shortcuts = new Map();
  for (const link of $$(".pt-side .pt-nav a")) {
    const letter = [...link.textContent.toLowerCase()].find((it) => /[a-z]/.test(it) && !shortcuts.has(it));
    if (letter) shortcuts.set(letter, link);
  }
  return shortcuts;
};
let pendingShortcut;
window.portal.key = (key, from) => {
  button = from;
  if (readStored("portal:keys") === "off") return;
  if (pendingShortcut) {
    clearTimeout(pendingShortcut);
    pendingShortcut = 0;
    return navShortcuts().get(key)?.click();
  }
  const row = (step) => {
    const rows = $$(".pt-row-link");
    rows[Math.max(0, rows.indexOf(document.activeElement) + step)]?.focus();
  };
  ({
    g: () => { pendingShortcut = setTimeout(() => { pendingShortcut = 0; }, 2000); },
    "/": () => { const field = $("main [type=search]"); field ? field.focus() : window.portal.palette(from); },
    "?": () => $(".pt-sheet") || showShortcuts(),
    j: () => row(1),
    k: () => row(-1),
  })[key]?.();
};
// Dialog with the keyboard shortcuts.
const showShortcuts = () => {
  const shortcut = (names, text) => make("div", {}, make("dt", {}, text), make("dd", { class: "pt-keys" }, ...names.map((name) => make("kbd", {}, name))));
  const section = (title, shortcuts) => make("section", {}, make("h3", {}, title), make("dl", {}, ...shortcuts.map(([names, text]) => shortcut(names, text))));
  const command = /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl";
  const box = make("input", { type: "checkbox", role: "switch", id: "pt-keys-on" });
  box.checked = readStored("portal:keys") !== "off";
  box.addEventListener("change", () => writeStored("portal:keys", box.checked ? "on" : "off"));
  const close = make("button", { class: "pt-btn", "data-kind": "outline", type: "submit" }, "Close");
  const sheet = make("dialog", { class: "pt-dialog pt-sheet", "aria-labelledby": "pt-sheet-title" },
    make("div", { class: "pt-dialog-body" },
      make("h2", { id: "pt-sheet-title" }, "Keyboard shortcuts"),
      section("Anywhere", [[[command, "K"], "Search and commands"], [["/"], "Search this page"], [["?"], "Show shortcuts"], [["Esc"], "Close"], [["J"], "Next row"], [["K"], "Previous row"]]),
      section("Go to", [...navShortcuts()].map(([letter, link]) => [["G", letter.toUpperCase()], link.textContent.trim()])),
      make("div", { class: "pt-check" }, box, make("label", { for: "pt-keys-on" }, "Single-key shortcuts"), make("p", { class: "pt-hint" }, "Turn off if you use voice control or press keys by accident."))),
    make("form", { method: "dialog", class: "pt-dialog-foot" }, close));
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
};

window.portal.palette = (from) => {
  button = from;
  if (!dialog?.isConnected) buildDialog();
  if (dialog.open) return dialog.close();
  input.value = "";
  dialog.showModal();
  runSearch();
};
