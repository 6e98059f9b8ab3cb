//! Rejected requests: reasons as sent to clients, as logged and, in DEV, as shown to developers.

use axum::extract::{Path, Query};
use axum::{Form, Json};
use portal_core::PortalBuilder;
use portal_core::auth::Routes;
use portal_core::prelude::*;
use reqwest::Method;
use serde::Deserialize;

use crate::app;
use crate::support::{Client, Database, Log, PRODUCTION_HOST, TestResponse, TestServer};

#[derive(Deserialize)]
struct Deal {
    company_id: u32,
    title: String,
}

#[derive(Deserialize)]
struct Numbered {
    page: u32,
}

async fn add_deal(Json(deal): Json<Deal>) -> String {
    format!("{} {}", deal.company_id, deal.title)
}

async fn list_deals(Query(list): Query<Numbered>) -> String {
    list.page.to_string()
}

async fn one_deal(Path(id): Path<u32>) -> String {
    id.to_string()
}

async fn wrong_arity(Path((one, other)): Path<(u32, u32)>) -> String {
    format!("{one} {other}")
}

async fn breaks() -> Result<String> {
    let cause = std::io::Error::other("the disk is on fire");
    Err(Error::internal(cause))
}

/// Save a deal
#[page("/deals/{number}", method = post)]
async fn save_deal(Path(number): Path<u32>, Form(deal): Form<Deal>) -> Markup {
    html! { p { (number) (deal.company_id) (deal.title) } }
}

fn build(portal: PortalBuilder) -> PortalBuilder {
    let routes = Routes::new()
        .get("/api/deals", Access::Public, list_deals)
        .post("/api/deals", Access::Public, add_deal)
        .get("/api/deals/{id}", Access::Public, one_deal)
        .get("/api/pairs/{id}", Access::Public, wrong_arity);
    let forms = Routes::new()
        .get("/pairs/{id}", Access::Public, wrong_arity)
        .get("/breaks", Access::Public, breaks)
        .form();
    app::build(portal).routes(routes.merge(forms))
}

async fn server() -> TestServer {
    TestServer::start_with(Database::Sqlite, &[], build).await
}

/// Sends a form as a browser does, including values that a page must not show.
async fn send_form(client: &Client, path: &str, form: &'static str) -> TestResponse {
    let request = client
        .request(Method::POST, path)
        .header("accept", "text/html")
        .header("origin", client.url())
        .header("authorization", "Bearer a-token-in-a-header")
        .header("cookie", "theme=a-value-in-a-cookie")
        .header(
            "referer",
            format!("{}/?key=a-key-in-a-referer", client.url()),
        )
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    TestResponse::of(request).await
}

