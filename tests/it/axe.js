// Runs axe for each theme and calls back with a line for each finding. A theme is an appearance, an
// accent, and a scope: "everything", the "colors" of the page and its overlays, or those of the "page"
// alone. Only the findings about color depend on the theme.
//
// Overlays whose ids differ only by a number, such as row menus, are checked once.
const [themes, done] = arguments;
const all = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"] };
const colors = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
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
// Overlays of the layout, which are on every page, are checked on the first page.
const isChecked = (overlay, appearance) => {
  if (overlay.closest("main")) return false;
  const name = `axe ${innerWidth} ${appearance} ${overlay.id}`;
  const checked = !!sessionStorage.getItem(name);
  sessionStorage.setItem(name, "1");
  return checked;
};
// A color in transition belongs to neither theme. Elements that inherit it start their transition later.
const finishAnimations = async () => {
  for (let round = 0; round < 20; round++) {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const moving = document.getAnimations().filter(({ playState }) => playState === "running");
    if (!moving.length) return;
    for (const animation of moving)
      animation.effect?.getComputedTiming().endTime === Infinity ? animation.pause() : animation.finish();
  }
};
(async () => {
  for (const [appearance, accent, what] of themes) {
    Object.assign(document.documentElement.dataset, { appearance, accent });
    await finishAnimations();
    const rules = what === "everything" ? all : colors;
    await check(`(${appearance}, ${accent})`, rules);
    if (what === "page") continue;
    for (const overlay of overlays()) {
      if (isChecked(overlay, appearance) || overlay.open || overlay.matches(":popover-open")) continue;
      const isDialog = overlay.tagName === "DIALOG";
      isDialog ? overlay.showModal() : overlay.showPopover();
      await finishAnimations();
      if (overlay.checkVisibility()) await check(`(${appearance}, ${accent}, ${overlay.id} open)`, rules);
      isDialog ? overlay.close() : overlay.hidePopover();
    }
  }
})().catch((error) => found.push(`axe: ${error.stack}`)).then(() => done(found));
