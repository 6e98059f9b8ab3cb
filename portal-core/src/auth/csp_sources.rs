//! Content-Security-Policy sources: external origins that pages may load from.

use std::fmt::Write as _;

use axum::http::HeaderValue;

/// Content-Security-Policy directive to which sources can be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CspDirective {
    /// Scripts.
    Script,
    /// Style sheets.
    Style,
    /// Targets of requests from scripts, such as `fetch` and WebSockets.
    Connect,
    /// Images.
    Img,
    /// Pages in frames.
    Frame,
    /// Workers.
    Worker,
    /// Targets of form submissions, including redirects.
    FormAction,
}

/// External sources that pages may load from, in addition to the portal itself.
///
/// They come from the identity provider and from the application, which adds them with
/// [`csp_sources`](crate::PortalBuilder::csp_sources).
///
/// Each entry is a Content-Security-Policy source expression, such as `https://clerk.example.com`
/// or `blob:`. A value that could terminate its directive is skipped and logged as an error.
///
/// ```
/// use portal_core::auth::CspSources;
///
/// let mut sources = CspSources::default();
/// sources.script.push("https://clerk.example.com".to_owned());
/// assert!(sources.policy().contains("script-src 'self' https://clerk.example.com;"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CspSources {
    /// Scripts.
    pub script: Vec<String>,
    /// Style sheets.
    pub style: Vec<String>,
    /// Targets of requests from scripts, such as `fetch` and WebSockets.
    pub connect: Vec<String>,
    /// Images, for example from the hosts that serve users' avatars.
    pub img: Vec<String>,
    /// Pages in frames.
    pub frame: Vec<String>,
    /// Workers.
    pub worker: Vec<String>,
    /// Targets of form submissions, including redirects.
    pub form_action: Vec<String>,
    /// `true` if pages may contain inline styles.
    pub style_unsafe_inline: bool,
}

impl CspSources {
    /// Returns the `Content-Security-Policy` for a page that may load from these sources.
    ///
    /// Without sources it contains no nonce and no exception, because the portal's own pages
    /// contain nothing inline.
    #[must_use]
    pub fn policy(&self) -> String {
        let mut policy = "default-src 'self'; script-src 'self'".to_owned();
        add(&mut policy, &self.script);
        policy.push_str("; style-src 'self'");
        add(&mut policy, &self.style);
        if self.style_unsafe_inline {
            policy.push_str(" 'unsafe-inline'");
        }
        policy.push_str("; img-src 'self' data:");
        add(&mut policy, &self.img);
        policy.push_str("; connect-src 'self'");
        add(&mut policy, &self.connect);
        for (directive, sources) in [("frame-src", &self.frame), ("worker-src", &self.worker)] {
            // A directive without its own sources falls back to `default-src`.
            if !sources.is_empty() {
                let _ = write!(policy, "; {directive} 'self'");
                add(&mut policy, sources);
            }
        }
        policy.push_str("; object-src 'none'; base-uri 'none'; form-action 'self'");
        add(&mut policy, &self.form_action);
        policy.push_str("; frame-ancestors 'none'");
        policy
    }
}

impl CspSources {
    /// Adds a source to a directive.
    pub(crate) fn push(&mut self, directive: CspDirective, source: String) {
        let sources = match directive {
            CspDirective::Script => &mut self.script,
            CspDirective::Style => &mut self.style,
            CspDirective::Connect => &mut self.connect,
            CspDirective::Img => &mut self.img,
            CspDirective::Frame => &mut self.frame,
            CspDirective::Worker => &mut self.worker,
            CspDirective::FormAction => &mut self.form_action,
        };
        sources.push(source);
    }

    /// Adds all sources of `other`.
    pub(crate) fn extend(&mut self, other: Self) {
        self.script.extend(other.script);
        self.style.extend(other.style);
        self.connect.extend(other.connect);
        self.img.extend(other.img);
        self.frame.extend(other.frame);
        self.worker.extend(other.worker);
        self.form_action.extend(other.form_action);
        self.style_unsafe_inline |= other.style_unsafe_inline;
    }

    /// Returns the policy as a header value.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::try_from(self.policy())
            .unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

/// Returns `true` if a source cannot terminate its directive.
pub(crate) fn is_csp_source(source: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b';' && byte != b',';
    !source.is_empty() && source.bytes().all(is_allowed)
}

fn add(policy: &mut String, sources: &[String]) {
    for source in sources {
        if is_csp_source(source) {
            policy.push(' ');
            policy.push_str(source);
        } else {
            tracing::error!(source, "skipped an invalid Content-Security-Policy source");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_without_sources_allows_only_the_portal() {
        assert_eq!(
            CspSources::default().policy(),
            "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'"
        );
    }

    #[test]
    fn each_source_is_added_to_its_directive() {
        let list = |text: &str| vec![text.to_owned()];
        let policy = CspSources {
            script: list("https://s.example"),
            style: list("https://y.example"),
            connect: list("https://c.example"),
            img: list("blob:"),
            frame: list("https://f.example"),
            worker: list("blob:"),
            form_action: list("https://a.example"),
            style_unsafe_inline: true,
        }
        .policy();
        for part in [
            "; script-src 'self' https://s.example;",
            "; style-src 'self' https://y.example 'unsafe-inline';",
            "; img-src 'self' data: blob:;",
            "; connect-src 'self' https://c.example;",
            "; frame-src 'self' https://f.example;",
            "; worker-src 'self' blob:;",
            "; form-action 'self' https://a.example;",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
    }

    #[test]
    fn source_cannot_add_a_directive() {
        for evil in ["", "a; script-src *", "a b", "a,b", "a\r\nX: y", "h\u{e9}"] {
            let sources = CspSources {
                script: vec![evil.to_owned()],
                ..CspSources::default()
            };
            assert_eq!(sources.policy(), CspSources::default().policy(), "{evil:?}");
        }
    }
}
