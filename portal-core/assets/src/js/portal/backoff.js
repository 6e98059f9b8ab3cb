// Delays between attempts to reconnect.

const FIRST_DELAY = 500;
const MAX_DELAY = 30000;

/**
 * Returns the delay before the next attempt, in milliseconds, after a number of failures.
 *
 * The delay doubles with each failure. It is randomized, so that clients do not all reconnect at
 * the same time.
 */
export const retryDelay = (failures, random = Math.random()) =>
  Math.min(FIRST_DELAY * 2 ** failures, MAX_DELAY) * (0.5 + random);
