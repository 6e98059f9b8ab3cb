// What applications may call.
window.portal = { toast, open: (id) => open(document.getElementById(id)) };
