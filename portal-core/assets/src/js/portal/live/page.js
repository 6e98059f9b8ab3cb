// Live regions on the page and the server's settings for them.
import { $, $$ } from "../dom.js";

/** Element with the event stream's URL and the page's cursor; only on pages with live regions. */
export const source = $("meta[name=pt-live]");

/** Returns the live regions on the page. */
export const liveRegions = () => $$("pt-live[data-topics]");

/**
 * Returns the URL from which regions are requested.
 *
 * While a drawer is open, this is the URL of the page behind it, because the drawer's own URL
 * becomes invalid when its record is deleted.
 */
export const pageUrl = () => $("dialog[data-back]")?.dataset.back ?? location.href;
