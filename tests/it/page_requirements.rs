//! Requirements: style sheets, scripts and CSP sources that pages and components declare.

use std::sync::LazyLock;

use axum::Router;
use axum::routing::get;
use portal_core::auth::CspDirective;
use portal_core::pages::components::{Column, Table};
use portal_core::pages::layout::{Document, Layout, PageContext, document};
use portal_core::pages::{Fragment, Requirement, require};
use portal_core::prelude::*;
use reqwest::Method;

use crate::app;
use crate::support::{Client, Database, TestResponse, TestServer, attributes};

const STYLES: &str = "head link[rel=stylesheet]";
const POLICY: &str = "content-security-policy";

/// A component defined by an application.
fn map() -> Markup {
    require(Requirement::stylesheet("/static/map.css"));
    require(Requirement::module("/static/map.js"));
    require(Requirement::csp_source(
        CspDirective::Img,
        "https://tiles.example",
    ));
    html! { berth-map {} }
}

/// Two maps
#[page("/requirements/maps")]
async fn maps() -> Markup {
    html! { (map()) (map()) }
}

static CHART: LazyLock<Markup> = LazyLock::new(|| html! { tide-chart {} });

/// Markup that is rendered once
#[page("/requirements/chart")]
async fn bare_chart() -> Markup {
    CHART.clone()
}

fn chart() -> Page {
    bare_chart()
        .requires(Requirement::stylesheet("/static/chart.css"))
        .requires(Requirement::script("https://cdn.example/chart.js"))
        .requires(Requirement::csp_source(
            CspDirective::Script,
            "https://cdn.example",
        ))
}

fn table() -> Table {
    Table::new("Boats").column(Column::new("Name"))
}

/// A table alone
#[page("/requirements/part")]
async fn part() -> Fragment {
    Fragment(html! { (table()) })
}

/// A table
#[page("/requirements/table")]
async fn whole() -> Markup {
    html! { (table()) }
}

/// Cacheable layout with a style sheet.
struct Styled;

impl Layout for Styled {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Document {
        require(Requirement::stylesheet("/static/layout.css"));
        document(page, html! { main { (content) } })
    }

    fn is_cacheable(&self) -> bool {
        true
    }
}

async fn start(build: impl FnOnce(PortalBuilder) -> PortalBuilder) -> TestServer {
    let build = |portal| build(app::build(portal)).base_path("/portal").page(chart);
    TestServer::start_with(Database::Sqlite, &[], build).await
}

#[tokio::test]
async fn page_links_the_assets_for_its_components_once() {
    let server = start(|portal| portal).await;
    let guest = server.guest();
    let maps = guest.page("/requirements/maps").await;
    let styles = attributes(&maps.text, STYLES, "href");
    assert_eq!(
        styles.last().map(String::as_str),
        Some("/portal/static/map.css")
    );
    assert_eq!(styles.len(), 2, "{styles:?}");
    let modules = attributes(&maps.text, "head script[type=module]", "src");
    assert!(
        modules.contains(&"/portal/static/map.js".to_owned()),
        "{modules:?}"
    );
    assert!(
        maps.header(POLICY)
            .contains("img-src 'self' data: https://tiles.example;")
    );

    let home = guest.page("/").await;
    assert!(!home.text.contains("/static/map"), "{}", home.text);
    assert!(!home.header(POLICY).contains("tiles.example"));
}

#[tokio::test]
async fn page_declares_assets_for_cached_markup() {
    let server = start(|portal| portal).await;
    for _ in 0..2 {
        let page = server.guest().page("/requirements/chart").await;
        let styles = attributes(&page.text, STYLES, "href");
        assert!(
            styles.contains(&"/portal/static/chart.css".to_owned()),
            "{styles:?}"
        );
        let scripts = attributes(&page.text, "head script[defer]", "src");
        assert!(
            scripts.contains(&"https://cdn.example/chart.js".to_owned()),
            "{scripts:?}"
        );
        assert!(
            page.header(POLICY)
                .contains("script-src 'self' https://cdn.example;")
        );
    }
}

#[tokio::test]
async fn response_to_a_script_names_its_style_sheets() {
    let routed = get(|| async { Fragment(html! { (table()) }) });
    let build = |portal: PortalBuilder| portal.merge_router(Router::new().route("/routed", routed));
    let server = start(build).await;
    let guest = server.guest();
    let read = async |path: &str, header: (&str, &str)| {
        let request = guest.request(Method::GET, path);
        let request = request.header("accept", "text/html");
        TestResponse::of(request.header(header.0, header.1)).await
    };
    let page = guest.page("/requirements/table").await;
    let styles = attributes(&page.text, STYLES, "href");
    let style = styles.iter().find(|style| style.contains("/table."));
    let style = style.expect("the page links the style sheet of tables");
    assert_eq!(page.header("x-portal-stylesheets"), "");
    for path in ["/requirements/part", "/routed", "/requirements/table"] {
        let response = read(path, ("hx-request", "true")).await;
        assert_eq!(response.header("x-portal-stylesheets"), style, "{path}");
        assert!(!response.text.contains("data-requires"), "{path}");
    }
    let response = read("/", ("hx-request", "true")).await;
    assert_eq!(response.header("x-portal-stylesheets"), "");
}

#[tokio::test]
async fn cached_layout_keeps_its_requirements() {
    let server = start(|portal| portal.layout(Styled)).await;
    let links = async |client: &Client, path: &str| {
        let page = client.page(path).await;
        let styles = attributes(&page.text, STYLES, "href");
        ["layout.css", "map.css"].map(|file| styles.iter().any(|style| style.ends_with(file)))
    };
    let (guest, user) = (server.guest(), server.user().await);
    for client in [&guest, &guest, &user] {
        assert_eq!(links(client, "/").await, [true, false]);
        assert_eq!(links(client, "/requirements/maps").await, [true, true]);
    }
}
