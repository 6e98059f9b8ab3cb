// Positions of points and tooltips in a chart. The points of a line chart extend from edge to edge;
// each bar is in the middle of its band, and all bands have the same width.

const TOOLTIP_GAP = 12;
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/** Returns the index of the point at a fraction of the width; it can lie outside the chart. */
export const pointAt = (fraction, count, hasBands) =>
  hasBands ? Math.floor(fraction * count) : Math.round(fraction * (count - 1));

/** Returns the position of a point as a fraction of the width. */
export const pointPosition = (point, count, hasBands) =>
  hasBands ? (point + 0.5) / count : point / (count - 1);

/** Returns the point that a key selects, or `undefined` if the key has no meaning. */
export const stepPoint = (key, point, count) => {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return key in STEPS ? point + STEPS[key] : undefined;
};

/** Returns the left edge of a tooltip: to the right of its point, if there is room. */
export const tooltipLeft = (x, width, rightEdge) => {
  const left = x + TOOLTIP_GAP;
  return Math.max(0, left + width > rightEdge ? x - TOOLTIP_GAP - width : left);
};
