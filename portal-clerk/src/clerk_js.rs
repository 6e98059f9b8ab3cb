//! Clerk's script: the pages that load it, and the content security policy that it requires.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use portal_core::Access;
use portal_core::auth::{CspSources, PageAdditions, RenderedPage, Routes};

use crate::config::ClerkConfig;

/// Path of Clerk's script, in the major version that this crate supports.
const CLERK_JS: &str = "/npm/@clerk/clerk-js@6/dist/clerk.browser.js";
/// Path of the script that renders Clerk's components.
const CLERK_UI: &str = "/npm/@clerk/ui@1/dist/ui.browser.js";
/// Clerk's bot protection.
const TURNSTILE: &str = "https://challenges.cloudflare.com";

/// The portal's script, which loads Clerk's.
const LOADER: &str = include_str!("../assets/portal-clerk.js");
/// Path of the loader below the portal's base path; it contains the version of the crate.
const LOADER_PATH: &str = concat!(
    "/_portal/clerk/portal-clerk.",
    env!("CARGO_PKG_VERSION"),
    ".js"
);

/// Data about a Clerk instance that pages need to load its script.
pub(crate) struct ClerkJs {
    publishable_key: String,
    frontend_api: String,
    /// Part of the loader's URL, so that browsers treat a changed script as a new file.
    version: String,
}

impl ClerkJs {
    pub(crate) fn new(clerk: &ClerkConfig) -> Self {
        Self {
            publishable_key: clerk.publishable_key.as_str().to_owned(),
            frontend_api: clerk.frontend_api.clone(),
            version: version(),
        }
    }

    /// Returns the origins from which pages may load content, in addition to the portal's own.
    pub(crate) fn csp_sources(&self) -> CspSources {
        let host = || self.frontend_api.clone();
        CspSources {
            script: vec![host(), TURNSTILE.to_owned()],
            connect: vec![host()],
            img: vec!["https://img.clerk.com".to_owned()],
            frame: vec![TURNSTILE.to_owned()],
            worker: vec!["blob:".to_owned()],
            // The response to a form may redirect to the handshake, and Chromium applies
            // `form-action` to redirects.
            form_action: vec![host()],
            ..CspSources::default()
        }
    }

    /// Returns the script for pages that contain a Clerk component or are rendered for a signed-in
    /// user.
    pub(crate) fn on_page(&self, page: &RenderedPage<'_>) -> Option<PageAdditions> {
        let has_part = page.has_provider_markup;
        if !has_part && !page.signed_in {
            return None;
        }
        let mut addition = PageAdditions::default();
        // Clerk's components insert their styles in `style` elements.
        addition.inline_styles = has_part;
        addition.head = self.loader(page, has_part);
        Some(addition)
    }

    fn loader(&self, page: &RenderedPage<'_>, with_parts: bool) -> Markup {
        let base = page.base_path;
        html! {
            script src={ (base) (LOADER_PATH) "?v=" (self.version) } defer
                data-clerk-src={ (self.frontend_api) (CLERK_JS) }
                data-ui-src=[with_parts.then(|| format!("{}{CLERK_UI}", self.frontend_api))]
                data-publishable-key=(self.publishable_key)
                data-sign-in-url={ (base) "/sign-in" }
                data-sign-up-url={ (base) "/sign-up" }
                data-home=(if base.is_empty() { "/" } else { base })
                data-signed-in[page.signed_in] {}
        }
    }
}

/// Returns a version derived from the content of the script.
fn version() -> String {
    let digest = crate::token_cache::digest_of(LOADER);
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(LOADER_PATH, Access::Public, loader)
        .asset()
}

/// Serves the loader script.
async fn loader(headers: HeaderMap) -> Response {
    let etag = format!("\"{}\"", version());
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/javascript; charset=utf-8"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
        (
            header::ETAG,
            HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\"")),
        ),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, LOADER).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted() -> ClerkJs {
        ClerkJs {
            publishable_key: "pk_test_x".to_owned(),
            frontend_api: "https://clerk.example.com".to_owned(),
            version: "1".to_owned(),
        }
    }

    fn page(has_components: bool, signed_in: bool) -> RenderedPage<'static> {
        let mut page = RenderedPage::default();
        page.has_provider_markup = has_components;
        page.signed_in = signed_in;
        page.base_path = "/portal";
        page
    }

    #[test]
    fn guests_load_the_script_only_on_pages_with_components() {
        let hosted = hosted();
        assert!(hosted.on_page(&page(false, false)).is_none());
        let addition = hosted.on_page(&page(true, false)).unwrap();
        assert!(addition.inline_styles);
        let head = addition.head.into_string();
        assert!(
            head.contains("src=\"/portal/_portal/clerk/portal-clerk."),
            "{head}"
        );
        assert!(
            head.contains("data-ui-src=\"https://clerk.example.com/npm/@clerk/ui@1/"),
            "{head}"
        );
        assert!(!head.contains("data-signed-in"), "{head}");
    }

    #[test]
    fn signed_in_users_load_the_script_without_components() {
        let addition = hosted().on_page(&page(false, true)).unwrap();
        assert!(!addition.inline_styles);
        let head = addition.head.into_string();
        assert!(!head.contains("data-ui-src"), "{head}");
        assert!(head.contains("data-signed-in"), "{head}");
        assert!(!head.contains("<script>"), "nothing is inline: {head}");
    }
}
