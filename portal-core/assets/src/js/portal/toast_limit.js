// Limit on the number of visible toasts.

const MAX_TOASTS = 3;

/** Returns the visible toasts to dismiss. `toasts` starts with the oldest; errors come last. */
export const toastsToDismiss = (toasts) => {
  const isError = (toast) => toast.dataset.tone === "danger";
  return toasts
    .slice(0, -1)
    .sort((one, other) => isError(one) - isError(other))
    .slice(0, Math.max(0, toasts.length - MAX_TOASTS));
};
