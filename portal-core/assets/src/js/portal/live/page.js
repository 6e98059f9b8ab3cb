// Live regions on the page and the server's settings for them.
import { $, $$ } from "../dom.js";

/** Element with the event stream's URL and the page's cursor; only on pages with live regions. */
export const source = $("meta[name=pt-live]");

/** Returns the live regions on the page. */
export const liveRegions = () => $$("pt-live[data-topics]");

/**
 * Returns the URL that regions are requested from.
 *
 * An open drawer has its own URL, which becomes invalid when its record is deleted. In this case,
 * returns the URL of the page behind the drawer.
 */
export const pageUrl = () => $("dialog[data-back]")?.dataset.back ?? location.href;
