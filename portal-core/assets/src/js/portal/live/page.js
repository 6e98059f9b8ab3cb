// Live regions of the page and the server's settings for them.
import { $, $$ } from "../dom.js";

/** Element with the URL of the event stream and the cursor of the page, if it has live regions. */
export const source = $("meta[name=pt-live]");

/** Returns the live regions of the page. */
export const liveRegions = () => $$("pt-live[data-topics]");

/**
 * Returns the URL from which regions are rendered.
 *
 * An open drawer has its own URL, which is invalid once its record is gone, so this is that of the
 * page behind it.
 */
export const pageUrl = () => $("dialog[data-back]")?.dataset.back ?? location.href;
