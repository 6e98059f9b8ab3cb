//! Live regions: their markup, the cursor in the page's head, and responses with single regions.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, Render, html};

use super::scope;

/// Header that lists the ids of the requested regions.
const HEADER: HeaderName = HeaderName::from_static("x-portal-region");
/// Maximum number of regions per request, so that a response is not larger than the page.
const MAX_REGIONS: usize = 64;

/// Cursor for the data on a page. It is formatted only for pages with live regions.
pub(crate) type RegionCursor = Box<dyn fmt::Display + Send>;

/// Function that returns the cursor for data that is read afterwards.
pub(crate) type CursorSource = Arc<dyn Fn() -> RegionCursor + Send + Sync>;

/// Renders a live region around its content.
pub(crate) fn region(
    id: &str,
    topics: &str,
    announcement: Option<&str>,
    content: impl Render,
) -> Markup {
    scope::require_live();
    part(
        id,
        html! {
            pt-live id=(id) data-topics=(topics) data-announce=[announcement] { (content) }
        },
    )
}

/// Declares that an element can be requested by its id, without the rest of the page.
pub(crate) fn part(id: &str, element: Markup) -> Markup {
    scope::keep_region(id, &element.0);
    element
}

/// Regions that are requested instead of the page, with their markup.
#[derive(Debug, Default)]
pub(super) struct RequestedRegions(Vec<Requested>);

#[derive(Debug)]
struct Requested {
    id: Box<str>,
    markup: Option<String>,
}

impl RequestedRegions {
    /// Returns the regions that a request names, or `None` if it requests the page.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        let ids = requested(method, headers)?;
        let mut regions: Vec<Requested> = Vec::new();
        for id in ids.split(' ').filter(|id| !id.is_empty()) {
            if regions.len() < MAX_REGIONS && !regions.iter().any(|region| *region.id == *id) {
                regions.push(Requested {
                    id: id.into(),
                    markup: None,
                });
            }
        }
        Some(Self(regions))
    }

    /// Keeps the markup of a region if it was requested.
    pub(super) fn keep(&mut self, id: &str, markup: &str) {
        let requested = self.0.iter_mut().find(|region| *region.id == *id);
        if let Some(region) = requested {
            region.markup.get_or_insert_with(|| markup.to_owned());
        }
    }

    /// Returns the markup of all regions, or `None` if one of them was not rendered.
    pub(super) fn complete(&self) -> Option<String> {
        self.0
            .iter()
            .map(|region| region.markup.as_deref())
            .collect()
    }

    /// Returns the markup of the regions that were rendered.
    pub(super) fn rendered(&self) -> String {
        let rendered = self.0.iter().filter_map(|region| region.markup.as_deref());
        rendered.collect()
    }
}

/// Returns `true` if regions are requested instead of the page.
pub(super) fn are_requested(method: &Method, headers: &HeaderMap) -> bool {
    requested(method, headers).is_some()
}

fn requested<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    if *method != Method::GET {
        return None;
    }
    headers.get(HEADER)?.to_str().ok()
}

/// Renders the URL of the live stream and the cursor of the page, for the page's head.
pub(super) fn head(base_path: &str, cursor: Option<&(dyn fmt::Display + Send)>) -> Markup {
    html! { meta name="pt-live" content={ (base_path) "/api/live" } data-mark=[cursor.map(maud::display)]; }
}

/// Responds with the markup of the requested regions.
pub(super) fn respond(status: StatusCode, regions: String) -> Response {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(header::CONTENT_TYPE, html)], regions).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::scope::RenderScope;

    fn request(method: Method, ids: &str) -> Option<RequestedRegions> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(ids).unwrap());
        RequestedRegions::of(&method, &headers)
    }

    fn requested_ids(method: Method, ids: &str) -> Option<String> {
        let regions = request(method, ids)?;
        let ids: Vec<&str> = regions.0.iter().map(|region| &*region.id).collect();
        Some(ids.join("|"))
    }

    /// Renders a page with nested regions and returns the requested regions.
    fn render(ids: &str) -> (Option<String>, String) {
        let regions = request(Method::GET, ids);
        RenderScope::default().regions(regions).enter_sync(|| {
            let inner = region("in", "b", None, "2");
            let content = html! {
                (region("one", "a", None, html! { p { "1" } (inner) }))
                (region("two", "a", Some("new"), "3"))
                (region("two", "a", None, "a second one"))
            };
            assert!(content.0.contains("a second one"));
            (scope::complete_regions(), scope::rendered_regions())
        })
    }

    #[test]
    fn region_is_returned_with_its_nested_regions() {
        let inner = "<pt-live id=\"in\" data-topics=\"b\">2</pt-live>";
        let one = format!("<pt-live id=\"one\" data-topics=\"a\"><p>1</p>{inner}</pt-live>");
        let two = "<pt-live id=\"two\" data-topics=\"a\" data-announce=\"new\">3</pt-live>";
        for (ids, markup) in [("in", inner), ("one", &one), ("two", two)] {
            assert_eq!(render(ids), (Some(markup.to_owned()), markup.to_owned()));
        }
        let both = format!("{two}{one}");
        assert_eq!(render("two one"), (Some(both.clone()), both.clone()));
        assert_eq!(render("two none one"), (None, both));
        assert_eq!(render("none on"), (None, String::new()));
    }

    #[test]
    fn requested_regions_are_deduplicated_and_limited_to_64() {
        assert_eq!(
            requested_ids(Method::GET, "one two  one one two"),
            Some("one|two".to_owned())
        );
        let names = |numbers: std::ops::Range<usize>, between: &str| {
            let names: Vec<String> = numbers.map(|number| format!("r{number}")).collect();
            names.join(between)
        };
        assert_eq!(
            requested_ids(Method::GET, &names(0..500, " ")),
            Some(names(0..64, "|"))
        );
        // Repeated ids do not count toward the limit.
        let ids = format!("{}{}", "one ".repeat(100), names(0..63, " "));
        let expected = format!("one|{}", names(0..63, "|"));
        assert_eq!(requested_ids(Method::GET, &ids), Some(expected));
    }

    #[test]
    fn region_requests_require_get() {
        assert_eq!(requested_ids(Method::POST, "one"), None);
        assert!(!are_requested(&Method::GET, &HeaderMap::new()));
    }
}
