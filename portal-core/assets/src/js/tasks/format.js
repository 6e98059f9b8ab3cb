// Formatting of task data.

const STATUS_BADGES = {
  PENDING: ["Pending", ""],
  PROCESSING: ["Running", "info"],
  COMPLETED: ["Completed", "success"],
  ERROR: ["Failed", "danger"],
};

/** Returns `true` if a task with this status has finished. */
export const isFinal = (status) => status === "COMPLETED" || status === "ERROR";

/**
 * Returns the label and the tone of a task's status.
 *
 * State updates do not contain a pending cancellation, so the caller passes `isCancelling`.
 */
export const statusBadge = (task, isCancelling) => {
  if (task.error === "cancelled") return ["Cancelled", ""];
  if (task.status === "PROCESSING" && isCancelling) return ["Cancelling…", "warning"];
  return STATUS_BADGES[task.status] ?? [task.status, ""];
};

/** Formats the time between two points in time, in the two largest units. */
export const formatDuration = (from, to) => {
  const seconds = Math.max(0, (to - from) / 1000);
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

/** Formats a JSON value. A string is returned unchanged. */
export const formatValue = (value) => {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
};

/** Returns the number of the attempt, or an empty string if the task has only one attempt. */
export const attemptText = ({ attempt, max_attempts: max }) => {
  const isShown = attempt > 1 || (max > 1 && attempt);
  return isShown ? `${attempt}/${Math.max(attempt, max)}` : "";
};

/** Inserts the id and the group of a task into a URL pattern. */
export const expandPattern = (pattern, { id, state }) =>
  pattern.replace("{id}", encodeURIComponent(id)).replace("{state}", encodeURIComponent(state));

/** Returns the time in a page's cursor, in milliseconds. */
export const cursorTime = (cursor) => Number.parseInt(cursor.split(".")[1], 16) / 1000;
