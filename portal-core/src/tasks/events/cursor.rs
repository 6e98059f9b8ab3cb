//! Cursor from which a disconnected client resumes: the `id` of a server-sent event.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::live;
use crate::store::now;
use crate::tasks::record::TaskRecord;

/// Position of a change that a client has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tasks) struct Cursor {
    /// Time of the change.
    pub(in crate::tasks) at: DateTime<Utc>,
    /// The `seq` of the change; 0 at the start of a stream.
    seq: i64,
}

impl Cursor {
    /// Returns the cursor for a client that has not received anything yet.
    pub(in crate::tasks) fn start() -> Self {
        Self { at: now(), seq: 0 }
    }

    pub(in crate::tasks) fn of(record: &TaskRecord) -> Self {
        Self {
            at: record.updated_at,
            seq: record.version,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.at.timestamp_micros(), self.seq)
    }
}

impl FromStr for Cursor {
    type Err = ();

    /// Parses the cursor of a task or a page, or a time in RFC 3339 format.
    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(at) = live::read_mark_time(text) {
            return Ok(Self { at, seq: 0 });
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self {
                at: at.to_utc(),
                seq: 0,
            });
        }
        let (at, seq) = text.split_once('-').ok_or(())?;
        let number = |text| i64::from_str_radix(text, 16).map_err(|_| ());
        Ok(Self {
            at: DateTime::from_timestamp_micros(number(at)?).ok_or(())?,
            seq: number(seq)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_survives_a_round_trip() {
        let cursor = Cursor {
            at: now(),
            seq: 1_000_007,
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn page_cursors_and_times_are_valid() {
        let at = DateTime::from_timestamp_micros(0x0006_60ed_02c4_9476).unwrap();
        let expected = Cursor { at, seq: 0 };
        assert_eq!("1082cc84e2d3459a.660ed02c49476".parse(), Ok(expected));
        assert_eq!(at.to_rfc3339().parse(), Ok(expected));
    }

    #[test]
    fn invalid_cursor_is_rejected() {
        for text in [
            "",
            "-",
            "7",
            "zz-1",
            "1-",
            "ffffffffffffffffff-1",
            "7fffffffffffffff-1",
            "💥-1",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(()), "{text}");
        }
    }
}
