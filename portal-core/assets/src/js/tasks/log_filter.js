// Filter for log lines.

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

/** Returns `true` if a line matches the minimum level and the text; empty filters match all. */
export const matchesFilter = (line, { level, text }) =>
  (!level || LEVELS.indexOf(line.level) >= LEVELS.indexOf(level)) &&
  (!text || line.text.toLowerCase().includes(text.toLowerCase()));
