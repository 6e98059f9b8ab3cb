//! Requirements: style sheets, scripts and CSP sources that the markup on a page needs.

use std::borrow::Cow;

use maud::{Markup, html};

use super::stylesheet::Stylesheet;
use crate::auth::{CspDirective, CspSources, is_csp_source, with_base_path};

/// Maximum number of requirements that an application can declare per page.
const MAX_DECLARED: usize = 64;

/// A style sheet, script or CSP source that a page must load because it contains certain markup.
///
/// A component or a layout declares its requirements with [`require`](super::require) while it
/// renders. If the application renders markup once and caches it, the page declares them with
/// [`Page::requires`](super::Page::requires).
///
/// Paths that start with `/` are inside the portal: the base path is prepended.
///
/// ```
/// use maud::{Markup, html};
/// use portal_core::auth::CspDirective;
/// use portal_core::pages::{Requirement, require};
///
/// fn map(place: &str) -> Markup {
///     require(Requirement::stylesheet("/static/map.css"));
///     require(Requirement::module("/static/map.js"));
///     require(Requirement::csp_source(CspDirective::Img, "https://tiles.example.com"));
///     html! { berth-map data-place=(place) {} }
/// }
/// assert_eq!(map("A7").into_string(), "<berth-map data-place=\"A7\"></berth-map>");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a requirement has no effect unless it is passed to `require` or to the page"]
pub struct Requirement(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Builtin(Stylesheet),
    ProviderMarkup,
    Stylesheet(Cow<'static, str>),
    Script(Cow<'static, str>),
    Module(Cow<'static, str>),
    CspSource(CspDirective, Cow<'static, str>),
}

impl Requirement {
    /// Creates a requirement for a style sheet, linked after those of the portal and the brand.
    pub fn stylesheet(url: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Stylesheet(url.into()))
    }

    /// Creates a requirement for a script, which runs after the document is parsed (`defer`).
    pub fn script(url: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Script(url.into()))
    }

    /// Creates a requirement for an ES module script.
    pub fn module(url: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::Module(url.into()))
    }

    /// Creates a requirement for a CSP source; only pages with this markup may load from it.
    ///
    /// The source is added to the `Content-Security-Policy` of the page. If a page declares a value
    /// that is not a source expression, the portal does not start; in a component or a layout, the
    /// value is skipped and logged as an error.
    pub fn csp_source(directive: CspDirective, source: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::CspSource(directive, source.into()))
    }

    /// Returns the requirement for the style sheet that public pages use.
    ///
    /// The styles cover a top bar (`pt-site-bar`), sections (`pt-site-section`), features, numbered
    /// steps, syntax-highlighted code and a footer.
    pub const fn site_stylesheet() -> Self {
        Self(Kind::Builtin(Stylesheet::Site))
    }

    /// Returns the requirement that makes the identity provider add its markup to the page.
    ///
    /// Use it in a provider's components; the provider receives it as
    /// [`RenderedPage::has_provider_markup`](crate::auth::RenderedPage::has_provider_markup).
    pub const fn provider_markup() -> Self {
        Self(Kind::ProviderMarkup)
    }

    /// Returns the reason why the requirement is invalid, if it is.
    pub(crate) fn problem(&self) -> Option<String> {
        match &self.0 {
            Kind::Builtin(_) | Kind::ProviderMarkup => None,
            Kind::Stylesheet(url) | Kind::Script(url) | Kind::Module(url) => {
                let is_url = ["/", "https://", "http://"]
                    .iter()
                    .any(|start| url.starts_with(start));
                (!is_url).then(|| {
                    format!("`{url}` must be a path that starts with `/` or an absolute URL")
                })
            }
            Kind::CspSource(_, source) => (!is_csp_source(source)).then(|| {
                format!("`{source}` is not a valid Content-Security-Policy source expression")
            }),
        }
    }
}

impl From<Stylesheet> for Requirement {
    fn from(stylesheet: Stylesheet) -> Self {
        Self(Kind::Builtin(stylesheet))
    }
}

/// Requirements of the markup in a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// Set of `Stylesheet`s.
    stylesheets: u16,
    is_live: bool,
    has_times: bool,
    has_provider_markup: bool,
    /// Requirements declared by the application, without duplicates.
    declared: Vec<Requirement>,
}

impl Requirements {
    pub(super) fn add(&mut self, requirement: Requirement) {
        match requirement.0 {
            Kind::Builtin(stylesheet) => self.add_stylesheet(stylesheet),
            Kind::ProviderMarkup => self.has_provider_markup = true,
            _ => self.declare(requirement),
        }
    }

    fn declare(&mut self, requirement: Requirement) {
        if self.declared.contains(&requirement) {
            return;
        }
        if let Some(problem) = requirement.problem() {
            tracing::error!(problem, "skipped an invalid page requirement");
        } else if self.declared.len() == MAX_DECLARED {
            tracing::error!(
                ?requirement,
                "skipped a requirement; the page has the maximum number of requirements"
            );
        } else {
            self.declared.push(requirement);
        }
    }

    pub(super) fn add_stylesheet(&mut self, stylesheet: Stylesheet) {
        self.stylesheets |= 1 << stylesheet as u8;
    }

    /// Records that the markup is updated when data changes on the server.
    pub(super) fn add_live(&mut self) {
        self.is_live = true;
    }

    /// Records that the markup contains times.
    pub(super) fn add_times(&mut self) {
        self.has_times = true;
    }

