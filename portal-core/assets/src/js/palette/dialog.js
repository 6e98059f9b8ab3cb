// Palette dialog.

import { $, $$, createElement, readStored, root, writeStored } from "../common/helpers.js";
import { wrapIndex } from "../common/wrap_index.js";
import { parseRecent, serializeRecent } from "./recent_items.js";
import { moveSelection, resultsText } from "./selection.js";

const RECENT = "portal:recent";
const SEARCH_DELAY = 120;
const SLOW_SEARCH_DELAY = 300;

const INPUT_ATTRIBUTES = {
  type: "text",
  role: "combobox",
  "aria-label": "Search pages, records and actions",
  "aria-controls": "pt-palette-list",
  "aria-autocomplete": "list",
  "aria-expanded": "false",
  placeholder: "Search pages, records, actions…",
  autocomplete: "off",
  spellcheck: "false",
  maxlength: "100",
};
const KEY_HINTS = [
  ["↑↓", "Navigate"],
  ["↵", "Open"],
  ["Esc", "Close"],
  ["?", "All shortcuts"],
];

let dialog;
let input;
let list;
let status;
// The page's search button, whose attributes hold the search URL and the scope of recent items.
let button;
let selected = -1;
let request;
let searchTimer;
let shownQuery;

const recentItems = () => parseRecent(readStored(RECENT), button.dataset.reader);

const addRecentItem = (link) => {
  const [title, hint] = ["span", "small"].map((tag) => $(tag, link)?.textContent ?? "");
  const item = { title, hint, href: link.getAttribute("href") };
  writeStored(RECENT, serializeRecent(recentItems(), item, button.dataset.reader));
};

const options = () => $$("[role=option]", list);

const select = (index) => {
  const all = options();
  selected = wrapIndex(index, all.length);
  for (const [at, option] of all.entries()) option.setAttribute("aria-selected", at === selected);
  const option = all[selected];
  input.setAttribute("aria-expanded", Boolean(option));
  if (!option) return input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
};

// Shows the recent items above the suggestions while nothing is typed.
const showRecentItems = () => {
  const pattern = $("template[data-recent]", list)?.content.firstElementChild;
  const items = input.value.trim() || !pattern ? [] : recentItems();
  if (!items.length) return;
  const headAttributes = { class: "pt-hits-head", "aria-hidden": "true" };
  const head = createElement("div", headAttributes, "Recent");
  const attributes = { class: "pt-hits", role: "group", "aria-label": "Recent" };
  const group = createElement("div", attributes, head);
  for (const [index, { title, hint, href }] of items.entries()) {
    const option = pattern.cloneNode(true);
    option.id = `hit-r-${index}`;
    option.href = href;
    $("span", option).textContent = title;
    $("small", option).textContent = hint;
    group.append(option);
  }
  list.prepend(group);
};

const fetchResults = async (query, signal) => {
  const url = new URL(button.href.replace(/search$/, "palette"));
  url.searchParams.set("q", query);
  const response = await fetch(url, { signal, credentials: "same-origin" });
  if (!response.ok) throw response;
  // This markup is safe to insert: it comes from this server, which escapes all values.
  return new DOMParser().parseFromString(await response.text(), "text/html");
};

const search = async () => {
  request?.abort();
  request = new AbortController();
  const query = input.value;
  const slowTimer = setTimeout(() => list.setAttribute("aria-busy", "true"), SLOW_SEARCH_DELAY);
  try {
    const { body, head } = await fetchResults(query, request.signal);
    list.replaceChildren(...body.childNodes, ...head.childNodes);
    shownQuery = query;
    showRecentItems();
    select(0);
    status.textContent = resultsText(options().length);
  } catch (error) {
    if (error.name === "AbortError") return;
    list.replaceChildren();
    select(0);
    status.textContent = "Can't reach the server. Check your connection.";
  } finally {
    clearTimeout(slowTimer);
    list.removeAttribute("aria-busy");
  }
  list.hidden = !options().length;
  // Without results, the status is visible, because nothing else is.
  status.classList.toggle("pt-sr-only", !list.hidden);
};

const openSelected = ({ ctrlKey, metaKey }) => {
  const isCurrent = () => shownQuery === input.value;
  const open = () => {
    const event = new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey });
    if (isCurrent()) options()[selected]?.dispatchEvent(event);
  };
  if (isCurrent()) return open();
  // The results on display still belong to an earlier query.
  clearTimeout(searchTimer);
  search().then(open);
};

const handleKey = (event) => {
  if (event.isComposing) return;
  const index = moveSelection(event.key, selected, options().length);
  if (index !== undefined) {
    event.preventDefault();
    select(index);
  } else if (event.key === "Enter") {
    event.preventDefault();
    openSelected(event);
  }
};

const applyTheme = (form) => {
  for (const { name, value } of $$("input", form)) {
    if (name in root.dataset) root.dataset[name] = value;
  }
};

const handleClick = ({ target }) => {
  const option = target.closest("[role=option]");
  if (!option) return;
  if (option.matches("a")) addRecentItem(option);
  const form = option.closest("form[data-theme-form]");
  if (form) applyTheme(form);
  // Waits until the browser has followed the link or submitted the form.
  setTimeout(() => dialog.close());
};

const addListeners = () => {
  input.addEventListener("input", () => {
    clearTimeout(searchTimer);
    searchTimer = setTimeout(search, SEARCH_DELAY);
  });
  input.addEventListener("keydown", handleKey);
  list.addEventListener("pointermove", ({ target }) => {
    const index = options().indexOf(target.closest("[role=option]"));
    if (index >= 0 && index !== selected) select(index);
  });
  list.addEventListener("click", handleClick);
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
};

const createDialog = () => {
  input = createElement("input", INPUT_ATTRIBUTES);
  const listAttributes = { id: "pt-palette-list", role: "listbox", "aria-label": "Results" };
  list = createElement("div", { ...listAttributes, hidden: "" });
  status = createElement("p", { role: "status", class: "pt-sr-only" });
  const hints = KEY_HINTS.map(([key, text]) =>
    createElement("span", {}, createElement("kbd", {}, key), text),
  );
  const icon = $("svg", button).cloneNode(true);
  dialog = createElement(
    "dialog",
    { class: "pt-palette", "aria-label": "Search" },
    createElement("div", { class: "pt-palette-head" }, icon, input),
    list,
    status,
    createElement("div", { class: "pt-palette-foot", "aria-hidden": "true" }, ...hints),
  );
  document.body.append(dialog);
  addListeners();
};

/** Opens the palette with the settings of the page's search button, or closes it if it is open. */
export const togglePalette = (searchButton) => {
  button = searchButton;
  if (!dialog?.isConnected) createDialog();
  if (dialog.open) return dialog.close();
  input.value = "";
  dialog.showModal();
  search();
};
