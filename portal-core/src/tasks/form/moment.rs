//! Moments, as JSON and a browser's field write them.

use chrono::{DateTime, NaiveDateTime, Utc};

/// A moment in UTC as `datetime-local` takes it: `2026-01-31T12:00`; anything else stays.
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
        // Only if nothing of it gets lost.
        if from_field(&shown).as_deref() == Some(text) {
            return shown;
        }
    }
    text.to_owned()
}

/// What a field holds, as a moment in UTC, if the field is one of a browser's.
pub(super) fn from_field(text: &str) -> Option<String> {
    let wall = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok())?;
    let seconds = if text.len() > 16 { &text[16..] } else { ":00" };
    Some(format!("{}{seconds}Z", wall.format("%Y-%m-%dT%H:%M")))
}
