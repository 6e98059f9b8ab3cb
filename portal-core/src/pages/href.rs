//! Links: the base path is added to paths inside the portal when they are rendered or sent.

use std::borrow::Cow;
use std::fmt;

use axum::response::Redirect;
use maud::Render;
use url::form_urlencoded;

use super::components::write_text;
use super::scope;
use crate::auth::with_base_path;

/// Target of a link, a form or a redirect.
///
/// A target that starts with `/` (but not with `//`) is a path inside the portal: if the portal is
/// nested in another application, the [base path](crate::PortalBuilder::base_path) is added when the
/// link is rendered or sent. Other targets, such as `https://..`, `mailto:..`, `?page=2` and `#top`,
/// are not changed. Components take a `&str` or a `String` and convert it.
///
/// ```
/// use portal_core::pages::Href;
/// use portal_core::pages::components::Button;
///
/// let next = Href::from("/boats").query("page", 2);
/// assert_eq!(next.as_str(), "/boats?page=2");
/// let button = Button::new("Next").href(next);
/// # let _ = button;
/// ```
///
/// Formatting a link with `{}` includes the base path of the current request. Append parameters
/// with [`query`](Self::query) rather than with `format!`: a component would add the base path to
/// the result again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Href<'a> {
    target: Cow<'a, str>,
    is_final: bool,
}

impl<'a> Href<'a> {
    /// Creates a link that is never changed, for example to a page of the surrounding application.
    ///
    /// ```
    /// use portal_core::pages::Href;
    ///
    /// assert_eq!(Href::host("/account").to_string(), "/account");
    /// ```
    pub fn host(target: impl Into<Cow<'a, str>>) -> Self {
        Self {
            target: target.into(),
            is_final: true,
        }
    }

    pub(super) const fn from_static(target: &'static str) -> Self {
        Self {
            target: Cow::Borrowed(target),
            is_final: false,
        }
    }

    /// Appends a query parameter; the name and value are percent-encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        let (start, fragment) = match self.target.split_once('#') {
            Some((start, fragment)) => (start, Some(fragment)),
            None => (&*self.target, None),
        };
        let sign = if start.contains('?') { '&' } else { '?' };
        let pair = form_urlencoded::Serializer::new(String::new())
            .append_pair(name, &value.to_string())
            .finish();
        let mut target = format!("{start}{sign}{pair}");
        if let Some(fragment) = fragment {
            target.extend(["#", fragment]);
        }
        self.target = Cow::Owned(target);
        self
    }

    /// Returns the target as it was created, without the base path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.target
    }

    /// Returns a response that redirects to the target (`303`).
    pub fn redirect(&self) -> Redirect {
        Redirect::to(&self.resolved())
    }

    /// Returns the link with owned text.
    #[must_use]
    pub fn into_owned(self) -> Href<'static> {
        Href {
            target: Cow::Owned(self.target.into_owned()),
            is_final: self.is_final,
        }
    }

    /// Returns the target with the base path of the current request.
    fn resolved(&self) -> Cow<'_, str> {
        let is_inside =
            !self.is_final && self.target.starts_with('/') && !self.target.starts_with("//");
        if is_inside {
            let base_path = scope::base_path();
            if !base_path.is_empty() {
                return Cow::Owned(with_base_path(&base_path, &self.target));
            }
        }
        Cow::Borrowed(&self.target)
    }
}

/// Writes the target with the base path of the current request.
impl fmt::Display for Href<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resolved())
    }
}

impl Render for Href<'_> {
    fn render_to(&self, out: &mut String) {
        write_text(out, &self.resolved());
    }
}

impl<'a> From<Cow<'a, str>> for Href<'a> {
    fn from(target: Cow<'a, str>) -> Self {
        Self {
            target,
            is_final: false,
        }
    }
}

impl<'a> From<&'a str> for Href<'a> {
    fn from(target: &'a str) -> Self {
        Cow::Borrowed(target).into()
    }
}

impl From<String> for Href<'_> {
    fn from(target: String) -> Self {
        Cow::<str>::Owned(target).into()
    }
}

impl<'a> From<&'a String> for Href<'a> {
    fn from(target: &'a String) -> Self {
        target.as_str().into()
    }
}

impl<'a> From<&'a Href<'_>> for Href<'a> {
    fn from(link: &'a Href<'_>) -> Self {
        Self {
            target: Cow::Borrowed(&link.target),
            is_final: link.is_final,
        }
    }
}

/// Compares the target as it was created.
impl PartialEq<&str> for Href<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.target == *other
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::pages::scope::RenderScope;
    use crate::pages::zone::Zone;

    fn within(base_path: &str, link: &Href<'_>) -> String {
        let scope = RenderScope::new(Zone::default(), Arc::from(base_path));
        scope.enter_sync(|| {
            let text = link.to_string();
            assert_eq!(link.render().into_string(), text.replace('&', "&amp;"));
            text
        })
    }

    #[test]
    fn paths_inside_the_portal_get_the_base_path_once() {
        for (target, nested) in [
            ("/boats?a=1&b=2", "/portal/boats?a=1&b=2"),
            ("/", "/portal"),
            ("/?a=1", "/portal?a=1"),
            ("/#top", "/portal#top"),
            ("/portal/x", "/portal/portal/x"),
            ("//example.com", "//example.com"),
            ("https://example.com", "https://example.com"),
            ("mailto:a@b.example", "mailto:a@b.example"),
            ("#top", "#top"),
            ("?page=2", "?page=2"),
            ("", ""),
        ] {
            assert_eq!(within("/portal", &Href::from(target)), nested);
            assert_eq!(within("", &Href::from(target)), target);
            assert_eq!(within("/portal", &Href::host(target)), target);
        }
    }

    #[test]
    fn query_parameters_precede_the_fragment() {
        let link = Href::from("/boats#list").query("q", "a&b").query("page", 2);
        assert_eq!(link, "/boats?q=a%26b&page=2#list");
    }
}
