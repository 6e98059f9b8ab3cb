// Times on the page, in the page's language and the browser's time zone.
import { $, $$, on, root } from "./dom.js";
import { timeFormatter } from "./time_format.js";
import { timeZone } from "./time_zone.js";

const REFRESH_INTERVAL = 30000;

const formatter = timeFormatter(root.lang);

const formatTime = (element) => {
  const date = new Date(element.dateTime);
  if (Number.isNaN(date.getTime())) return;
  const text = formatter.format(date, element.dataset.format);
  if (element.textContent !== text) element.textContent = text;
  element.title = formatter.full(date);
};

/** Formats the times in a part of the page, or on the whole page. */
export const formatTimes = (part) => {
  $$("time[data-format]", part).forEach(formatTime);
  const name = $(".pt-zone>span");
  if (name) name.textContent = timeZone;
};

// Runs in a separate task, so that typing and clicking do not have to wait for the whole script.
let isFormatted;
setTimeout(() => {
  customElements.define(
    "pt-time",
    class extends HTMLElement {
      connectedCallback() {
        if (isFormatted) $$("time", this).forEach(formatTime);
      }
    },
  );
  formatTimes();
  isFormatted = true;
});

on("htmx:after:swap", () => formatTimes());
setInterval(() => $$("time[data-format=ago]").forEach(formatTime), REFRESH_INTERVAL);
