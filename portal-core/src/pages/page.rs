//! Page: a route with a title, a guard and a navigation entry.

use std::any::type_name;
use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;

use axum::http::Method;

use super::handler::{PageHandler, Respond};
use super::href::Href;
use super::layout::Layout;
use super::nav::NavItem;
use super::requirements::Requirement;
use crate::auth::{Access, RateClass, RouteInfo, RouteKind};
use crate::source::Source;
use crate::state::{Dependency, TaskInput};

/// Page of the portal. `#[page]` generates pages; you can also build them by hand.
///
/// ```
/// use portal_core::prelude::*;
/// use portal_core::{Access, Page};
///
/// async fn greet(user: CurrentUser) -> Markup {
///     html! { h1 { "Hello " (user.full_name()) } }
/// }
///
/// fn greeting() -> Page {
///     Page::get("/greeting", greet).title("Greeting").access(Access::User)
/// }
/// assert_eq!(greeting().url(), "/greeting");
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
    /// Creates a public page at a route in axum's path syntax (`/users/{id}`).
    ///
    /// Its [`source`](Self::source) is the handler, or the function that contains the closure.
    #[track_caller]
    pub fn get<M>(path: &'static str, handler: impl PageHandler<M>) -> Self {
        Self::new(Method::GET, path, handler)
    }

    /// Creates a public page that handles `POST`, such as the action of a form.
    ///
    /// ```
    /// use axum::Form;
    /// use portal_core::prelude::*;
    /// use portal_core::Page;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Boat { name: String }
    ///
    /// async fn rename(Form(boat): Form<Boat>) -> PageResponse {
    ///     Flash::success(format!("Renamed to {}", boat.name)).redirect("/boats").into_page()
    /// }
    ///
    /// let page = Page::post("/boats/rename", rename);
    /// # let _ = page;
    /// ```
    #[track_caller]
    pub fn post<M>(path: &'static str, handler: impl PageHandler<M>) -> Self {
        Self::new(Method::POST, path, handler)
    }

    /// Creates a public page that handles one HTTP method.
    #[track_caller]
    pub fn new<H: PageHandler<M>, M>(method: Method, path: &'static str, handler: H) -> Self {
        let source = Source::of_function(type_name::<H>(), Location::caller());
        let respond = Arc::new(move |state, request| handler.respond(state, request));
        Self::from_parts(source, method, path, respond)
    }

    /// Creates a page from a type-erased handler.
    pub(crate) fn from_parts(
        source: Source,
        method: Method,
        path: &'static str,
        respond: Respond,
    ) -> Self {
        Self {
            source,
            path,
            method,
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

    /// Sets the source, which identifies the page in start-up errors and in `without_page`.
    ///
    /// Default: the name of the handler function and the line that creates the page. Pages with the
    /// same source count as one page.
    ///
    /// ```
    /// use portal_core::{Page, source};
    ///
    /// let ping = async || maud::html! { "Pong" };
    /// let page = Page::get("/ping", ping).source(source!(ping));
    /// # let _ = page;
    /// ```
    pub fn source(mut self, source: Source) -> Self {
        if self.title == self.source.name {
            self.title = Cow::Borrowed(source.name);
        }
        self.source = source;
        self
    }

    /// Sets the title, shown in the browser tab. Default: the name of the source.
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the description for search engines and link previews: one sentence. Default: none.
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = Some(description.into());
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

    /// Sets a layout for this page. Default: the portal's layout.
    pub fn layout(mut self, layout: impl Layout) -> Self {
        self.layout = Some(Arc::new(layout));
        self
    }

    /// Sets the maximum size of the request body in bytes, for example for uploads. Default: 1 MiB.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Sets the rate class in which requests are counted. Default: requests are not limited.
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

    /// Declares a value that the handler reads as [`Data`](crate::Data).
    ///
    /// A missing value is then reported at startup instead of on the first request. `#[page]`
    /// declares the values that the function takes as arguments.
    ///
    /// ```
    /// use portal_core::prelude::*;
    /// use portal_core::Page;
    ///
    /// struct Mailer;
    ///
    /// async fn outbox(mailer: Data<Mailer>) -> Markup {
    ///     html! {}
    /// }
    ///
    /// let page = Page::get("/outbox", outbox).depends_on::<Data<Mailer>>();
    /// # let _ = page;
    /// ```
    pub fn depends_on<I: TaskInput>(mut self) -> Self {
        self.dependencies.push(I::dependency());
        self
    }

    /// Declares the values that the handler takes as arguments, for `#[page]`.
    #[doc(hidden)]
    pub fn dependencies(mut self, dependencies: impl IntoIterator<Item = Dependency>) -> Self {
        self.dependencies.extend(dependencies);
        self
    }

    /// Declares a style sheet, script or CSP source that every response from the page requires.
    ///
    /// Components declare their requirements with [`require`](super::require) while they render.
    /// Markup that is rendered once and cached cannot do this, so its page declares them:
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

    /// Returns a link to the route; the base path is added when the link is rendered or sent.
    #[must_use]
    pub fn url(&self) -> Href<'static> {
        Href::from(self.path)
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
