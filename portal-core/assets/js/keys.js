// Keys. Never while one types, and single keys only as long as the reader wants them (WCAG 2.1.4).
const kept = (key) => { try { return localStorage[key]; } catch { /* not allowed */ } };
const keep = (key, value) => { try { localStorage[key] = value; } catch { /* not allowed */ } };
const palette = (what) => {
  const button = $("[data-palette]");
  if (!button) return;
  load(button.dataset.palette).then(() => portal.palette(what, button), () => location.assign(button.href));
  return true;
};
on("click", (event) => {
  if (event.target.closest?.("[data-palette]") && !event.ctrlKey && !event.metaKey && palette()) event.preventDefault();
});
// The letter of each place of the navigation: the first of its name that is free.
const places = () => {
  const found = new Map();
  for (const link of $$(".pt-side .pt-nav a")) {
    const letter = [...link.textContent.toLowerCase()].find((it) => /[a-z]/.test(it) && !found.has(it));
    if (letter) found.set(letter, link);
  }
  return found;
};
let going;
on("keydown", (event) => {
  const { key, target } = event;
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "k" && !event.altKey && !event.shiftKey) {
    if (palette()) event.preventDefault();
    return;
  }
  if (key === "Escape") return $$(".pt-tip").forEach((tip) => { tip.dataset.off = ""; });
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input:not([type=checkbox],[type=radio]),select,textarea,[contenteditable],dialog") || kept("portal:keys") === "off") return;
  const act = { "/": () => {
    const field = $("main [type=search]");
    return field ? (field.focus(), true) : palette();
  }, "?": () => palette("keys"), g: () => { going = setTimeout(() => { going = 0; }, 2000); } };
  if (going) {
    clearTimeout(going);
    going = 0;
    const link = places().get(key);
    if (link) { event.preventDefault(); link.click(); }
  } else if (act[key]) {
    if (act[key]()) event.preventDefault();
  } else if (key === "j" || key === "k") {
    const rows = $$(".pt-row-link");
    rows[Math.max(0, rows.indexOf(document.activeElement) + (key === "j" ? 1 : -1))]?.focus();
  }
});
// Esc hides a tooltip until the pointer or the focus comes anew.
const showAgain = ({ target, relatedTarget }) => {
  const tip = target.closest?.(".pt-tip[data-off]");
  if (tip && !tip.contains(relatedTarget)) delete tip.dataset.off;
};
on("pointerover", showAgain);
on("focusin", showAgain);
