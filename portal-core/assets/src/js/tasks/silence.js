// A connection can be lost without an event: after the device sleeps, or when the network drops it.

const MAX_SILENCE = 60000;
const CHECK_INTERVAL = 5000;

/**
 * Calls `reconnect` when a connection has been silent for too long or the browser is back online.
 *
 * Returns a function that stops this.
 */
export const watchSilence = (lastMessageAt, reconnect) => {
  const timer = setInterval(() => {
    if (Date.now() - lastMessageAt() > MAX_SILENCE) reconnect();
  }, CHECK_INTERVAL);
  addEventListener("online", reconnect);
  return () => {
    clearInterval(timer);
    removeEventListener("online", reconnect);
  };
};
