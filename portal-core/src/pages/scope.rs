//! Render scope: data about the current request that components read and extend while rendering.
//!
//! The scope is a task-local value, because components do not receive the request. Without a scope,
//! as in unit tests and background tasks, every value has a default and nothing is recorded.

use std::cell::RefCell;
use std::sync::Arc;

use super::regions::RequestedRegions;
use super::requirements::{Requirement, Requirements};
use super::stylesheet::Stylesheet;
use super::zone::Zone;

tokio::task_local! {
    static CURRENT: RenderScope;
}

/// Data about one request, for the components that render its response.
#[derive(Debug, Default)]
pub(crate) struct RenderScope {
    zone: Zone,
    base_path: Arc<str>,
    /// Requirements of the markup rendered so far.
    required: RefCell<Requirements>,
    /// Title of the document, if it depends on the content.
    title: RefCell<Option<String>>,
    /// Live regions that are requested instead of the page.
    regions: Option<RefCell<RequestedRegions>>,
}

impl RenderScope {
    pub(crate) fn new(zone: Zone, base_path: Arc<str>) -> Self {
        Self {
            zone,
            base_path,
            ..Self::default()
        }
    }

    /// Sets the requested live regions, whose markup is collected.
    pub(super) fn regions(mut self, regions: Option<RequestedRegions>) -> Self {
        self.regions = regions.map(RefCell::new);
        self
    }

    /// Handles a request within this scope.
    pub(crate) async fn enter<F: Future>(self, handling: F) -> F::Output {
        CURRENT.scope(self, handling).await
    }

    /// Renders a response within this scope.
    pub(crate) fn enter_sync<T>(self, render: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, render)
    }
}

/// Declares a requirement of the markup being rendered.
///
/// The page that contains the markup links the style sheet or script, once, and its
/// `Content-Security-Policy` allows the source. In the response to a script, such as htmx, a style
/// sheet is loaded together with the markup; scripts and CSP sources must be declared by the page
/// itself.
///
/// This has no effect outside of a request or in a task spawned by a request, so use
/// [`Page::requires`](super::Page::requires) for markup that is rendered once and cached. See
/// [`Requirement`] for an example.
pub fn require(requirement: Requirement) {
    record(|required| required.add(requirement));
}

/// Sets the title in the browser tab for this response, such as the name of the displayed record.
///
/// Without a call, it is the [title of the page](super::Page::title). Has no effect outside of a
/// request.
///
/// ```
/// use axum::extract::Path;
/// use portal_core::pages::set_title;
/// use portal_core::prelude::*;
///
/// /// Boat
/// #[page("/boats/{name}")]
/// async fn boat(Path(name): Path<String>) -> Markup {
///     set_title(name.as_str());
///     html! { h1 { (name) } }
/// }
/// ```
pub fn set_title(title: impl Into<String>) {
    let _ = CURRENT.try_with(|scope| scope.title.replace(Some(title.into())));
}

/// Returns the title that was set for this response.
pub(super) fn title() -> Option<String> {
    CURRENT
        .try_with(|scope| scope.title.borrow().clone())
        .ok()
        .flatten()
}

/// Declares that the markup requires one of the portal's style sheets.
pub(crate) fn require_stylesheet(stylesheet: Stylesheet) {
    record(|required| required.add_stylesheet(stylesheet));
}

/// Declares that the markup is updated live, so that the page contains its cursor.
pub(crate) fn require_live() {
    record(Requirements::add_live);
}

/// Declares that the markup contains times, so that the page names their time zone.
pub(crate) fn require_zone() {
    record(Requirements::add_times);
}

fn record(add: impl FnOnce(&mut Requirements)) {
    let _ = CURRENT.try_with(|scope| add(&mut scope.required.borrow_mut()));
}

/// Returns the requirements recorded so far.
pub(super) fn requirements() -> Requirements {
    CURRENT
        .try_with(|scope| scope.required.borrow().clone())
        .unwrap_or_default()
}

/// Returns `true` if the markup rendered so far can contain times.
pub(super) fn has_times() -> bool {
    CURRENT
        .try_with(|scope| scope.required.borrow().has_times())
        .unwrap_or_default()
}

/// Renders a part of a document and returns it with only its own requirements.
pub(super) fn with_requirements<T>(render: impl FnOnce() -> T) -> (T, Requirements) {
    let swap = |with| CURRENT.try_with(|scope| scope.required.replace(with));
    let before = swap(Requirements::default()).unwrap_or_default();
    let part = render();
    let required = swap(before).unwrap_or_default();
    (part, required)
}

/// Keeps the markup of a live region if it was requested.
pub(super) fn keep_region(id: &str, markup: &str) {
    let _ = CURRENT.try_with(|scope| {
        if let Some(regions) = &scope.regions {
            regions.borrow_mut().keep(id, markup);
        }
    });
}

/// Returns `true` if live regions are requested instead of the page.
pub(super) fn requests_regions() -> bool {
    CURRENT
        .try_with(|scope| scope.regions.is_some())
        .unwrap_or_default()
}

/// Returns the markup of the requested regions, if all of them were rendered.
pub(super) fn complete_regions() -> Option<String> {
    let complete = |regions: &RefCell<RequestedRegions>| regions.borrow().complete();
    CURRENT
        .try_with(|scope| scope.regions.as_ref().and_then(complete))
        .unwrap_or_default()
}

/// Returns the markup of the requested regions that were rendered.
pub(super) fn rendered_regions() -> String {
    let rendered = |regions: &RefCell<RequestedRegions>| regions.borrow().rendered();
    CURRENT
        .try_with(|scope| scope.regions.as_ref().map(rendered))
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Returns the time zone of the visitor. Default: unknown, which means UTC.
pub(crate) fn zone() -> Zone {
    CURRENT.try_with(|scope| scope.zone).unwrap_or_default()
}

/// Returns the prefix of every path in the portal, for example `/portal`. Default: empty.
pub(crate) fn base_path() -> Arc<str> {
    CURRENT
        .try_with(|scope| Arc::clone(&scope.base_path))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn base_path_is_that_of_the_scope() {
        assert_eq!(&*base_path(), "");
        let scope = || RenderScope::new(Zone::default(), "/portal".into());
        assert_eq!(&*scope().enter(async { base_path() }).await, "/portal");
        assert_eq!(&*scope().enter_sync(base_path), "/portal");
    }

    #[test]
    fn requirements_of_a_part_are_kept_apart() {
        let urls = |required: &Requirements| required.stylesheet_urls("");
        let style = |path: &'static str| require(Requirement::stylesheet(path));
        style("/outside.css");
        RenderScope::default().enter_sync(|| {
            style("/content.css");
            let ((), layout) = with_requirements(|| style("/layout.css"));
            assert_eq!(urls(&layout), ["/layout.css"]);
            assert_eq!(urls(&requirements()), ["/content.css"]);
        });
        assert_eq!(requirements(), Requirements::default());
    }
}
