// Runs axe for each theme and calls back with a line for each finding. A theme is an appearance, an
// accent, and what is looked at: "everything", the "colours" of the page and of what opens on it, or
// those of the "page" alone. Only rules about colour can find something else in another theme.
//
// Overlays that differ by a number in their name, such as the menus of rows, are one.
const [themes, done] = arguments;
const all = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"] };
const colours = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
const found = [];
const check = async (where, runOnly) => {
  const rules = runOnly === all ? { "target-size": { enabled: true } } : {};
  const { violations } = await axe.run(document, { runOnly, rules, resultTypes: ["violations"] });
  for (const { id, nodes } of violations)
    for (const { target, failureSummary } of nodes)
      found.push(`${id} at ${target.join(" ")} ${where}: ${failureSummary.replace(/\s+/g, " ")}`);
};
const overlays = () => {
  const seen = new Set();
  return [...document.querySelectorAll("dialog, [popover]")].filter(({ id }) => {
    const kind = id.replace(/[0-9a-f-]{8,}|\d+/g, "#");
    return id && !seen.has(kind) && seen.add(kind);
  });
};
// A colour on its way from one theme to the next is nobody's colour.
const settle = async () => {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  for (const animation of document.getAnimations()) {
    if (animation.effect?.getComputedTiming().endTime === Infinity) animation.cancel();
    else animation.finish();
  }
};
(async () => {
  for (const [appearance, accent, what] of themes) {
    Object.assign(document.documentElement.dataset, { appearance, accent });
    await settle();
    const rules = what === "everything" ? all : colours;
    await check(`(${appearance}, ${accent})`, rules);
    if (what === "page") continue;
    for (const overlay of overlays()) {
      if (overlay.open || overlay.matches(":popover-open")) continue;
      const isDialog = overlay.tagName === "DIALOG";
      isDialog ? overlay.showModal() : overlay.showPopover();
      await settle();
      if (overlay.checkVisibility()) await check(`(${appearance}, ${accent}, ${overlay.id} open)`, rules);
      isDialog ? overlay.close() : overlay.hidePopover();
    }
  }
})().catch((error) => found.push(`axe: ${error.stack}`)).then(() => done(found));
