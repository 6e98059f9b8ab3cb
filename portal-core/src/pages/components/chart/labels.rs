//! Labels below the points of a chart, and the selection of those that are shown.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::pages::scope;
use crate::store::Step;

/// Labels of the points.
#[derive(Debug, Clone)]
pub(super) enum Labels {
    Words(Vec<String>),
    Times(Vec<DateTime<Utc>>, Step),
}

/// Maximum length of a label below a chart, in characters; the table has the full text.
const MAX_LEN: usize = 16;
/// Approximate width of a character, in pixels.
const LETTER: usize = 7;
/// Space between labels, in pixels.
const SPACE: usize = 14;
/// Room for labels in a wide chart, in pixels; `chart.css` defines which charts are wide.
const WIDE: usize = 400;
/// Room for labels in a narrow chart, in pixels.
const NARROW: usize = 220;
/// Maximum number of labels.
const MAX_LABELS: usize = 8;

/// A visible label.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VisibleLabel {
    pub(super) index: usize,
    pub(super) text: String,
    /// `true` if the label is shown only if there is room for it.
    pub(super) is_minor: bool,
}

impl Labels {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Words(words) => words.len(),
            Self::Times(times, _) => times.len(),
        }
    }

    /// Returns the shortest form of the label, to be shown below the chart.
    fn short(&self, index: usize) -> String {
        match self {
            Self::Words(words) => {
                let word = words.get(index).map_or("", |word| word.as_str());
                if word.chars().count() > MAX_LEN {
                    word.chars().take(MAX_LEN - 1).chain(['…']).collect()
                } else {
                    word.to_owned()
                }
            }
            Self::Times(times, step) => {
                times.get(index).map_or_else(String::new, |at| match step {
                    Step::Hour => scope::zone().format(*at, "%H:%M"),
                    Step::Day => at.format("%-d %b").to_string(),
                })
            }
        }
    }

    /// Returns the full label, for the table and the tooltip.
    pub(super) fn full(&self, index: usize) -> String {
        match self {
            Self::Words(words) => words.get(index).cloned().unwrap_or_default(),
            Self::Times(times, step) => {
                times.get(index).map_or_else(String::new, |at| match step {
                    Step::Hour => {
                        let zone = scope::zone();
                        format!("{}{}", zone.format(*at, "%-d %b, %H:%M"), zone.suffix())
                    }
                    Step::Day => at.format("%a, %-d %b %Y").to_string(),
                })
            }
        }
    }

    /// Returns the heading of the label column.
    pub(super) fn heading(&self) -> &'static str {
        match self {
            Self::Words(_) => "Name",
            Self::Times(_, Step::Hour) => "Hour",
            // Days are UTC days for every user.
            Self::Times(_, Step::Day) if scope::zone().tz() == Tz::UTC => "Day",
            Self::Times(_, Step::Day) => "Day (UTC)",
        }
    }

    /// Returns the visible labels, so few that they do not touch.
    ///
    /// They are selected from the end, because users look for the last point first.
    pub(super) fn shown(&self) -> Vec<VisibleLabel> {
        let count = self.len();
        let longest = (0..count)
            .map(|index| self.short(index).chars().count())
            .max();
        // The labels at the edges are shifted inward by half their width.
        let room = longest.unwrap_or(0) * LETTER * 3 / 2 + SPACE;
        let stride = |width: usize| count.div_ceil((width / room).clamp(1, MAX_LABELS)).max(1);
        let wide = stride(WIDE);
        // The stride is a multiple of the wide one, so that the labels in a narrow chart are a
        // subset of those in a wide chart.
        let narrow = stride(NARROW).div_ceil(wide) * wide;
        let last = count.saturating_sub(1);
        let mut shown: Vec<VisibleLabel> = (0..count)
            .rev()
            .step_by(wide)
            .map(|index| VisibleLabel {
                index,
                text: self.short(index),
                is_minor: !(last - index).is_multiple_of(narrow),
            })
            .collect();
        shown.reverse();
        shown
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::{HeaderMap, HeaderValue, header};

    use super::*;
    use crate::pages::scope::RenderScope;
    use crate::pages::zone::Zone;
    use crate::store::TimeRange;

    #[test]
    fn labels_never_touch_and_the_last_is_always_shown() {
        for count in [0, 1, 2, 5, 7, 8, 9, 24, 30, 90, 365] {
            for letters in [1, 6, 40] {
                let labels = Labels::Words(vec!["x".repeat(letters); count]);
                let shown = labels.shown();
                assert!(shown.len() <= MAX_LABELS);
                assert_eq!(shown.last().map(|one| one.index + 1).unwrap_or(0), count);
                for (is_minor, width) in [(true, WIDE), (false, NARROW)] {
                    let kept: Vec<_> = shown
                        .iter()
                        .filter(|one| is_minor || !one.is_minor)
                        .collect();
                    let gap = kept
                        .windows(2)
                        .map(|pair| pair[1].index - pair[0].index)
                        .min();
                    let Some(gap) = gap else { continue };
                    let letters = kept[0].text.chars().count();
                    let needed = letters * LETTER * 3 / 2;
                    assert!(gap * width / count >= needed, "{count} {letters}");
                }
            }
        }
    }

    #[test]
    fn labels_are_formatted_as_days_or_hours() {
        let range = TimeRange::Month;
        let labels = Labels::Times(range.buckets().times(), range.step());
        assert_eq!(labels.heading(), "Day");
        assert!(!labels.short(0).contains(':'));
        let range = TimeRange::Day;
        let labels = Labels::Times(range.buckets().times(), range.step());
        assert!(labels.short(3).ends_with(":00") && labels.full(3).ends_with("UTC"));
    }

    #[test]
    fn hours_are_in_the_time_zone_of_the_user() {
        let mut headers = HeaderMap::new();
        let cookie = HeaderValue::from_static("portal_zone=Asia/Kolkata");
        headers.insert(header::COOKIE, cookie);
        let labels = Labels::Times(TimeRange::Day.buckets().times(), TimeRange::Day.step());
        let write = || (labels.short(3), labels.full(3));
        let scope = RenderScope::new(Zone::of(&headers, false), Arc::default());
        let (short, full) = scope.enter_sync(write);
        assert!(short.ends_with(":30") && full.ends_with(&short), "{full}");
    }
}
