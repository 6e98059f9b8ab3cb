//! Content of error pages: an explanation and the next steps.

use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use maud::{Markup, html};
use serde_json::Value;
use url::Url;

use super::components::{Button, TimeFormat, copy_button, icon, rel, time};
use super::error_details::developer_details;
use super::error_illustration::{Illustration, art};
use super::href::Href;
use super::layout::NavLink;
use super::render::PageRenderer;
use super::scope;
use super::stylesheet::Stylesheet;
use crate::auth::{CurrentUser, RouteInfo, safe_redirect, with_base_path};
use crate::error::{NOTHING_HERE, Problem};

/// Maximum number of pages that a 404 page links to.
const MAX_LINKS: usize = 6;
/// Minimum similarity, from 0 to 1, at which an existing URL is suggested.
const MIN_SIMILARITY: f64 = 0.6;

/// Error page for one request.
pub(super) struct ErrorPage<'a> {
    setup: &'a PageRenderer,
    parts: &'a Parts,
    route: Option<&'a RouteInfo>,
    problem: &'a Problem,
    request_id: Option<&'a str>,
}

impl<'a> ErrorPage<'a> {
    pub(super) fn new(
        setup: &'a PageRenderer,
        parts: &'a Parts,
        route: Option<&'a RouteInfo>,
        problem: &'a Problem,
        request_id: Option<&'a str>,
    ) -> Self {
        Self {
            setup,
            parts,
            route,
            problem,
            request_id,
        }
    }

    fn is_maintenance(&self) -> bool {
        self.problem.code == "maintenance"
    }

