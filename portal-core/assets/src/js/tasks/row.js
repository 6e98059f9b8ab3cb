// Task rows.
import { $, $$ } from "../common/helpers.js";
import { attemptText, expandPattern, formatValue } from "./format.js";
import { renderTask, setPart } from "./parts.js";

const BUTTONS = [
  ["active", "Cancel"],
  ["ended", "Run again"],
];

/** Creates the row for a new task from its list's template. */
export const createRow = (template, id, { state }) => {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.taskId = id;
  const expand = (pattern) => expandPattern(pattern, { id, state });
  for (const form of $$("form", row)) form.action = expand(form.getAttribute("action"));
  for (const link of $$("a[href]", row)) link.href = expand(link.getAttribute("href"));
  return row;
};

/** Renders a task in its row, and returns the text to announce if the task has finished. */
export const renderRow = (row, task) => {
  const title = task.title || task.name;
  for (const [when, verb] of BUTTONS) {
    const button = $(`[data-when=${when}] button`, row);
    if (!button) continue;
    for (const name of ["aria-label", "title"]) button.setAttribute(name, `${verb}: ${title}`);
  }
  const error = task.error === "cancelled" ? "" : formatValue(task.error);
  setPart(row, "title", title);
  setPart(row, "name", task.name);
  setPart(row, "state", task.state);
  setPart(row, "attempt", attemptText(task));
  setPart(row, "result", formatValue(task.result));
  setPart(row, "error", error);
  const time = $("time", row);
  if (time && task.created_at && !time.dateTime) time.dateTime = task.created_at;
  const isNew = !row.dataset.status;
  const announcement = renderTask(row, task);
  return isNew ? "" : announcement;
};