    /// Adds the requirements of another part of the document.
    pub(super) fn extend(&mut self, other: &Self) {
        self.stylesheets |= other.stylesheets;
        self.is_live |= other.is_live;
        self.has_times |= other.has_times;
        self.has_provider_markup |= other.has_provider_markup;
        for requirement in &other.declared {
            self.declare(requirement.clone());
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    /// Returns `true` if the markup can contain times; live regions may receive times later.
    pub(super) fn has_times(&self) -> bool {
        self.has_times || self.is_live
    }

    pub(super) fn has_provider_markup(&self) -> bool {
        self.has_provider_markup
    }

    /// Returns the URLs of the required style sheets, the portal's first.
    pub(super) fn stylesheet_urls(&self, base_path: &str) -> Vec<String> {
        let builtin = self
            .stylesheets()
            .map(|stylesheet| with_base_path(base_path, stylesheet.url()));
        let declared = self
            .declared
            .iter()
            .filter_map(|requirement| match &requirement.0 {
                Kind::Stylesheet(path) => Some(url(base_path, path)),
                _ => None,
            });
        builtin.chain(declared).collect()
    }

    /// Renders the links to the portal's style sheets, which precede those of the brand.
    pub(super) fn builtin_head(&self, base_path: &str) -> Markup {
        if self.stylesheets == 0 {
            return Markup::default();
        }
        html! {
            @for stylesheet in self.stylesheets() {
                link rel="stylesheet" href=(with_base_path(base_path, stylesheet.url()));
            }
        }
    }

    /// Renders the style sheets and scripts of the application.
    pub(super) fn declared_head(&self, base_path: &str) -> Markup {
        if self.declared.is_empty() {
            return Markup::default();
        }
        html! {
            @for requirement in &self.declared {
                @match &requirement.0 {
                    Kind::Stylesheet(path) => link rel="stylesheet" href=(url(base_path, path));,
                    Kind::Script(path) => script src=(url(base_path, path)) defer {},
                    Kind::Module(path) => script src=(url(base_path, path)) type="module" {},
                    _ => {}
                }
            }
        }
    }

    /// Returns the portal's CSP sources plus those of this document; `None` if it adds no sources.
    pub(super) fn csp_sources(&self, portal: &CspSources) -> Option<CspSources> {
        let mut sources = None;
        for requirement in &self.declared {
            if let Kind::CspSource(directive, source) = &requirement.0 {
                let sources = sources.get_or_insert_with(|| portal.clone());
                sources.push(*directive, source.clone().into_owned());
            }
        }
        sources
    }

    fn stylesheets(&self) -> impl Iterator<Item = Stylesheet> {
        let all = Stylesheet::ALL.into_iter();
        all.filter(|stylesheet| self.stylesheets & (1 << *stylesheet as u8) != 0)
    }
}

/// Returns the URL of an application asset.
fn url(base_path: &str, path: &str) -> String {
    if path.starts_with('/') && !path.starts_with("//") {
        with_base_path(base_path, path)
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::assets;

    fn of(requirements: impl IntoIterator<Item = Requirement>) -> Requirements {
        let mut collected = Requirements::default();
        requirements.into_iter().for_each(|it| collected.add(it));
        collected
    }

    #[test]
    fn builtin_style_sheets_are_linked_once_in_a_fixed_order() {
        let [chart, table] = [Stylesheet::Chart, Stylesheet::Table].map(Requirement::from);
        let required = of([chart.clone(), table, chart]);
        let [table, chart] = ["table.css", "chart.css"].map(assets::url);
        assert_eq!(
            required.builtin_head("/portal").into_string(),
            format!(
                "<link rel=\"stylesheet\" href=\"/portal{table}\">\
                 <link rel=\"stylesheet\" href=\"/portal{chart}\">"
            )
        );
        assert_eq!(Requirements::default().builtin_head("/portal").0, "");
    }

    #[test]
    fn declared_assets_are_rendered_once_with_base_path() {
        let required = of([
            Requirement::stylesheet("/static/a.css"),
            Requirement::script("/static/a.js"),
            Requirement::module("https://cdn.example/b.js"),
            Requirement::stylesheet("/static/a.css"),
            Requirement::stylesheet("b\".css"),
        ]);
        assert_eq!(
            required.declared_head("/portal").into_string(),
            "<link rel=\"stylesheet\" href=\"/portal/static/a.css\">\
             <script src=\"/portal/static/a.js\" defer></script>\
             <script src=\"https://cdn.example/b.js\" type=\"module\"></script>"
        );
        assert_eq!(required.stylesheet_urls(""), ["/static/a.css"]);
    }

    #[test]
    fn number_of_declared_requirements_is_limited() {
        let styles = (0..500).map(|number| Requirement::stylesheet(format!("/{number}.css")));
        assert_eq!(of(styles).declared.len(), MAX_DECLARED);
    }

    #[test]
    fn content_sources_extend_those_of_the_portal() {
        let portal = CspSources {
            img: vec!["https://i.example".to_owned()],
            ..CspSources::default()
        };
        assert_eq!(
            of([Requirement::script("/a.js")]).csp_sources(&portal),
            None
        );
        let source = |source| Requirement::csp_source(CspDirective::Img, source);
        let required = of([source("https://t.example"), source("a; script-src *")]);
        let sources = required.csp_sources(&portal).unwrap();
        assert_eq!(sources.img, ["https://i.example", "https://t.example"]);
    }

    #[test]
    fn parts_of_a_document_are_combined() {
        let mut required = of([Stylesheet::Table.into(), Requirement::stylesheet("/a.css")]);
        let mut other = of([
            Stylesheet::Chart.into(),
            Requirement::provider_markup(),
            Requirement::stylesheet("/a.css"),
        ]);
        other.add_live();
        required.extend(&other);
        assert!(required.is_live() && required.has_times() && required.has_provider_markup());
        assert_eq!(required.stylesheet_urls("").len(), 3);
    }
}