#[tokio::test]
async fn rejected_api_request_states_reason_and_pointer() {
    let server = server().await;
    let guest = server.guest();
    let missing = guest.post("/api/deals", &serde_json::json!({})).await;
    let missing = missing.problem(422, "invalid_parameters");
    let detail = missing["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("missing field `company_id`"), "{detail}");
    assert_eq!(missing["errors"][0]["pointer"], "/company_id");
    assert_eq!(missing["errors"][0]["code"], "missing");

    let wrong = serde_json::json!({"company_id": "7", "title": "x"});
    let wrong = guest.post("/api/deals", &wrong).await;
    let wrong = wrong.problem(422, "invalid_parameters");
    assert_eq!(wrong["errors"][0]["pointer"], "/company_id");
    assert_eq!(wrong["errors"][0]["code"], "invalid_type");

    let send = async |media_type: &str, body: String| {
        let request = guest.request(Method::POST, "/api/deals");
        // An API route responds in the same way to browsers and other clients.
        let request = request.header("accept", "text/html");
        TestResponse::of(request.header("content-type", media_type).body(body)).await
    };
    let broken = send("application/json", "{".to_owned()).await;
    let detail = broken.problem(400, "invalid_json")["detail"].to_string();
    assert!(
        detail.contains("EOF") && detail.contains("line 1"),
        "{detail}"
    );
    let text = send("text/plain", "{}".to_owned()).await;
    let detail = text.problem(415, "unsupported_media_type")["detail"].to_string();
    assert!(detail.contains("application/json"), "{detail}");
    let large = send("application/json", "7".repeat(2 << 20)).await;
    large.problem(413, "body_too_large");

    let query = guest.get("/api/deals?page=x").await;
    let query = query.problem(422, "invalid_parameters");
    assert_eq!(query["errors"][0]["pointer"], "/page");
    let path = guest.get("/api/deals/x").await.problem(400, "bad_request");
    let detail = path["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("Cannot parse `x` to a `u32`"), "{detail}");
    for good in ["/api/deals?page=2", "/api/deals/2"] {
        assert_eq!(guest.get(good).await.text, "2");
    }
}

#[tokio::test]
async fn log_states_reason_route_and_handler() {
    let log = Log::capture();
    let server = server().await;
    let guest = server.guest();
    guest.post("/api/deals", &serde_json::json!({})).await;
    send_form(&guest, "/deals/7", "title=x").await;
    guest.get("/api/pairs/7").await;
    // Outside of the API, clients other than browsers receive axum's text; the log also contains
    // it.
    assert!(guest.get("/pairs/8").await.text.contains("Expected 2"));
    let lines = log.lines_with("request rejected");
    let expected = [
        [
            "INFO",
            "/api/deals",
            "::add_deal ",
            "missing field `company_id`",
        ],
        [
            "INFO",
            "/deals/{number}",
            "::save_deal ",
            "missing field `company_id`",
        ],
        [
            "ERROR",
            "/api/pairs/{id}",
            "::wrong_arity ",
            "Expected 2 but got 1",
        ],
        [
            "ERROR",
            "/pairs/{id}",
            "::wrong_arity ",
            "Expected 2 but got 1",
        ],
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, parts) in lines.iter().zip(expected) {
        for part in parts.into_iter().chain(["rejections.rs:"]) {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
}

#[tokio::test]
async fn dev_error_page_shows_reason_handler_and_request() {
    let server = server().await;
    let page = send_form(&server.guest(), "/deals/7", "title=x").await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("pt-nav"), "the page has the layout");
    for part in [
        "For developers",
        "missing field `company_id`",
        "POST /deals/7",
        "/deals/{number}",
        "::rejections::save_deal",
        "it/rejections.rs:",
        "application/x-www-form-urlencoded",
        "text/html",
    ] {
        assert!(page.text.contains(part), "{part} is not in {}", page.text);
    }
    let details = page.text.split("For developers").nth(1).unwrap_or_default();
    let details = details.split("</section>").next().unwrap_or_default();
    for secret in [
        "a-token-in-a-header",
        "a-value-in-a-cookie",
        "a-key-in-a-referer",
    ] {
        assert!(!details.contains(secret), "{secret} is in {details}");
    }
    let failed = server.guest().page("/fails").await;
    assert!(failed.text.contains("the cause that stays in the log"));
    assert!(failed.text.contains("::app::fails"), "{}", failed.text);
    let failed = server.guest().page("/breaks").await;
    assert!(failed.text.contains("the disk is on fire"));
    let arity = server.guest().get("/api/pairs/7").await;
    let detail = arity.problem(500, "internal")["detail"].to_string();
    assert!(detail.contains("Expected 2 but got 1"), "{detail}");
    for plain in ["/nowhere", "/panics", "/secret"] {
        let page = server.guest().page(plain).await;
        assert!(!page.text.contains("For developers"), "{plain}");
    }
}

#[tokio::test]
async fn production_reveals_no_internals() {
    let base = TestServer::start_with(Database::Postgres, &[], build).await;
    let server = base.in_production(build).await;
    let get = async |path: &str, accept: &str| {
        let request = server.guest().request(Method::GET, path);
        let request = request.header("host", PRODUCTION_HOST);
        TestResponse::of(request.header("accept", accept)).await
    };
    for path in ["/api/pairs/7", "/breaks", "/fails", "/pairs/7"] {
        for accept in ["text/html", "application/json"] {
            // Plain text outside of the API is the application's own response.
            if path == "/pairs/7" && accept != "text/html" {
                continue;
            }
            let response = get(path, accept).await;
            assert_eq!(response.status, 500, "{path}");
            for inside in [
                "Expected 2",
                "on fire",
                "cause that stays",
                ".rs",
                "developers",
            ] {
                assert!(
                    !response.text.contains(inside),
                    "{inside}: {}",
                    response.text
                );
            }
        }
    }
    // The response states why the request is invalid.
    let path = get("/api/deals/x", "*/*").await.problem(400, "bad_request");
    assert!(path["detail"].as_str().unwrap_or_default().contains("`x`"));
    let page = get("/items/x", "text/html").await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("Cannot parse `x`"), "{}", page.text);
    for inside in ["developers", ".rs:", "::item"] {
        assert!(!page.text.contains(inside), "{inside}: {}", page.text);
    }
}
