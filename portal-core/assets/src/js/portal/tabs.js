// On a phone, the tab of this page may be outside of the visible part of its bar.
import { $$ } from "./dom.js";

const center = ({ left, width }) => left + width / 2;

for (const tab of $$(".pt-tabs [aria-current]")) {
  const bar = tab.closest(".pt-tabs");
  bar.scrollLeft += center(tab.getBoundingClientRect()) - center(bar.getBoundingClientRect());
}
