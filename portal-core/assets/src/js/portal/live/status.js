// Connection status. It has a fixed position so that it does not move other content, and its box
// stays on the page so that screen readers announce changes.
import { $, createElement } from "../dom.js";
import { source } from "./page.js";

const SUCCESS_DURATION = 3000;

let box;
let statusTimer;
let offlineTimer;

/** Shows text, followed by more nodes; without text, removes the status. */
export const showStatus = (text, tone, ...more) => {
  clearTimeout(statusTimer);
  if (!box?.isConnected) {
    box = createElement("div", { class: "pt-connection-status", role: "status" });
    document.body.append(box);
  }
  box.replaceChildren();
  if (text) {
    const label = createElement("span", {}, text);
    box.append(createElement("p", { "data-tone": tone }, label, ...more));
  }
  if (tone === "success") statusTimer = setTimeout(showStatus, SUCCESS_DURATION);
};

/** Returns `true` if the visible status has a tone. */
export const hasStatus = (tone) => Boolean(box && $(`[data-tone=${tone}]`, box));

/** Reports a lost connection, unless it is restored within `delay` milliseconds. */
export const showOffline = (delay = 2000) => {
  offlineTimer ??= setTimeout(() => {
    if (document.hidden || hasStatus("danger")) return;
    const stale = source ? " This page may be out of date." : "";
    const text = navigator.onLine
      ? `Connection lost.${stale} Reconnecting…`
      : `You are offline.${stale}`;
    showStatus(text, "warning");
  }, delay);
};

/** Cancels a report of a lost connection that is not visible yet. */
export const cancelOffline = () => {
  clearTimeout(offlineTimer);
  offlineTimer = undefined;
};

/** Reports that a lost connection has been restored. */
export const showOnline = () => {
  cancelOffline();
  if (hasStatus("warning")) showStatus("Back online", "success");
};
