// Selection in the palette results.
import { wrapIndex } from "../common/wrap_index.js";

const PAGE = 5;

const MOVES = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: () => -1,
  PageDown: (at, count) => Math.min(at + PAGE, count - 1),
  PageUp: (at) => Math.max(at - PAGE, 0),
};

/** Returns the index that a key selects, or `undefined` if the key does not move the selection. */
export const moveSelection = (key, at, count) => {
  const move = MOVES[key];
  return move && wrapIndex(move(at, count), count);
};

/** Returns the text that screen readers announce for a number of results. */
export const resultsText = (count) => {
  if (!count) return "No results";
  return count === 1 ? "1 result" : `${count} results`;
};
