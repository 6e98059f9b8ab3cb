// Filter for log lines.

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

/** Returns `true` if a line has at least a level and contains a text, each if it is not empty. */
export const matchesFilter = (line, { level, text }) =>
  (!level || LEVELS.indexOf(line.level) >= LEVELS.indexOf(level)) &&
  (!text || line.text.toLowerCase().includes(text.toLowerCase()));
