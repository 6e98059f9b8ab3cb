// Lists that are fetched and replaced alone, and drawers above them. Without this they are plain pages.
const { $, $$, on, clean, toast } = window.portal.parts;
const listOf = (node) => node?.closest?.("[data-list]");
const OVERLAYS = "pt-modal,pt-modal~dialog";
// Forms of drawers, and the question whether to delete what a drawer shows.
const FORMS = "dialog>form[data-guard],pt-modal~dialog>form";
const swapList = (list, url, history = "push") => htmx.ajax("GET", url.pathname + url.search, {
  source: list, target: list, select: "#" + list.id, swap: "outerMorph", selectOOB: "#pt-head:outerMorph", [history]: "true",
});
let typing, typed;
on("input", ({ target }) => {
  const { form } = target;
  if (target.type !== "search" || !form?.matches("[data-autosubmit]") || !listOf(form)) return;
  clearTimeout(typing);
  typing = setTimeout(() => { typed = true; form.requestSubmit(); typed = false; }, 250);
});
on("change", ({ target }) => target.matches("[data-filter] [name=_field]") && target.form.requestSubmit($("[name=_choose]", target.form)));
// The list that an address shows, if it is one of this page.
const listAt = (url, list) => url.origin + url.pathname === location.origin + location.pathname && list;
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
  clearTimeout(typing);
  const list = listOf(form);
  if (!list || form.method !== "get") return;
  const url = new URL(form.action);
  if (!listAt(url, list)) return;
  event.preventDefault();
  // An empty filter is a condition of its own: no value.
  const pairs = [...new FormData(form, submitter)].filter(([name, value]) => value || name.startsWith("filter["));
  url.search = new URLSearchParams(pairs);
  swapList(list, url, typed ? "replace" : "push");
});
on("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  const source = ctx.sourceElement;
  if (ctx.swap === "none" || !source.matches(`[data-list],${FORMS}`)) return;
  const found = tasks.some((task) => task.type === "main" && task.fragment.childElementCount);
  if (!found) {
    event.preventDefault();
    const { raw, status } = ctx.response;
    // The form stays with all that is in it, whatever the server responds.
    const isForm = source.matches("form");
    if (isForm) clean.set(source, "");
    if (!raw.redirected) toast(`That did not work (error ${status}).`, "danger");
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
  // What a reader has chosen is stronger than what the server says, unless it is told otherwise.
  if (list) $$("form[data-autosubmit]", list).forEach((form) => form.contains(document.activeElement) || form.reset());
  // The focused element was removed; the next control gets the focus, unless `land` moves it.
  if (list && landing === undefined && document.activeElement === document.body) $("[data-filter] :is(select,[name=_value]),[data-adds-filter]", list)?.focus();
  const dialog = detail.ctx.target?.closest?.("dialog");
  const form = dialog && $("form[data-guard]", dialog);
  if (!form) return;
  // A form that comes back is not saved; closing a question about it loses nothing.
  if ($("[name=_confirmed]", form)) clean.delete(form);
  else clean.set(form, "");
  const { activeElement } = document;
  ($("[aria-invalid=true]", form) ?? (dialog.contains(activeElement) ? activeElement : dialog)).focus();
});
on("htmx:error", ({ detail: { ctx } }) => {
  if (!ctx?.sourceElement?.matches("[data-list],form[data-guard]")) return;
  toast("The portal cannot be reached. Try again.", "danger");
  if (ctx.sourceElement.matches("form")) clean.set(ctx.sourceElement, "");
});
// A form that was sent by script is done: `pages/swap.rs`.
on("portal:done", ({ target, detail: { to, text, tone, label, href } }) => {
  const url = new URL(to, location.href);
  const list = listAt(url, $("[data-list]"));
  const dialog = target.closest("dialog");
  $$("form", dialog ?? target).forEach((form) => clean.delete(form));
  if (!list) return location.assign(url);
  dialog?.close();
  if (text) toast(text, tone, href, label);
  landing = url.hash;
  swapList(list, url, "replace");
});
// Where the focus goes when the list is shown again: to the new row, else to the heading, unless
// the element that opened the drawer has it.
let landing;
const land = () => {
  const row = landing && document.getElementById(decodeURIComponent(landing.slice(1)));
  landing = undefined;
  const link = row && $(".pt-row-link", row);
  const title = $("h1");
  if (!link && document.activeElement !== document.body) return;
  if (title) title.tabIndex = -1;
  (link || title)?.focus();
};
on("htmx:after:swap", ({ target }) => landing !== undefined && listOf(target) && setTimeout(land, 50));
// Someone else may have saved the record of the open drawer.
let asking;
const askState = async () => {
  asking = undefined;
  const form = $("dialog[data-back] form[data-guard]");
  const version = form && $("[name=_version]", form);
  if (!version || !$("#row-state", form)) return;
  const url = new URL(form.getAttribute("action"), location.href);
  url.searchParams.set("version", version.value);
  try {
    const answer = await fetch(url, { headers: { accept: "text/html", "x-portal-region": "row-state" }, redirect: "error" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("row-state");
    const old = $("#row-state", form);
    if (fresh && old && !old.isEqualNode(fresh)) old.replaceWith(fresh);
  } catch { /* the next change asks again */ }
};
on("portal:changed", () => { asking ??= setTimeout(askState, 300); });
// A drawer that has its own address is closed: the list is shown as it is now.
on("portal:back", (event) => {
  const back = new URL(event.target.dataset.back, location.href);
  const list = listAt(back, $("[data-list]"));
  if (!list) return;
  event.preventDefault();
  $("[data-current] .pt-row-link")?.focus();
  swapList(list, back, "replace");
});
