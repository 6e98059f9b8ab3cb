//! Flash message: shown once, on the page that the browser is redirected to.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};

use super::href::Href;
use super::layout::{Flash, FlashKind};
use crate::auth::safe_redirect;
use crate::config::OWN_HOST;

const COOKIE: &str = "portal_flash";
/// Separator between text, label and URL in the cookie; none of them contains it.
const SEPARATOR: char = '\u{1f}';
/// Maximum size of an encoded message in the cookie, in bytes.
const MAX_ENCODED: usize = 3000;

impl Flash {
    /// Creates a message about a completed action.
    ///
    /// ```
    /// use portal_core::pages::Flash;
    ///
    /// let response = Flash::success("Saved").redirect("/admin/settings");
    /// assert_eq!(response.status(), 303);
    /// ```
    #[must_use]
    pub fn success(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Success,
            text: text.into(),
            link: None,
        }
    }

    /// Creates a message about a failed action.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Error,
            text: text.into(),
            link: None,
        }
    }

    /// Creates an informational message.
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Info,
            text: text.into(),
            link: None,
        }
    }

    /// Sets the link in the message, such as "View", to a URL within this portal. Default: no link.
    ///
    /// ```
    /// use portal_core::pages::Flash;
    ///
    /// let response = Flash::success("Report created").link("View", "/reports/7").redirect("/reports");
    /// assert_eq!(response.status(), 303);
    /// ```
    #[must_use]
    pub fn link<'h>(self, label: impl Into<String>, url: impl Into<Href<'h>>) -> Self {
        Self {
            link: Some((label.into(), url.into().into_owned())),
            ..self
        }
    }

    /// Redirects the browser (`303`) to a page that shows the message.
    #[must_use]
    pub fn redirect<'h>(self, to: impl Into<Href<'h>>) -> Response {
        let mut response = to.into().redirect().into_response();
        let kind = match self.kind {
            FlashKind::Success => 's',
            FlashKind::Error => 'e',
            FlashKind::Info => 'i',
        };
        let link = self.link.iter();
        let link: String = link
            .map(|(label, url)| format!("{SEPARATOR}{label}{SEPARATOR}{url}"))
            .collect();
        set(
            &mut response,
            &format!("{kind}{}{link}", bounded(&self.text)),
            60,
        );
        response.extensions_mut().insert(self);
        response
    }

    /// Returns the message that a request carries.
    pub(crate) fn of(headers: &HeaderMap, https: bool) -> Option<Self> {
        let text = cookie(headers, COOKIE, https)?;
        let mut characters = text.chars();
        let kind = match characters.next()? {
            's' => FlashKind::Success,
            'e' => FlashKind::Error,
            'i' => FlashKind::Info,
            _ => return None,
        };
        let mut parts = characters.as_str().splitn(3, SEPARATOR);
        let text = parts.next().unwrap_or_default();
        let link = match (parts.next(), parts.next()) {
            // Only links within this portal are accepted, in case another site has set the cookie.
            (Some(label), Some(url)) if safe_redirect(url) == Some(url) => {
                Some((label.chars().take(50).collect(), Href::host(url.to_owned())))
            }
            _ => None,
        };
        Some(Self {
            kind,
            text: text.chars().take(500).collect(),
            link,
        })
    }

    /// Deletes the message from the browser.
    pub(crate) fn clear(response: &mut Response) {
        set(response, "", 0);
    }
}

/// Truncates text so that its cookie fits into the 4096 bytes that browsers accept.
fn bounded(text: &str) -> Cow<'_, str> {
    let mut size = 0;
    for (at, character) in text.char_indices() {
        // Percent-encoding triples each byte that is not alphanumeric ASCII.
        size += if character.is_ascii_alphanumeric() {
            1
        } else {
            3 * character.len_utf8()
        };
        if size > MAX_ENCODED {
            return Cow::Owned(format!("{}…", &text[..at]));
        }
    }
    Cow::Borrowed(text)
}

fn set(response: &mut Response, value: &str, seconds: i64) {
    let cookie = Cookie::build((COOKIE, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(cookie::time::Duration::seconds(seconds));
    if let Ok(value) = HeaderValue::from_str(&cookie.build().encoded().to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Returns the percent-decoded value of one of the portal's cookies.
///
/// Over `https://` the cookie has the prefix that the pipeline adds.
pub(crate) fn cookie(headers: &HeaderMap, name: &str, https: bool) -> Option<String> {
    let is_it = |pair: &&str| {
        let found = pair.split('=').next().unwrap_or_default().trim();
        let found = if https {
            found.strip_prefix(OWN_HOST)
        } else {
            Some(found)
        };
        found == Some(name)
    };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter(is_it)
        .find_map(|pair| Cookie::parse_encoded(pair).ok())
        .map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_survives_the_redirect_and_stays_within_the_portal() {
        let shown = |url: &str| {
            let response = Flash::success("Saved").link("View", url).redirect("/");
            let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
            let pair = cookie.split(';').next().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(pair).unwrap());
            let flash = Flash::of(&headers, false).unwrap();
            assert_eq!(flash.text, "Saved");
            flash.link
        };
        let link = ("View".to_owned(), Href::host("/x/tasks/7?a=b"));
        assert_eq!(shown("/x/tasks/7?a=b"), Some(link));
        for url in ["https://evil.example", "//evil.example", "javascript:x", ""] {
            assert_eq!(shown(url), None, "{url}");
        }
    }

    #[test]
    fn long_message_is_truncated_to_fit_a_cookie() {
        for letter in ["a", "ü", "表", "🦀", "“"] {
            let long = letter.repeat(5000);
            let response = Flash::success(format!("{long} was deleted")).redirect("/");
            let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
            assert!(cookie.len() < 4096, "{} bytes of {letter}", cookie.len());
            let pair = cookie.split(';').next().unwrap();
            let headers = HeaderMap::from_iter([(header::COOKIE, pair.parse().unwrap())]);
            let shown = Flash::of(&headers, false).unwrap().text;
            assert!(shown.starts_with(letter));
        }
    }

    #[test]
    fn message_without_host_prefix_is_ignored_over_https() {
        let shown = |cookie: &'static str, https| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(cookie));
            Flash::of(&headers, https).map(|flash| flash.text)
        };
        let (plain, own) = ("a=b; portal_flash=sHi", "a=b; __Host-portal_flash=sHi");
        assert_eq!(shown(plain, false), Some("Hi".to_owned()));
        assert_eq!(shown(own, true), Some("Hi".to_owned()));
        assert_eq!(shown(plain, true), None);
        assert_eq!(shown(own, false), None);
    }
}
