// What applications may call, and what the scripts that are loaded later share with this one.
window.portal = { toast, open: (id) => open(document.getElementById(id)), parts: { $, $$, on, make, root, clean, toast, formatTimes } };
fetchStyles();
if ($("pt-task-monitor,pt-task")) load("@tasks.js");
