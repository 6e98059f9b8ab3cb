//! A visitor's time zone, and times formatted in it.
//!
//! A script stores the browser's zone in a cookie, so that the server formats times in the same way
//! as the script. Without the cookie, times are in UTC and marked as such.

use std::fmt;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

use super::flash;

/// Cookie that `time_zone.js` sets to the name of the zone, percent-encoded.
const COOKIE: &str = "portal_zone";

/// Time zone of a request; empty if the browser has not sent one yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Zone(Option<Tz>);

impl Zone {
    /// Reads the zone from a request; an unknown name is ignored.
    pub(crate) fn of(headers: &HeaderMap, https: bool) -> Self {
        let name = flash::cookie(headers, COOKIE, https);
        Self(name.and_then(|name| name.parse().ok()))
    }

    /// Formats a time in this zone with a pattern as in [`chrono::format::strftime`].
    pub(crate) fn format(self, at: DateTime<Utc>, pattern: &str) -> String {
        at.with_timezone(&self.tz()).format(pattern).to_string()
    }

    /// Returns the zone suffix for times that no script rewrites; empty if the page names the zone.
    pub(crate) fn suffix(self) -> &'static str {
        if self.0.is_some() { "" } else { " UTC" }
    }

    pub(crate) fn tz(self) -> Tz {
        self.0.unwrap_or(Tz::UTC)
    }

    /// Renders the line that names the zone.
    pub(crate) fn note(self) -> Markup {
        html! { p class="pt-zone pt-hint" { "Times are in " span { (self) } "." } }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tz().name())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::{HeaderValue, header};

    use super::*;
    use crate::pages::scope::{self, RenderScope};

    fn zone(cookie: &'static str) -> Zone {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static(cookie));
        Zone::of(&headers, false)
    }

    #[test]
    fn unknown_zone_names_are_ignored() {
        assert_eq!(zone("portal_zone=Europe%2FBerlin").tz(), Tz::Europe__Berlin);
        assert_eq!(
            zone("portal_zone=America/New_York").tz(),
            Tz::America__New_York
        );
        for cookie in [
            "portal_zone=<b>",
            "portal_zone=",
            "zone=Europe/Berlin",
            "portal_zone=%ff",
        ] {
            assert_eq!(zone(cookie), Zone::default(), "{cookie}");
        }
    }

    #[test]
    fn times_are_formatted_in_the_scope_time_zone() {
        let at = "2026-11-30T10:19:37Z".parse().unwrap();
        let write = || {
            let zone = scope::zone();
            format!("{}{}", zone.format(at, "%-d %b %Y, %H:%M"), zone.suffix())
        };
        assert_eq!(write(), "30 Nov 2026, 10:19 UTC");
        let berlin = RenderScope::new(zone("portal_zone=Europe/Berlin"), Arc::default());
        assert_eq!(berlin.enter_sync(write), "30 Nov 2026, 11:19");
    }
}