    pub(super) fn title(&self) -> &'static str {
        match self.problem.status {
            StatusCode::NOT_FOUND => "Page not found",
            StatusCode::FORBIDDEN => "Access denied",
            StatusCode::UNAUTHORIZED => "Your session has ended",
            StatusCode::TOO_MANY_REQUESTS => "Too many requests",
            StatusCode::SERVICE_UNAVAILABLE if self.is_maintenance() => "Down for maintenance",
            StatusCode::SERVICE_UNAVAILABLE => "Temporarily unavailable",
            status if status.is_server_error() => "Something went wrong",
            _ => "Request failed",
        }
    }

    fn art(&self) -> Illustration {
        match self.problem.status {
            StatusCode::NOT_FOUND => Illustration::Missing,
            StatusCode::FORBIDDEN => Illustration::Locked,
            StatusCode::UNAUTHORIZED => Illustration::Expired,
            StatusCode::TOO_MANY_REQUESTS => Illustration::Busy,
            StatusCode::SERVICE_UNAVAILABLE => Illustration::Maintenance,
            _ => Illustration::Broken,
        }
    }

    /// Renders the tag that reloads the page of a temporary error in browsers without scripts.
    pub(super) fn head(&self) -> Markup {
        html! {
            @if let Some(seconds) = self.again_after() {
                noscript { meta http-equiv="refresh" content=(seconds); }
            }
        }
    }

    /// Returns the number of seconds after which the page reloads, if it reloads automatically.
    fn again_after(&self) -> Option<u32> {
        let is_away = self.problem.status == StatusCode::SERVICE_UNAVAILABLE;
        (is_away && self.can_repeat()).then(|| self.problem.retry_after.unwrap_or(5).clamp(5, 60))
    }

    /// Returns `true` if repeating the request has no side effects.
    fn can_repeat(&self) -> bool {
        matches!(self.parts.method, Method::GET | Method::HEAD)
    }

    fn here(&self) -> String {
        let path = self
            .parts
            .uri
            .path_and_query()
            .map_or("/", |it| it.as_str());
        let path = safe_redirect(path).unwrap_or(&self.setup.config.home_path);
        with_base_path(&self.setup.config.base_path, path)
    }

    /// Returns the URL of the previous page, unless it is this page.
    fn back(&self) -> Option<String> {
        came_from(self.setup, self.parts).filter(|path| *path != self.here())
    }

    pub(super) fn content(&self, user: Option<&CurrentUser>, nav: &[NavLink]) -> Markup {
        let Problem { status, detail, .. } = self.problem;
        scope::require_stylesheet(Stylesheet::Error);
        html! {
            div class="pt-error-page" {
                (art(self.art()))
                p class="pt-error-code" { (status.as_u16()) }
                h1 { (self.title()) }
                @match *status {
                    StatusCode::FORBIDDEN => (self.forbidden(user)),
                    StatusCode::NOT_FOUND => (self.not_found(user, nav)),
                    StatusCode::UNAUTHORIZED => (self.expired()),
                    StatusCode::TOO_MANY_REQUESTS => (self.rate_limited()),
                    StatusCode::SERVICE_UNAVAILABLE => (self.unavailable()),
                    status if status.is_server_error() => (self.internal_error()),
                    _ => {
                        p { (sentence(detail)) }
                        div class="pt-row" { (self.next_steps(true)) }
                    }
                }
                (self.name_request())
                (developer_details(self.setup, self.parts, self.route, self.problem))
            }
        }
    }

    /// Renders the buttons to the previous page and to the home page.
    fn next_steps(&self, solid: bool) -> Markup {
        let home = Button::new("Go to homepage").href("/");
        html! {
            @if let Some(back) = self.back() {
                @let back = Button::new("Go back").icon("arrow-left").href(Href::host(back));
                (if solid { back.solid() } else { back })
                (home)
            } @else { (if solid { home.solid() } else { home }) }
        }
    }

    fn forbidden(&self, user: Option<&CurrentUser>) -> Markup {
        let is_role = self.problem.code == "forbidden";
        html! {
            p {
                @if is_role && user.is_some() {
                    "You don't have permission to view this page. Ask an administrator for access."
                } @else { (sentence(&self.problem.detail)) }
            }
            @if let Some(user) = user {
                p class="pt-error-account" {
                    (icon("user")) span { "Signed in as " strong { (user.email()) } " · " (user.role_title()) }
                }
                div class="pt-row" {
                    (self.next_steps(true))
                    form method="post" action=(Href::from("/sign-out")) {
                        (Button::new("Use another account").icon("log-out").submit())
                    }
                }
            } @else {
                div class="pt-row" { (self.next_steps(true)) }
            }
        }
    }

    fn not_found(&self, user: Option<&CurrentUser>, nav: &[NavLink]) -> Markup {
        let meant = self.suggestion(nav);
        html! {
            p {
                @if self.problem.detail == NOTHING_HERE {
                    "There is nothing at " code class="pt-break" { (self.parts.uri.path()) } "."
                    @if let Some(link) = meant {
                        " Did you mean " a href=(link.href) rel=[rel(link.href.as_str())] { (link.label) } "?"
                    }
                } @else { (sentence(&self.problem.detail)) }
            }
            div class="pt-row" {
                (self.next_steps(true))
                @if user.is_none() {
                    (Button::new("Sign in").href(self.setup.sign_in_url(self.parts)))
                }
            }
            @if !nav.is_empty() {
                nav class="pt-error-links" aria-label="Other pages" {
                    h2 { "Other pages" }
                    ul {
                        @for link in nav.iter().take(MAX_LINKS) {
                            li { a href=(link.href) rel=[rel(link.href.as_str())] { (icon(&link.icon)) (link.label) (icon("arrow-right")) } }
                        }
                    }
                }
            }
        }
    }

    /// Returns the page whose URL is most similar to the requested one.
    fn suggestion<'n>(&self, nav: &'n [NavLink]) -> Option<&'n NavLink> {
        // The comparison takes quadratic time, and longer paths are not typos.
        if self.parts.uri.path().len() > 100 {
            return None;
        }
        let requested = self.parts.uri.path().to_lowercase();
        let alike = |link: &&NavLink| likeness(&requested, &link.href.as_str().to_lowercase());
        nav.iter()
            .map(|link| (alike(&link), link))
            .filter(|(alike, _)| *alike >= MIN_SIMILARITY)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, link)| link)
    }

    fn expired(&self) -> Markup {
        html! {
            p { "Sign in again to continue. Unsaved changes on the previous page are still there if you go back." }
            div class="pt-row" {
                (Button::new("Sign in").icon("log-in").solid().href(self.setup.sign_in_url(self.parts)))
                @if let Some(back) = self.back() { (Button::new("Go back").href(Href::host(back))) }
            }
        }
    }

    fn rate_limited(&self) -> Markup {
        let when = self.problem.retry_after.map(time_span);
        html! {
            p {
                "You've made too many requests."
                @if let Some(when) = when { " Try again in " strong { (when) } "." }
            }
            div class="pt-row" {
                @if self.can_repeat() {
                    (Button::new("Try again").icon("refresh-cw").solid().href(Href::host(self.here())))
                } @else { (self.next_steps(true)) }
            }
        }
    }

    fn unavailable(&self) -> Markup {
        let again = self.again_after();
        html! {
            p {
                @if self.is_maintenance() {
                    "We are working on " (self.setup.config.app_name) ". Your saved work is safe."
                } @else {
                    "A service this page depends on isn't responding."
                }
            }
            @if self.is_maintenance() { (self.notice()) }
            @if let Some(seconds) = again {
                pt-retry data-after=(seconds) {
                    p class="pt-error-account" role="status" { span class="pt-spin" {} "This page reloads automatically." }
                }
            }
            div class="pt-row" {
                @if self.can_repeat() { (Button::new("Try now").icon("refresh-cw").href(Href::host(self.here()))) }
                @else { (self.next_steps(false)) }
            }
        }
    }

    /// Renders the administrator's message and the expected end of maintenance.
    fn notice(&self) -> Markup {
        let member = |name: &str| self.problem.members.get(name).and_then(Value::as_str);
        html! {
            @if let Some(message) = member("message") { p class="pt-break" { strong { (message) } } }
            @if let Some(until) = member("until") {
                p { "Expected end: " (time(until, TimeFormat::DateTime)) }
            }
        }
    }

    fn internal_error(&self) -> Markup {
        html! {
            p { "Something went wrong on our side. If it keeps happening, send us this ID." }
            div class="pt-row" {
                @if self.can_repeat() {
                    (Button::new("Try again").icon("refresh-cw").solid().href(Href::host(self.here())))
                    (self.next_steps(false))
                } @else { (self.next_steps(true)) }
            }
        }
    }

    /// Renders the request ID, which identifies the request in the log.
    fn name_request(&self) -> Markup {
        let is_ours = self.problem.status.is_server_error() && !self.is_maintenance();
        html! {
            @if let Some(id) = self.request_id.filter(|_| is_ours) {
                p class="pt-error-id" { span { "Request" } code { (id) } (copy_button(id)) }
            }
        }
    }
}

