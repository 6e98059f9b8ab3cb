//! Cursor: the position at which the next page of a list starts.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::record::NotificationRecord;

/// Position of the last entry of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: DateTime<Utc>,
    pub(super) id: Uuid,
}

impl Cursor {
    pub(super) fn of(record: &NotificationRecord) -> Self {
        Self {
            at: record.updated_at,
            id: record.id,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.at.timestamp_micros(), self.id.simple())
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('-').ok_or(())?;
        let at = i64::from_str_radix(at, 16).map_err(|_| ())?;
        Ok(Self {
            at: DateTime::from_timestamp_micros(at).ok_or(())?,
            id: id.parse().map_err(|_| ())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_round_trips_and_invalid_text_is_rejected() {
        let cursor = Cursor {
            at: crate::store::now(),
            id: Uuid::now_v7(),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "-", "7", "zz-1", "1-", "ffffffffffffffffff-1", "💥-1"] {
            assert_eq!(text.parse::<Cursor>(), Err(()), "{text}");
        }
    }
}
