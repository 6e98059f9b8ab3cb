// Keyboard shortcuts. The palette and the code for the shortcuts load on first use.
import { $, $$, on } from "./dom.js";
import { loadAssets } from "./lazy_assets.js";
import { readStored } from "./storage.js";

const TYPING = "input:not([type=checkbox],[type=radio]),select,textarea,[contenteditable],dialog";

// Runs an action from the palette's script. If the script cannot be loaded, follows the button's
// link.
const withPalette = (action) => {
  const button = $("[data-palette]");
  if (!button) return false;
  loadAssets(button.dataset.palette).then(
    () => action(button),
    () => location.assign(button.href),
  );
  return true;
};

const openSearch = () => withPalette((button) => window.portal.palette(button));

/** Returns `true` if single-key shortcuts are enabled. Users can turn them off (WCAG 2.1.4). */
export const areShortcutsEnabled = () => readStored("portal:keys") !== "off";

on("click", (event) => {
  if (!event.target.closest?.("[data-palette]") || event.ctrlKey || event.metaKey) return;
  if (openSearch()) event.preventDefault();
});

const handleSingleKey = (event) => {
  const { key, target } = event;
  if (target.closest?.(TYPING)) return;
  // Once the script is loaded, it handles all keys, because a shortcut can consist of several keys.
  if (!window.portal.key && !/^[g/?jk]$/.test(key)) return;
  if (!areShortcutsEnabled()) return;
  if (key === "/" || key === "?") event.preventDefault();
  withPalette((button) => window.portal.key(key, button));
};

on("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const hasCommand = event.ctrlKey || event.metaKey;
  if (hasCommand && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    if (openSearch()) event.preventDefault();
  } else if (event.key === "Escape") {
    for (const tip of $$(".pt-tip")) tip.dataset.off = "";
  } else if (!hasCommand && !event.altKey) {
    handleSingleKey(event);
  }
});

// A tooltip hidden with Esc stays hidden until the pointer or the focus returns.
for (const type of ["pointerover", "focusin"]) {
  on(type, ({ target, relatedTarget }) => {
    const tip = target.closest?.(".pt-tip[data-off]");
    if (tip && !tip.contains(relatedTarget)) delete tip.dataset.off;
  });
}
