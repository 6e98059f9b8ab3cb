// Command palette and keyboard shortcuts; loaded on first use.
import { togglePalette } from "./palette/dialog.js";
import { handleShortcut } from "./palette/keys.js";

// The functions that `portal/shortcuts.js` calls.
window.portal.palette = togglePalette;
window.portal.key = handleShortcut;