/// Returns the page of this portal from which a request was made, according to `Referer`.
pub(super) fn came_from(setup: &PageRenderer, parts: &Parts) -> Option<String> {
    let referer = parts.headers.get(header::REFERER)?.to_str().ok()?;
    let url = Url::parse(referer).ok()?;
    let own = Url::parse(&setup.config.public_url).ok()?;
    let mut path = url.path().to_owned();
    if let Some(query) = url.query() {
        path = format!("{path}?{query}");
    }
    let is_own = url.origin() == own.origin() && safe_redirect(&path).is_some();
    is_own.then_some(path)
}

/// Returns the similarity of two paths or their last segments, whichever is higher, from 0 to 1.
fn likeness(one: &str, other: &str) -> f64 {
    let last = |path: &str| {
        let last = path.trim_end_matches('/').rsplit('/').next();
        last.unwrap_or_default().to_owned()
    };
    let (end, other_end) = (last(one), last(other));
    let of_ends = if end.is_empty() || other_end.is_empty() {
        0.0
    } else {
        strsim::normalized_damerau_levenshtein(&end, &other_end)
    };
    of_ends.max(strsim::normalized_damerau_levenshtein(one, other))
}

/// Formats a time span in words.
fn time_span(seconds: u32) -> String {
    let (count, unit) = match seconds {
        0..=90 => (seconds.max(1), "second"),
        _ => (seconds.div_ceil(60), "minute"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// Turns a lower-case error message into a sentence.
pub(super) fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    let end = if detail.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_similar_and_other_words_are_not() {
        for (asked, there) in [
            ("/admin/profil", "/admin/profile"),
            ("/admin/oveview", "/admin/overview"),
            ("/profile", "/admin/profile"),
            ("/admin/app-setings", "/admin/app-settings"),
        ] {
            assert!(likeness(asked, there) >= MIN_SIMILARITY, "{asked}");
        }
        for (asked, there) in [
            ("/wp-login.php", "/admin/users"),
            ("/x", "/"),
            ("/", "/about"),
        ] {
            assert!(likeness(asked, there) < MIN_SIMILARITY, "{asked}");
        }
    }

    #[test]
    fn sentences_and_time_spans_are_formatted() {
        assert_eq!(sentence("no such thing"), "No such thing.");
        assert_eq!(sentence("Really?"), "Really?");
        assert_eq!(sentence(""), ".");
        assert_eq!(time_span(1), "1 second");
        assert_eq!(time_span(60), "60 seconds");
        assert_eq!(time_span(100), "2 minutes");
    }
}
