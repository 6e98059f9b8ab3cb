// Time formats. In English, they match the server's formats (`time.rs`), so that the text does not
// change when the script runs.

const STYLES = {
  date: { dateStyle: "medium" },
  datetime: { dateStyle: "medium", timeStyle: "short" },
  clock: { timeStyle: "medium" },
  precise: { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 },
};

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const WEEK = 7 * 86400 * 1000;

/** Returns a time formatter for a page's language and an optional time zone. */
export const timeFormatter = (pageLanguage, timeZone) => {
  const language = pageLanguage.replace(/^en$/, "en-GB") || "en-GB";
  // Creating a format takes longer than formatting all times on a page, so each format is cached.
  const formats = {};
  const relativeFormat = () => {
    formats.relative ??= new Intl.RelativeTimeFormat(language, { numeric: "auto" });
    return formats.relative;
  };
  const absoluteFormat = (style) => {
    formats[style] ??= new Intl.DateTimeFormat(language, { ...STYLES[style], timeZone });
    return formats[style];
  };

  const formatRelative = (date, now) => {
    const seconds = (date - now) / 1000;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? [];
    return unit ? relativeFormat().format(Math.round(seconds / size), unit) : "just now";
  };
  const formatAbsolute = (date, style) => absoluteFormat(style).format(date).replace("Sept", "Sep");

  return {
    /** Formats a date and time. */
    full: (date) => formatAbsolute(date, "datetime"),
    /** Formats a time in the style that its element specifies in `data-format`. */
    format: (date, style, now = Date.now()) => {
      if (style === "ago" && Math.abs(date - now) < WEEK) return formatRelative(date, now);
      return formatAbsolute(date, style in STYLES ? style : "datetime");
    },
  };
};
