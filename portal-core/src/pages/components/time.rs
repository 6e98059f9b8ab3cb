use maud::{Markup, html};

/// How a moment is written for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimeFormat {
    /// The day.
    Date,
    /// The day and the time.
    #[default]
    DateTime,
    /// How long ago, up to a week; then the day and the time.
    Ago,
}

impl TimeFormat {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Ago => "ago",
        }
    }
}

/// A moment given in RFC 3339; scripts write it in the reader's zone and language.
///
/// ```
/// use portal_core::pages::components::{TimeFormat, time};
///
/// let html = time("2026-11-22T08:30:00Z", TimeFormat::Date).into_string();
/// assert!(html.contains(">2026-11-22<"));
/// ```
#[must_use]
pub fn time(rfc3339: &str, format: TimeFormat) -> Markup {
    let plain = chrono::DateTime::parse_from_rfc3339(rfc3339).map_or_else(
        |_| rfc3339.to_owned(),
        |moment| {
            let pattern = if format == TimeFormat::Date {
                "%Y-%m-%d"
            } else {
                "%Y-%m-%d %H:%M UTC"
            };
            moment.to_utc().format(pattern).to_string()
        },
    );
    html! { pt-time { time datetime=(rfc3339) data-format=(format.as_str()) { (plain) } } }
}
