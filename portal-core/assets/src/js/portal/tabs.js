// Scrolls tab bars to the tab for the current page, which may be out of view on a phone.
import { $$ } from "./dom.js";

const center = ({ left, width }) => left + width / 2;

for (const tab of $$(".pt-tabs [aria-current]")) {
  const bar = tab.closest(".pt-tabs");
  bar.scrollLeft += center(tab.getBoundingClientRect()) - center(bar.getBoundingClientRect());
}
