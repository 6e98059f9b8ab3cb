// Parts that are common to a task's row and its page.
import { $ } from "../common/helpers.js";
import { formatDuration, isFinal, statusBadge } from "./format.js";

/** Sets the text of a part and returns its element. */
export const setPart = (root, name, text) => {
  const part = $(`[data-part=${name}]`, root);
  if (part && part.textContent !== text) part.textContent = text;
  return part;
};

/** Shows the state of the connection, `on`, `wait` or `off`, with a text. */
export const setConnection = (root, state, text) => {
  const part = setPart(root, "connection", text);
  if (part) part.dataset.live = state;
};

/** Shows the duration of a task that has started. */
export const updateDuration = (root) => {
  const part = $("[data-part=duration]", root);
  const { from, to, status } = root.dataset;
  if (!part || !from || status === "PENDING") return;
  part.textContent = formatDuration(new Date(from), to ? new Date(to) : new Date());
};

const renderProgress = (root, progress, tone) => {
  const box = $("[data-part=progress]", root);
  if (!box) return;
  box.dataset.tone = tone;
  const bar = $("progress", box);
  bar.value = progress;
  bar.nextElementSibling.textContent = `${progress}%`;
};

/** Renders the state of a task, and returns the text to announce if the task has finished. */
export const renderTask = (root, task) => {
  const [label, tone] = statusBadge(task, "cancelling" in root.dataset);
  const badge = setPart(root, "status", label);
  if (badge) badge.dataset.tone = tone;
  setPart(root, "message", task.message ?? "");
  // The progress bar of a running task has the accent color.
  renderProgress(root, task.progress, task.status === "PROCESSING" ? "" : tone);
  const before = root.dataset.status;
  root.dataset.status = task.status;
  root.dataset.from = task.started_at ?? task.created_at ?? "";
  root.dataset.to = task.finished_at ?? "";
  updateDuration(root);
  const hasFinished = before !== task.status && isFinal(task.status);
  return hasFinished ? `${task.title || task.name}: ${label}` : "";
};
