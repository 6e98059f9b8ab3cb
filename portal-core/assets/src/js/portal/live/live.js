// Regions that re-render when one of their topics changes (see docs/live.md).
import { on } from "../dom.js";
import { source } from "./page.js";
import { handleAccessChange, markStale, refresh, retryAfterSignOut } from "./refresh.js";
import { cancelOffline, hasStatus, showOffline, showOnline, showStatus } from "./status.js";
import {
  connect,
  coverRegions,
  disconnect,
  isConnected,
  reconnect,
  setStreamHandlers,
} from "./stream.js";

// This and all higher codes report that permissions have changed or the session has ended.
const FIRST_ACCESS_CODE = 4001;
const SESSION_ENDED = 4401;
// Browsers limit the number of connections per site; a hidden tab frees its connection for other
// tabs.
const HIDDEN_DISCONNECT_DELAY = 10000;

setStreamHandlers({
  onChanged: markStale,
  onClosed: (code) => {
    if (code >= FIRST_ACCESS_CODE) handleAccessChange(code === SESSION_ENDED);
  },
});

// A region that the user was working on can be refreshed once the user has left it.
for (const type of ["focusout", "pointerup", "pointercancel"]) {
  on(type, () => setTimeout(refresh, 300));
}

addEventListener("offline", () => {
  showOnline();
  showOffline(0);
});
addEventListener("online", () => {
  if (source) reconnect();
  else showOnline();
});

let hiddenTimer;
const handleVisibility = () => {
  clearTimeout(hiddenTimer);
  if (document.hidden) {
    hiddenTimer = setTimeout(disconnect, HIDDEN_DISCONNECT_DELAY);
    return;
  }
  if (hasStatus("danger")) {
    showStatus();
    retryAfterSignOut();
  }
  if (!isConnected()) reconnect();
  refresh();
};
on("visibilitychange", handleVisibility);
addEventListener("pagehide", () => {
  disconnect();
  cancelOffline();
});
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) handleVisibility();
});

let isLoaded = false;
let connectTimer;
customElements.define(
  "pt-live",
  class extends HTMLElement {
    connectedCallback() {
      if (!isLoaded || !this.dataset.topics) return;
      clearTimeout(connectTimer);
      connectTimer = setTimeout(coverRegions, 50);
    }
  },
);
addEventListener("load", () =>
  setTimeout(() => {
    isLoaded = true;
    connect();
  }),
);
