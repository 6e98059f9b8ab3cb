//! Live regions of a page: adds the cursor to its head, and serves single regions on request.

use std::fmt;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

/// Header that lists the ids of the requested regions.
const HEADER: HeaderName = HeaderName::from_static("x-portal-region");
/// Maximum number of regions per request, so that a response is not larger than its page.
const MAX_REGIONS: usize = 64;
/// Start of a region, as rendered by `live::Region`.
const BEGIN: &str = "<pt-live";
const END: &str = "</pt-live>";

/// Cursor of the data on a page. Formatted only for pages with live regions.
pub(crate) type RegionCursor = Box<dyn fmt::Display + Send>;

/// Returns the cursor for data that is read afterwards.
pub(crate) type CursorSource = Arc<dyn Fn() -> RegionCursor + Send + Sync>;

/// Returns the ids of the regions that are requested instead of the page.
pub(super) fn requested_ids(parts: &Parts) -> Option<Vec<&str>> {
    if parts.method != Method::GET {
        return None;
    }
    let ids = parts.headers.get(HEADER)?.to_str().ok()?;
    let mut wanted: Vec<&str> = Vec::new();
    for id in ids.split(' ').filter(|id| is_id(id)) {
        if wanted.len() < MAX_REGIONS && !wanted.contains(&id) {
            wanted.push(id);
        }
    }
    Some(wanted)
}

/// Returns `true` if a document contains the id without escaping.
fn is_id(id: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    !id.is_empty() && id.bytes().all(is_part)
}

/// Renders the URL of the live stream and the cursor of the page, for its head.
pub(super) fn head(base_path: &str, mark: Option<&(dyn fmt::Display + Send)>) -> Markup {
    html! { meta name="pt-live" content={ (base_path) "/api/live" } data-mark=[mark.map(maud::display)]; }
}

/// Returns `true` if a part of a document contains all of the regions.
pub(super) fn contains_all(part: &str, ids: &[&str]) -> bool {
    ids.iter().all(|id| cut(part, id).is_some())
}

/// Responds with the requested regions of a document. Missing ones are skipped.
pub(super) fn respond(status: StatusCode, document: &str, ids: &[&str]) -> Response {
    let regions: String = ids.iter().filter_map(|id| cut(document, id)).collect();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(header::CONTENT_TYPE, html)], regions).into_response()
}

/// Returns a region with its tags and nested regions.
fn cut<'a>(document: &'a str, id: &str) -> Option<&'a str> {
    let start = document.find(&format!("{BEGIN} id=\"{id}\""))?;
    let region = document.get(start..)?;
    let (mut depth, mut at) = (1, BEGIN.len());
    while depth > 0 {
        let rest = region.get(at..)?;
        let end = rest.find(END)?;
        match rest.find(BEGIN).filter(|begin| *begin < end) {
            Some(begin) => {
                depth += 1;
                at += begin + BEGIN.len();
            }
            None => {
                depth -= 1;
                at += end + END.len();
            }
        }
    }
    region.get(..at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "<main><pt-live id=\"one\" data-topics=\"a\"><p>1</p>\
        <pt-live id=\"in\" data-topics=\"b\">2</pt-live></pt-live>\
        <pt-live id=\"two\" data-topics=\"a\">3</pt-live><pt-live id=\"open\">4</main>";

    #[test]
    fn region_is_extracted_with_its_nested_regions() {
        assert_eq!(
            cut(DOCUMENT, "one"),
            Some(
                "<pt-live id=\"one\" data-topics=\"a\"><p>1</p>\
                 <pt-live id=\"in\" data-topics=\"b\">2</pt-live></pt-live>"
            )
        );
        assert_eq!(
            cut(DOCUMENT, "in"),
            Some("<pt-live id=\"in\" data-topics=\"b\">2</pt-live>")
        );
        assert_eq!(
            cut(DOCUMENT, "two"),
            Some("<pt-live id=\"two\" data-topics=\"a\">3</pt-live>")
        );
        for id in ["none", "on", "open"] {
            assert_eq!(cut(DOCUMENT, id), None, "{id}");
        }
        assert!(
            contains_all(DOCUMENT, &["two", "in"]) && !contains_all(DOCUMENT, &["two", "open"])
        );
    }

    fn asked(method: Method, ids: &str) -> Option<String> {
        let request = axum::http::Request::builder().method(method);
        let request = request.header(HEADER, ids).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        requested_ids(&parts).map(|ids| ids.join("|"))
    }

    #[test]
    fn requested_regions_are_deduplicated_and_limited_to_64() {
        assert_eq!(
            asked(Method::GET, "one two one one two"),
            Some("one|two".to_owned())
        );
        let names = |numbers: std::ops::Range<usize>, between: &str| {
            let names: Vec<String> = numbers.map(|number| format!("r{number}")).collect();
            names.join(between)
        };
        assert_eq!(
            asked(Method::GET, &names(0..500, " ")),
            Some(names(0..64, "|"))
        );
        // Repeated ids do not count toward the limit.
        let ids = format!("{}{}", "one ".repeat(100), names(0..63, " "));
        let expected = format!("one|{}", names(0..63, "|"));
        assert_eq!(asked(Method::GET, &ids), Some(expected));
    }

    #[test]
    fn region_requests_require_get_and_valid_ids() {
        assert_eq!(
            asked(Method::GET, "one live-model:plan"),
            Some("one|live-model:plan".to_owned())
        );
        assert_eq!(asked(Method::GET, "one\" <b> two"), Some("two".to_owned()));
        assert_eq!(asked(Method::POST, "one"), None);
    }
}
