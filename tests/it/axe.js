// Runs axe for each theme and calls back with a line for each finding. A theme is an appearance, an
// accent, and a scope: "everything", the "colors" of the page and its overlays, or the colors of the
// "page" alone. Only rules about color can have different findings in another theme.
//
// Overlays whose ids differ only by a number, such as the menus of rows, are checked once.
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
// Overlays of the layout are on every page; they are checked on the first one only.
const isKnown = (overlay, appearance) => {
  if (overlay.closest("main")) return false;
  const name = `axe ${innerWidth} ${appearance} ${overlay.id}`;
  const known = !!sessionStorage.getItem(name);
  sessionStorage.setItem(name, "1");
  return known;
};
// Finish color transitions between themes. Elements that inherit a color start theirs later.
const settle = async () => {
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
    await settle();
    const rules = what === "everything" ? all : colors;
    await check(`(${appearance}, ${accent})`, rules);
    if (what === "page") continue;
    for (const overlay of overlays()) {
      if (isKnown(overlay, appearance) || overlay.open || overlay.matches(":popover-open")) continue;
      const isDialog = overlay.tagName === "DIALOG";
      isDialog ? overlay.showModal() : overlay.showPopover();
      await settle();
      if (overlay.checkVisibility()) await check(`(${appearance}, ${accent}, ${overlay.id} open)`, rules);
      isDialog ? overlay.close() : overlay.hidePopover();
    }
  }
})().catch((error) => found.push(`axe: ${error.stack}`)).then(() => done(found));
