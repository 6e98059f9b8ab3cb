// Refreshing: requests stale regions from the page and applies them.
import { retryDelay } from "../backoff.js";
import { $, createElement } from "../dom.js";
import { fetchStyles } from "../lazy_assets.js";
import { hasInput } from "../unsaved.js";
import { morphRegion } from "./morph.js";
import { liveRegions, pageUrl } from "./page.js";
import { showOnline, showStatus } from "./status.js";
import { disconnect } from "./stream.js";
import { hasAny } from "./topics.js";

const REQUEST_TIMEOUT = 20000;
// Spreads out requests from many tabs.
const MAX_START_DELAY = 100;
const MIN_RELOAD_INTERVAL = 10000;
const SESSION_RENEWAL_DELAY = 2000;

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const staleIds = new Set();
let isRefreshing = false;
let isSessionEnded = false;
let leftAt = 0;
let failures = 0;
let signedOutCount = 0;

/** Marks regions with any of the topics, or all regions, as stale and refreshes them. */
export const markStale = (topics) => {
  for (const region of liveRegions()) {
    if (!topics || hasAny(region.dataset.topics, topics)) staleIds.add(region.id);
  }
  document.dispatchEvent(new Event("portal:changed"));
  refresh();
};

/** Renders the page again after permissions have changed, or after the session has ended. */
export const handleAccessChange = (sessionEnded) => {
  isSessionEnded = sessionEnded;
  markStale();
};

/** Requests the page again, in case the user has signed in. */
export const retryAfterSignOut = () => {
  signedOutCount = 0;
  markStale();
};

const isChangedField = (field) =>
  field.isContentEditable ||
  field.matches("select") ||
  (field.matches("input,textarea") && field.value !== field.defaultValue);

// A region that the user is working on is not replaced until the user leaves it or saves.
const isBeingEdited = (region) => {
  const { activeElement } = document;
  return (
    region.matches(":active") ||
    hasInput(region) ||
    (region.contains(activeElement) && isChangedField(activeElement))
  );
};

// Takes the ids of regions that can be replaced now from the stale ids and returns them. Also drops
// the ids of regions that no longer exist.
const takeRefreshable = () => {
  const ids = [];
  for (const id of [...staleIds]) {
    const region = document.getElementById(id);
    if (region && isBeingEdited(region)) continue;
    staleIds.delete(id);
    if (region) ids.push(id);
  }
  return ids;
};

const markIdsStale = (ids) => {
  for (const id of ids) staleIds.add(id);
};

/** Requests the stale regions, one request at a time. */
export const refresh = async () => {
  if (isRefreshing || document.hidden) return;
  const ids = takeRefreshable();
  if (!ids.length) return;
  isRefreshing = true;
  await sleep(Math.random() * MAX_START_DELAY);
  const startedAt = Date.now();
  try {
    await refreshRegions(ids);
    failures = 0;
  } catch {
    markIdsStale(ids);
    failures++;
  }
  // Waits as long as the response took, to limit the load on a slow server.
  await sleep(failures ? retryDelay(failures) : Date.now() - startedAt);
  isRefreshing = false;
  refresh();
};

const refreshRegions = async (ids) => {
  const response = await fetch(pageUrl(), {
    headers: { Accept: "text/html", "X-Portal-Region": ids.join(" ") },
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(REQUEST_TIMEOUT),
  });
  const { status, type } = response;
  if (status === 429 || status >= 500) throw response;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const isComplete = ids.every((id) => page.getElementById(id));
  // A submitted form navigates away. Reloading or replacing regions now would cancel it.
  if (!isComplete && isNavigating()) throw response;
  if ((isSessionEnded && !isComplete) || type === "opaqueredirect" || status === 401) {
    return handleSignedOut(ids);
  }
  signedOutCount = 0;
  fetchStyles(page, response.headers);
  applyRegions(ids, page);
  if (!isComplete) reloadPage();
};

const isNavigating = () => Date.now() - leftAt < REQUEST_TIMEOUT || $("form.htmx-request");

const applyRegions = (ids, page) => {
  for (const id of ids) {
    const region = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!region) continue;
    if (isBeingEdited(region)) staleIds.add(id);
    else if (fresh) morphRegion(region, fresh);
    else region.replaceChildren();
  }
};

const pageLink = (text) =>
  createElement("a", { class: "pt-btn", "data-size": 1, href: location.href }, text);

// Reloads the page, once, if regions are missing: the page changed or is no longer available to the
// user.
const reloadPage = () => {
  if (hasInput(document)) {
    const text = "This page has changed. Your input is still here.";
    return showStatus(text, "danger", pageLink("Reload"));
  }
  if (Date.now() - (sessionStorage.ptLive ?? 0) < MIN_RELOAD_INTERVAL) return;
  sessionStorage.ptLive = Date.now();
  location.reload();
};

const handleSignedOut = async (ids) => {
  signedOutCount++;
  if (signedOutCount === 1) {
    // The session may be renewed in a moment.
    markIdsStale(ids);
    return sleep(SESSION_RENEWAL_DELAY);
  }
  for (const id of ids) {
    const region = document.getElementById(id);
    if (region && !isBeingEdited(region)) region.replaceChildren();
  }
  staleIds.clear();
  disconnect();
  showOnline();
  showStatus("You are signed out.", "danger", pageLink("Sign in"));
};

addEventListener("beforeunload", () => {
  leftAt = Date.now();
});
