// Command palette and keyboard shortcuts; loaded on first use.
import { togglePalette } from "./palette/dialog.js";
import { handleShortcut } from "./palette/keys.js";

// `portal/shortcuts.js` calls these functions.
window.portal.palette = togglePalette;
window.portal.key = handleShortcut;
