//! Stored notifications.

use chrono::{DateTime, Utc};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::pages::components::Tone;
use crate::store::{Row, StoreError};

pub(super) const COLUMNS: [&str; 11] = [
    "id",
    "kind",
    "title",
    "plural",
    "count",
    "text",
    "link",
    "tone",
    "created_at",
    "updated_at",
    "read_at",
];

/// One of a user's notifications. Serializes as an item of `GET /api/notifications`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotificationRecord {
    /// Id of the notification.
    pub id: Uuid,
    /// Machine-readable kind of the notification.
    pub kind: String,
    /// Title, in one line.
    pub title: String,
    /// Number of notifications merged into this one.
    pub count: u32,
    /// Text; if several notifications were merged, that of the newest.
    pub text: Option<String>,
    /// Path within the portal that the notification links to, without the base path.
    pub link: Option<String>,
    /// Tone, which determines the color.
    pub tone: Tone,
    /// Time of the first of the merged notifications.
    pub created_at: DateTime<Utc>,
    /// Time of the newest of the merged notifications.
    pub updated_at: DateTime<Utc>,
    /// Time at which the user read the notification; `None` if unread.
    pub read_at: Option<DateTime<Utc>>,
}

impl NotificationRecord {
    /// Returns `true` if the user has not read the notification yet.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.read_at.is_none()
    }

    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let count = row.get::<i32>("count")?.unsigned_abs();
        let tone: String = row.get("tone")?;
        Ok(Self {
            id: row.get("id")?,
            kind: row.get("kind")?,
            title: title_of(row, count)?,
            count,
            text: row.get("text")?,
            link: row.get("link")?,
            tone: tone_of(&tone),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            read_at: row.get("read_at")?,
        })
    }
}

/// Returns the title or, if several notifications were merged, the plural title with their count.
fn title_of(row: &Row, count: u32) -> Result<String, StoreError> {
    let plural: Option<String> = row.get("plural")?;
    Ok(match plural {
        Some(plural) if count > 1 => plural.replace("{count}", &count.to_string()),
        _ => row.get("title")?,
    })
}

const TONES: [Tone; 5] = [
    Tone::Accent,
    Tone::Info,
    Tone::Success,
    Tone::Warning,
    Tone::Danger,
];

/// Returns a tone's name in the database and on the wire.
pub(super) fn name_of(tone: Tone) -> &'static str {
    tone.attribute_value().unwrap_or("neutral")
}

pub(super) fn tone_of(name: &str) -> Tone {
    let known = TONES
        .into_iter()
        .find(|tone| tone.attribute_value() == Some(name));
    known.unwrap_or_default()
}

impl Serialize for NotificationRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut item = serializer.serialize_struct("NotificationRecord", 10)?;
        item.serialize_field("id", &self.id)?;
        item.serialize_field("kind", &self.kind)?;
        item.serialize_field("title", &self.title)?;
        item.serialize_field("count", &self.count)?;
        item.serialize_field("text", &self.text)?;
        item.serialize_field("link", &self.link)?;
        item.serialize_field("tone", name_of(self.tone))?;
        item.serialize_field("created_at", &self.created_at)?;
        item.serialize_field("updated_at", &self.updated_at)?;
        item.serialize_field("read_at", &self.read_at)?;
        item.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tones_round_trip_through_the_database() {
        for tone in TONES.into_iter().chain([Tone::Neutral]) {
            assert_eq!(tone_of(name_of(tone)), tone);
        }
        assert_eq!(tone_of("of a newer version"), Tone::Neutral);
    }
}
