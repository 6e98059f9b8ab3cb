// Detects lost connections that no event reports: after the device has slept, or when the network
// drops a connection.

const MAX_SILENCE = 60000;
const CHECK_INTERVAL = 5000;

/**
 * Calls `reconnect` when a connection has been silent for too long or the browser is back online.
 *
 * Returns a function that stops these checks.
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
