// What applications may call.
window.portal = { toast, open: (id) => open(document.getElementById(id)) };
// What only the pages of tasks need comes with them.
const here = document.currentScript?.src;
if (here && $("pt-task-monitor,pt-task")) document.head.append(make("script", { src: new URL("@tasks.js", here) }));
