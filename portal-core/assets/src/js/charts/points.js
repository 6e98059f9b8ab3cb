// Positions of points and tooltips in a chart. Points of line charts reach from edge to edge; bars
// are in the middle of bands of the same width.

const TOOLTIP_GAP = 12;
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/** Returns the index of the point at a fraction of the width. It can be outside of the chart. */
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

/** Returns the left edge of a tooltip: right of its point if it fits there, otherwise left. */
export const tooltipLeft = (x, width, rightEdge) => {
  const left = x + TOOLTIP_GAP;
  return Math.max(0, left + width > rightEdge ? x - TOOLTIP_GAP - width : left);
};
