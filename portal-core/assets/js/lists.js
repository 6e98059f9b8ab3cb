// Lists and their drawers, fetched and replaced without a page load. Without this script they are plain pages.
const { $, $$, on, clean, toast } = window.portal.helpers;
const listOf = (node) => node?.closest?.("[data-list]");
const OVERLAYS = "pt-modal,pt-modal~dialog";
// Forms in drawers, and the confirmation for deleting the record of a drawer.
const FORMS = "dialog>form[data-guard],pt-modal~dialog>form";
const swapList = (list, url, history = "push") => htmx.ajax("GET", url.pathname + url.search, {
  source: list, target: list, select: "#" + list.id, swap: "outerMorph", selectOOB: "#pt-head:outerMorph", [history]: "true",
});
let typingTimer, isTypedSearch;
on("input", ({ target }) => {
  const { form } = target;
  if (target.type !== "search" || !form?.matches("[data-autosubmit]") || !listOf(form)) return;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => { isTypedSearch = true; form.requestSubmit(); isTypedSearch = false; }, 250);
});
on("change", ({ target }) => target.matches("[data-filter] [name=_field]") && target.form.requestSubmit($("[name=_choose]", target.form)));
// Returns the list if the URL is one of this page.
const listAt = (url, list, page = location) => url.origin + url.pathname === page.origin + page.pathname && list;
on("click", (event) => {
  const link = event.target.closest?.("[data-list] a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || link.target) return;
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
  if (form.method === "post" && form.matches(FORMS)) {
    event.preventDefault();
    const dialog = form.parentNode;
    form.setAttribute("hx-sync", "drop");
    htmx.ajax("POST", submitter?.getAttribute("formaction") ?? form.getAttribute("action"), {
      source: form, event, target: dialog, select: `#${CSS.escape(dialog.id)} > *`, swap: "innerHTML",
    });
    return;
  }
  clearTimeout(typingTimer);
  const list = listOf(form);
  if (!list || form.method !== "get") return;
  const url = new URL(form.action);
  if (!listAt(url, list)) return;
  event.preventDefault();
  // An empty filter is a condition too: the field has no value.
  const pairs = [...new FormData(form, submitter)].filter(([name, value]) => value || name.startsWith("filter["));
  url.search = new URLSearchParams(pairs);
  swapList(list, url, isTypedSearch ? "replace" : "push");
});
on("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  const source = ctx.sourceElement;
  if (ctx.swap === "none" || !source.matches(`[data-list],${FORMS}`)) return;
  const hasContent = tasks.some((task) => task.type === "main" && task.fragment.childElementCount);
  if (!hasContent) {
    event.preventDefault();
    const { raw, status } = ctx.response;
    // The form keeps its input, whatever the server responds.
    const isForm = source.matches("form");
    if (isForm) clean.set(source, "");
    if (!raw.redirected) toast(`Request failed (error ${status}). Try again.`, "danger");
    else if (isForm) toast("You are signed out. Sign in in another tab, then try again here.", "danger");
    else location.assign(raw.url);
    return;
  }
  if (!source.matches("[data-list]")) return;
  const page = new DOMParser().parseFromString(ctx.text, "text/html");
  const overlays = $$(OVERLAYS);
  // Toasts of a dialog stay when it is removed.
  $(".pt-toasts:has(>template)")?.append(...overlays.flatMap((node) => $$(".pt-toasts>pt-toast", node)));
  overlays.forEach((node) => node.remove());
  for (const node of $$(OVERLAYS, page)) {
    $("main").append(node);
    htmx.process(node);
  }
});
on("htmx:after:swap", ({ target, detail }) => {
  const list = listOf(target);
  // Browsers keep a user's choice over the value from the server until the form is reset.
  if (list) $$("form[data-autosubmit]", list).forEach((form) => form.contains(document.activeElement) || form.reset());
  // The focused element was removed; focus the next control, unless `focusAfterSwap` moves the focus.
  if (list && focusHash === undefined && document.activeElement === document.body) $("[data-filter] :is(select,[name=_value]),[data-adds-filter]", list)?.focus();
  const dialog = detail.ctx.target?.closest?.("dialog");
  const form = dialog && $("form[data-guard]", dialog);
  if (!form) return;
  // A form that is returned was not saved; closing a confirmation loses nothing.
  if ($("[name=_confirmed]", form)) clean.delete(form);
  else clean.set(form, "");
  const { activeElement } = document;
  ($("[aria-invalid=true]", form) ?? (dialog.contains(activeElement) ? activeElement : dialog)).focus();
});
on("htmx:error", ({ detail: { ctx } }) => {
  if (!ctx?.sourceElement?.matches("[data-list],form[data-guard]")) return;
  toast("Can't reach the server. Check your connection.", "danger");
  if (ctx.sourceElement.matches("form")) clean.set(ctx.sourceElement, "");
});
// A form that a script has sent has succeeded: `pages/htmx.rs`.
on("portal:done", ({ target, detail: { to, text, tone, label, href } }) => {
  const url = new URL(to, location.href);
  const dialog = target.closest("dialog");
  // A page that was the response to a form has the path of an action.
  const page = new URL(dialog?.dataset.back ?? location.href, location.href);
  const list = listAt(url, $("[data-list]"), page);
  $$("form", dialog ?? target).forEach((form) => clean.delete(form));
  if (!list) return location.assign(url);
  dialog?.close();
  if (text) toast(text, tone, href, label);
  focusHash = url.hash;
  swapList(list, url, "replace");
});
// Moves the focus when the list is shown again: to the new row, otherwise to the heading, unless
// the element that opened the drawer has it.
let focusHash;
const focusAfterSwap = () => {
  const row = focusHash && document.getElementById(decodeURIComponent(focusHash.slice(1)));
  focusHash = undefined;
  const link = row && $(".pt-row-link", row);
  const title = $("h1");
  if (!link && document.activeElement !== document.body) return;
  if (title) title.tabIndex = -1;
  (link || title)?.focus();
};
on("htmx:after:swap", ({ target }) => focusHash !== undefined && listOf(target) && setTimeout(focusAfterSwap, 50));
// Another user may have saved the record of the open drawer.
let stateTimer;
const refreshRowState = async () => {
  stateTimer = undefined;
  const form = $("dialog[data-back] form[data-guard]");
  const version = form && $("[name=_version]", form);
  const state = version && $("#row-state", form);
  if (!state) return;
  const url = new URL(state.dataset.url, location.href);
  url.searchParams.set("version", version.value);
  try {
    const response = await fetch(url, { headers: { accept: "text/html", "x-portal-region": "row-state" }, redirect: "error" });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("row-state");
    const old = $("#row-state", form);
    if (fresh && old && !old.isEqualNode(fresh)) old.replaceWith(fresh);
  } catch { /* the next change requests it again */ }
};
on("portal:changed", () => { stateTimer ??= setTimeout(refreshRowState, 300); });
// A drawer with its own URL was closed: show the current list.
on("portal:back", (event) => {
  const back = new URL(event.target.dataset.back, location.href);
  const list = listAt(back, $("[data-list]"));
  if (!list) return;
  event.preventDefault();
  $("[data-current] .pt-row-link")?.focus();
  swapList(list, back, "replace");
});
