// Task page in a drawer next to its list.
import { $, createElement, on } from "../common/helpers.js";
import { fetchTask } from "./page.js";

const TASK_FRAGMENT = /^#task-[\da-f-]{36}$/;

let drawer;

const createDrawer = () => {
  const button = (kind) => ({ class: "pt-btn", "data-kind": kind, "data-size": "1" });
  const pageLink = createElement("a", { ...button("ghost"), "data-part": "whole" }, "Open as page");
  const closeAttributes = { type: "button", ...button("outline"), "data-closes": "" };
  const closeButton = createElement("button", closeAttributes, "Close");
  const head = { class: "pt-drawer-head" };
  drawer = createElement(
    "dialog",
    { class: "pt-drawer pt-task-drawer", "aria-labelledby": "task-title" },
    createElement("div", head, createElement("div"), pageLink, closeButton),
    createElement("div", { class: "pt-drawer-body" }),
  );
  document.body.append(drawer);
  drawer.addEventListener("close", () => {
    $(".pt-drawer-body", drawer).replaceChildren();
    if (!location.hash) return;
    if (history.state?.drawer) history.back();
    else history.replaceState(null, "", location.pathname + location.search);
  });
};

/** Opens the task behind a link and, if `cancels` is `true`, the confirmation for cancelling it. */
export const openTask = async ({ href }, { cancels = false } = {}) => {
  if (!drawer?.isConnected) createDrawer();
  const task = await fetchTask(href);
  if (!task) return location.assign(href);
  $("[data-part=whole]", drawer).href = href;
  $(".pt-drawer-body", drawer).replaceChildren(task);
  if (!drawer.open) {
    drawer.showModal();
    // The page keeps the URL of the list, because the list may re-render from it; the fragment
    // identifies the task in the drawer.
    if (!location.hash) history.pushState({ drawer: true }, "", `#task-${task.dataset.taskId}`);
  }
  if (cancels) $("[data-key=c]", task)?.click();
};

addEventListener("popstate", () => {
  if (drawer?.open) drawer.close();
});

on("click", (event) => {
  const link = event.target.closest?.("[data-task-link]");
  if (!link || event.button) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  openTask(link);
});

// Opens the task in the URL fragment. Its URL is derived from the link to any other task.
const anyLink = TASK_FRAGMENT.test(location.hash) && $("[data-task-link]");
if (anyLink) {
  const id = location.hash.slice("#task-".length);
  openTask({ href: anyLink.href.replace(/[^/]+$/, id) });
}
