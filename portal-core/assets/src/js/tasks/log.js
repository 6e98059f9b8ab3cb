// Task log.
import { $, createElement, formatTimes, toast } from "../common/helpers.js";
import { formatValue } from "./format.js";
import { matchesFilter } from "./log_filter.js";

const MAX_LINES = 2000;
// Maximum distance from the end, in pixels, at which the log still follows new lines.
const END_TOLERANCE = 12;

const createLine = ({ at, level, message, fields }) => {
  const time = createElement("time", { datetime: at, "data-format": "precise" });
  const text = createElement("span", {}, message ?? "");
  for (const [name, value] of Object.entries(fields ?? {})) {
    text.append(" ", createElement("i", {}, `${name}=`), formatValue(value));
  }
  const attributes = { "data-level": level };
  const line = createElement("li", attributes, time, createElement("b", {}, level), text);
  formatTimes(line);
  return line;
};

/** Shows the lines of a log, filters them, and follows the end of the log. */
export class LogView {
  /** `task` is the element with the log and its controls. */
  constructor(task) {
    this.task = task;
    this.list = $("[data-part=log]", task);
    this.pendingLines = [];
    this.isFollowing = true;
    this.list?.addEventListener("scroll", () => this.setFollowing(this.isAtEnd()));
    this.scrollToEnd();
  }

  /** Adds a line. Lines that arrive in the same animation frame are added together. */
  add(entry) {
    this.pendingLines.push(createLine(entry));
    this.animationFrame ??= requestAnimationFrame(() => this.flush());
  }

  flush() {
    this.animationFrame = undefined;
    const lines = this.pendingLines.splice(0);
    this.hideOthers(lines);
    this.list.append(...lines);
    while (this.list.children.length > MAX_LINES) this.list.firstElementChild.remove();
    if (this.isFollowing) this.scrollToEnd();
  }

  /** Hides the lines that do not match the filter. */
  filter() {
    this.hideOthers(this.list.children);
    if (this.isFollowing) this.scrollToEnd();
  }

  hideOthers(lines) {
    const level = this.control("level")?.value;
    const text = this.control("text")?.value;
    for (const line of lines) {
      const content = { level: line.dataset.level, text: line.textContent };
      line.hidden = !matchesFilter(content, { level, text });
    }
  }

  control(name) {
    return $(`[data-log=${name}]`, this.task);
  }

  isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < END_TOLERANCE;
  }

  scrollToEnd() {
    if (this.list) this.list.scrollTop = this.list.scrollHeight;
  }

  setFollowing(isFollowing) {
    this.isFollowing = isFollowing;
    this.control("follow")?.setAttribute("aria-pressed", isFollowing);
  }

  /** Starts or stops following the end of the log. */
  toggleFollowing() {
    this.setFollowing(!this.isFollowing);
    if (this.isFollowing) this.scrollToEnd();
  }

  /** Copies the visible lines, and returns `true` if that succeeds. */
  async copy() {
    const lines = [...this.list.children].filter((line) => !line.hidden);
    const cells = (line) => [...line.children].map((cell) => cell.textContent);
    try {
      await navigator.clipboard.writeText(lines.map((line) => cells(line).join(" ")).join("\n"));
    } catch {
      toast("Couldn't copy the log", "danger");
      return false;
    }
    toast("Log copied", "success");
    return true;
  }
}
