//! Conversion of timestamps between JSON and `datetime-local` fields in browsers.

use chrono::{DateTime, NaiveDateTime, Utc};

/// Converts a UTC timestamp to the `datetime-local` format, `2026-01-31T12:00`; keeps other text.
pub(super) fn to_field(text: &str) -> String {
    let Ok(moment) = text.parse::<DateTime<Utc>>() else {
        return text.to_owned();
    };
    let short = moment.naive_utc();
    for pattern in [
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M:%S%.3f",
    ] {
        let shown = short.format(pattern).to_string();
        // The shorter format is used only if the conversion is lossless.
        if from_field(&shown).as_deref() == Some(text) {
            return shown;
        }
    }
    text.to_owned()
}

/// Converts the text of a `datetime-local` field to a UTC timestamp, if it has that format.
pub(super) fn from_field(text: &str) -> Option<String> {
    let wall = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok())?;
    // The seconds are kept unchanged, because browsers write them with or without a fraction.
    let seconds = text.splitn(3, ':').nth(2).unwrap_or("00");
    Some(format!("{}:{seconds}Z", wall.format("%Y-%m-%dT%H:%M")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_skipped_by_the_parser_does_not_panic() {
        for text in [
            "2026-01-31T12:\u{2003}00",
            "2026-01-31T12: 00",
            "2026-1-31T12:00:\u{2003}5",
            "2026-01-31T12\u{2003}:00",
        ] {
            // The schema rejects invalid timestamps later.
            let _ = from_field(text);
        }
        let whole = from_field("2026-01-31T12:00").unwrap();
        assert_eq!(whole, "2026-01-31T12:00:00Z");
        let exact = from_field("2026-01-31T12:00:05.250").unwrap();
        assert_eq!(exact, "2026-01-31T12:00:05.250Z");
        assert_eq!(to_field(&exact), "2026-01-31T12:00:05.250");
    }
}
