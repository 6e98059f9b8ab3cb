//! Tests that start the application on an in-memory database and send requests to its router.

mod actions;
mod imports;
mod reports;

use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::http::{Request, StatusCode, header};
use portal_clerk::ClerkAuth;
use portal_core::AuthProvider as _;
use portal_core::auth::UserChange;
use portal_core::config::{Config, Settings};
use portal_core::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Starts the application with an empty database.
async fn start() -> Portal {
    let auth = ClerkAuth::new();
    let pairs = [("APP_ENV", "DEV"), ("DB_LOCAL_URI", "sqlite::memory:")];
    let settings = Settings::from_pairs_with(auth.settings(), pairs);
    let config = Config::from_settings(settings).unwrap();
    crate::portal().config(config).build().await.unwrap()
}

/// Sends a request to the origin of the application.
async fn send(portal: &Portal, request: Builder, body: String) -> (StatusCode, String) {
    let request = request.header(header::HOST, "127.0.0.1:8000");
    let response = portal
        .router()
        .oneshot(request.body(Body::from(body)).unwrap())
        .await
        .unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 22).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// A signed-in user.
struct Client<'a> {
    portal: &'a Portal,
    bearer: String,
}

impl<'a> Client<'a> {
    /// Signs in, without the role `sales`.
    async fn sign_in(portal: &'a Portal, email: &str) -> Self {
        let request = Request::post("/dev/token").header(header::CONTENT_TYPE, "application/json");
        let (status, text) = send(portal, request, json!({ "email": email }).to_string()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let response: Value = serde_json::from_str(&text).unwrap();
        let bearer = format!("Bearer {}", response["token"].as_str().unwrap());
        let client = Self { portal, bearer };
        // The portal stores a user with their first request.
        client.get("/").await;
        client
    }

    /// Signs in as a user with the role `sales`.
    async fn sign_in_to_sales(portal: &'a Portal, email: &str) -> Self {
        let client = Self::sign_in(portal, email).await;
        let users = portal.state().get::<Users>().unwrap();
        let user = users.find_by_email(email).await.unwrap().remove(0);
        let change = UserChange {
            role: Some(Role::custom("sales")),
            ..UserChange::default()
        };
        users.update(user.id, &change).await.unwrap();
        client
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::AUTHORIZATION, &self.bearer);
        send(self.portal, request, String::new()).await
    }

    /// Returns the HTML of a page.
    async fn page(&self, path: &str) -> String {
        let (status, text) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    async fn post(&self, path: &str) -> StatusCode {
        let request = Request::post(path).header(header::AUTHORIZATION, &self.bearer);
        send(self.portal, request, String::new()).await.0
    }

    /// Adds a row through the REST API and returns its id.
    async fn create(&self, model: &str, row: Value) -> i64 {
        let request = Request::post(format!("/api/admin/models/{model}"))
            .header(header::AUTHORIZATION, &self.bearer)
            .header(header::CONTENT_TYPE, "application/json");
        let (status, text) = send(self.portal, request, row.to_string()).await;
        assert_eq!(status, StatusCode::CREATED, "{text}");
        let row: Value = serde_json::from_str(&text).unwrap();
        row["id"].as_i64().unwrap()
    }
}
