// Script for every page, loaded after htmx. It is progressive enhancement: every page works without
// it. The listeners of the imported modules run in the order of the imports.
import { openDialog } from "./portal/dialog.js";
import "./portal/menu.js";
import "./portal/form.js";
import "./portal/selection.js";
import "./portal/theme.js";
import "./portal/copy.js";
import "./portal/time.js";
import "./portal/tabs.js";
import "./portal/bell.js";
import "./portal/retry.js";
import "./portal/live/live.js";
import "./portal/shortcuts.js";
import { helpers } from "./portal/helpers.js";
import { fetchStyles, loadTaskScript } from "./portal/lazy_assets.js";
import { toast } from "./portal/toast.js";

// Functions for applications, and helpers for the other bundles.
window.portal = {
  toast,
  open: (id) => openDialog(document.getElementById(id)),
  helpers,
};

fetchStyles();
loadTaskScript();
