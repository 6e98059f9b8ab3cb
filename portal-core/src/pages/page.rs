//! Page: a route with a title, a guard and a navigation entry.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::Method;

use super::into_page::PageResponse;
use super::layout::Layout;
use super::nav::NavItem;
use super::requirements::Requirement;
use crate::auth::{Access, RateClass, RouteInfo, RouteKind};
use crate::source::Source;
use crate::state::{Dependency, PortalState};

pub(crate) type PageFuture = Pin<Box<dyn Future<Output = PageResponse> + Send>>;
pub(crate) type Respond = fn(PortalState, Request) -> PageFuture;

/// Page of the portal. `#[page]` generates one; you can also build it by hand.
///
/// ```
/// use portal_core::{Access, Page, source};
/// use portal_core::pages::IntoPage;
///
/// fn ping() -> Page {
///     Page::new(source!(ping), "/ping", |_, _| {
///         Box::pin(async { maud::html! { h1 { "Pong" } }.into_page() })
///     })
///     .title("Ping")
///     .access(Access::User)
/// }
/// assert_eq!(ping().url(), "/ping");
/// ```
#[derive(Clone)]
#[must_use]
pub struct Page {
    pub(crate) source: Source,
    pub(crate) path: &'static str,
    pub(crate) method: Method,
    pub(crate) title: Cow<'static, str>,
    pub(crate) description: Option<Cow<'static, str>>,
    pub(crate) access: Access,
    pub(crate) nav: Option<NavItem>,
    pub(crate) layout: Option<Arc<dyn Layout>>,
    pub(crate) max_body: Option<usize>,
    pub(crate) rate_class: Option<RateClass>,
    pub(crate) is_exempt_from_maintenance: bool,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) respond: Respond,
}

impl Page {
    /// Creates a public page at a route in axum's syntax (`/users/{id}`).
    pub fn new(source: Source, path: &'static str, respond: Respond) -> Self {
        Self {
            source,
            path,
            method: Method::GET,
            title: Cow::Borrowed(source.name),
            description: None,
            access: Access::Public,
            nav: None,
            layout: None,
            max_body: None,
            rate_class: None,
            is_exempt_from_maintenance: false,
            dependencies: Vec::new(),
            requirements: Vec::new(),
            respond,
        }
    }

    /// Sets the title in the browser tab and the document's head. Default: the name of the source.
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets one sentence for search engines and link previews. Default: none.
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the HTTP method. Default: `GET`.
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sets the access rule. Default: [`Access::Public`].
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets the navigation entry, hidden from users without access to the page. Default: no entry.
    pub fn nav(mut self, item: NavItem) -> Self {
        self.nav = Some(item);
        self
    }

    /// Sets a layout for this page. Default: the layout of the portal.
    pub fn layout(mut self, layout: impl Layout) -> Self {
        self.layout = Some(Arc::new(layout));
        self
    }

    /// Sets the maximum size of the request body in bytes, such as for an upload. Default: 1 MiB.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Sets the rate class that requests are counted in. Default: requests are not limited.
    pub fn rate_class(mut self, class: RateClass) -> Self {
        self.rate_class = Some(class);
        self
    }

    /// Keeps the page available to everyone during maintenance.
    ///
    /// Default: only administrators have access.
    pub fn exempt_from_maintenance(mut self) -> Self {
        self.is_exempt_from_maintenance = true;
        self
    }

    /// Declares values that the handler reads as [`Data`](crate::Data).
    ///
    /// A missing value is then an error at startup instead of at the first request. `#[page]`
    /// declares those among its arguments.
    ///
    /// ```
    /// use portal_core::{Data, Page, TaskInput as _, source};
    /// use portal_core::pages::IntoPage as _;
    ///
    /// struct Mailer;
    ///
    /// fn outbox() -> Page {
    ///     Page::new(source!(outbox), "/outbox", |_, _| Box::pin(async { maud::html! {}.into_page() }))
    ///         .depends_on([Data::<Mailer>::dependency()])
    /// }
    /// # outbox();
    /// ```
    pub fn depends_on(mut self, dependencies: impl IntoIterator<Item = Dependency>) -> Self {
        self.dependencies.extend(dependencies);
        self
    }

    /// Declares a style sheet, script or content source that every response of the page requires.
    ///
    /// Components declare theirs with [`require`](super::require) while they render. Markup that
    /// is rendered once and cached cannot, so its page declares them:
    ///
    /// ```
    /// use std::sync::LazyLock;
    ///
    /// use portal_core::pages::Requirement;
    /// use portal_core::prelude::*;
    ///
    /// static MAP: LazyLock<Markup> = LazyLock::new(|| html! { berth-map {} });
    ///
    /// /// Map
    /// #[page("/map")]
    /// async fn show_map() -> Markup { MAP.clone() }
    ///
    /// fn map() -> Page {
    ///     show_map()
    ///         .requires(Requirement::stylesheet("/static/map.css"))
    ///         .requires(Requirement::module("/static/map.js"))
    /// }
    /// # map();
    /// ```
    pub fn requires(mut self, requirement: Requirement) -> Self {
        self.requirements.push(requirement);
        self
    }

    /// Returns the route with its access rule and limits.
    pub(crate) fn declared(&self) -> RouteInfo {
        let method = Some(self.method.clone());
        let route = RouteInfo::new(RouteKind::Page, method, self.path, self.access.clone());
        RouteInfo {
            rate_class: self.rate_class,
            max_body: self.max_body,
            is_exempt_from_maintenance: self.is_exempt_from_maintenance,
            ..route.source(self.source)
        }
    }

    /// Returns the path of the route, without the base path of a portal nested in another app.
    #[must_use]
    pub fn url(&self) -> &'static str {
        self.path
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page")
            .field("source", &self.source)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
