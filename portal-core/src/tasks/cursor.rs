//! Where a client that was cut off goes on: the `id` of a server-sent event.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::record::TaskRecord;
use crate::live;
use crate::store::now;

/// A change that a client has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// When it was.
    pub(super) at: DateTime<Utc>,
    /// The `seq` that it had; 0 for the beginning of a stream.
    seq: i64,
}

impl Cursor {
    /// For a client that has seen nothing yet.
    pub(super) fn start() -> Self {
        Self { at: now(), seq: 0 }
    }

    pub(super) fn of(record: &TaskRecord) -> Self {
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

    /// Reads a cursor, the mark of a page or a time in RFC 3339.
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
    fn a_cursor_survives_the_wire() {
        let cursor = Cursor {
            at: now(),
            seq: 1_000_007,
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn page_marks_and_times_are_cursors() {
        let at = DateTime::from_timestamp_micros(0x0006_60ed_02c4_9476).unwrap();
        let expected = Cursor { at, seq: 0 };
        assert_eq!("1082cc84e2d3459a.660ed02c49476".parse(), Ok(expected));
        assert_eq!(at.to_rfc3339().parse(), Ok(expected));
    }

    #[test]
    fn what_is_no_cursor_is_told() {
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
