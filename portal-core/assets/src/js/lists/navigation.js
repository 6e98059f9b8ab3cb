// Links and filters in a list.
import { $, on } from "../common/helpers.js";
import { listAt, listOf, swapList } from "./list.js";
import { filterQuery } from "./url.js";

const SEARCH_DELAY = 250;

let typingTimer;
let isTypedSearch = false;

// A search starts when the user pauses typing.
on("input", ({ target }) => {
  const { form } = target;
  if (target.type !== "search" || !form?.matches("[data-autosubmit]") || !listOf(form)) return;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => {
    isTypedSearch = true;
    form.requestSubmit();
    isTypedSearch = false;
  }, SEARCH_DELAY);
});

// The server renders the operators and values of the field that was chosen for a filter.
on("change", ({ target }) => {
  if (!target.matches("[data-filter] [name=_field]")) return;
  target.form.requestSubmit($("[name=_choose]", target.form));
});

const isPlainClick = (event) =>
  !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

// Shift-clicking a header adds its column to the order.
on("click", (event) => {
  const also =
    event.shiftKey && event.target.closest?.("[data-list] th")?.querySelector("[data-also-sort]");
  if (!also) return;
  event.preventDefault();
  also.click();
});

on("click", (event) => {
  const link = event.target.closest?.("[data-list] a[href]");
  if (!link || event.defaultPrevented || !isPlainClick(event) || link.target) return;
  const url = new URL(link.href);
  if (url.hash && url.search === location.search) return;
  const list = listAt(url, listOf(link));
  if (!list) return;
  event.preventDefault();
  link.focus();
  swapList(list, url);
});

on("submit", (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented) return;
  clearTimeout(typingTimer);
  const list = listOf(form);
  if (!list || form.method !== "get") return;
  const url = new URL(form.action);
  if (!listAt(url, list)) return;
  event.preventDefault();
  url.search = filterQuery(new FormData(form, submitter));
  // A search that starts on a pause in typing does not add an entry to the history.
  swapList(list, url, isTypedSearch ? "replace" : "push");
});

// Shows the current list after a drawer with its own URL has been closed.
on("portal:back", (event) => {
  const url = new URL(event.target.dataset.back, location.href);
  const list = listAt(url, $("[data-list]"));
  if (!list) return;
  event.preventDefault();
  $("[data-current] .pt-row-link")?.focus();
  swapList(list, url, "replace");
});
