// Functions for applications, and helpers shared with the scripts that are loaded later.
window.portal = { toast, open: (id) => open(document.getElementById(id)), helpers: { $, $$, on, make, root, clean, toast, formatTimes } };
fetchStyles();
if ($("pt-task-monitor,pt-task")) load("@tasks.js");
