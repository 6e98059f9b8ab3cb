// The palette and the keyboard shortcuts load on first use. Keys are ignored while the user types; single-key
// shortcuts can be turned off (WCAG 2.1.4).
const loadPalette = (action) => {
  const button = $("[data-palette]");
  if (!button) return;
  load(button.dataset.palette).then(() => action(button), () => location.assign(button.href));
  return true;
};
const openSearch = () => loadPalette((button) => portal.palette(button));
on("click", (event) => {
  if (event.target.closest?.("[data-palette]") && !event.ctrlKey && !event.metaKey && openSearch()) event.preventDefault();
});
on("keydown", (event) => {
  const { key, target } = event;
  const single = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.defaultPrevented || event.isComposing) return;
  if (!single && !event.altKey && !event.shiftKey && key.toLowerCase() === "k") openSearch() && event.preventDefault();
  else if (key === "Escape") $$(".pt-tip").forEach((tip) => { tip.dataset.off = ""; });
  else if (single && !target.closest?.("input:not([type=checkbox],[type=radio]),select,textarea,[contenteditable],dialog") && (portal.key || /^[g/?jk]$/.test(key))) {
    let off;
    try { off = localStorage["portal:keys"] === "off"; } catch { /* not allowed */ }
    if (off) return;
    if (key === "/" || key === "?") event.preventDefault();
    loadPalette((button) => portal.key(key, button));
  }
});
// Esc hides a tooltip until the pointer or the focus returns.
for (const type of ["pointerover", "focusin"])
  on(type, ({ target, relatedTarget }) => {
    const tip = target.closest?.(".pt-tip[data-off]");
    if (tip && !tip.contains(relatedTarget)) delete tip.dataset.off;
  });
