// Notification bell: a menu with the latest notifications, and a toast for each notification that
// arrives while the page is open.
import { $, createElement, on } from "./dom.js";
import { notificationText } from "./notification_text.js";
import { toast } from "./toast.js";

let lastNotifiedAt = 0;

customElements.define(
  "pt-bell",
  class extends HTMLElement {
    static observedAttributes = ["data-at", "data-messages"];

    connectedCallback() {
      this.seenCount ??= Number(this.dataset.messages);
    }

    attributeChangedCallback(name, oldValue, newValue) {
      if (oldValue === null) return;
      const value = Number(newValue);
      if (name === "data-messages") {
        // The user has read some notifications.
        if (value < this.seenCount) this.seenCount = value;
      } else if (value > Math.max(Number(oldValue), lastNotifiedAt)) {
        lastNotifiedAt = value;
        // Waits, because a re-render changes the other attributes after this one.
        setTimeout(() => this.announce());
      }
    }

    announce() {
      const { tone, href, messages } = this.dataset;
      const more = messages - this.seenCount - 1;
      this.seenCount = Number(messages);
      toast(notificationText(this.dataset, more), tone, href);
    }
  },
);

let menuClosedAt = 0;

const createMenu = () => {
  const menu = createElement("section", {
    id: "pt-inbox",
    class: "pt-menu pt-inbox",
    popover: "",
    role: "dialog",
    "aria-labelledby": "pt-inbox-title",
  });
  menu.onbeforetoggle = ({ newState, timeStamp }) => {
    if (newState === "closed") menuClosedAt = timeStamp;
  };
  document.body.append(menu);
  return menu;
};

const openMenu = async (bell) => {
  const menu = $("#pt-inbox") ?? createMenu();
  const response = await fetch(`${bell.href}/latest`);
  if (!response.ok || response.redirected) throw response;
  menu.innerHTML = await response.text();
  menu.source = bell;
  menu.showPopover({ source: bell });
};

on("click", (event) => {
  const bell = event.target.closest("a.pt-bell");
  if (!bell || event.ctrlKey || event.metaKey || event.shiftKey || !bell.showPopover) return;
  event.preventDefault();
  // The click that closes the menu must not open it again.
  if (event.timeStamp - menuClosedAt < 300) return;
  openMenu(bell).catch(() => {
    location.href = bell.href;
  });
});
