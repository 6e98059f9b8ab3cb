//! `/dev/token`, `/dev/sign-in`, `/.well-known/jwks.json`: development sign-in and its key set.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use chrono::Utc;
use cookie::{Cookie, SameSite};
use portal_core::auth::{Guard, Routes, safe_redirect};
use portal_core::config::is_loopback_host;
use portal_core::{Error, FieldError, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tokens::{IssuedToken, LIFETIME};
use super::{DevProvider, DevUser};

/// Maximum length of a first or last name, in characters.
pub(super) const MAX_NAME: usize = 100;
/// Maximum length of an e-mail address, in characters.
pub(super) const MAX_EMAIL: usize = 254;

/// Returns the routes without their state.
pub(crate) fn routes() -> Routes<Arc<DevProvider>> {
    let form = Routes::new()
        .post("/dev/sign-in", Guard::Development, sign_in)
        .form();
    Routes::new()
        .post("/dev/token", Guard::Development, token)
        .get("/.well-known/jwks.json", Guard::Development, key_set)
        .merge(form)
        .map_handlers(|handlers| handlers.route_layer(middleware::from_fn(require_loopback)))
}

/// Rejects requests for other machines' host names, and requests forwarded by a proxy.
///
/// Without this check, a page whose host name an attacker has rebound to the loopback address could
/// sign in as any user. A forwarded request may come from any machine.
async fn require_loopback(request: Request, next: Next) -> Response {
    let detail = if !(is_local(&request) && is_from_this_machine(&request)) {
        "development sign-in is available on this machine only; open the portal at localhost"
    } else if is_forwarded(request.headers()) {
        "development sign-in is not available behind a proxy; open the portal directly \
         or set the keys of a Clerk instance"
    } else {
        return next.run(request).await;
    };
    Error::forbidden(detail).into_response()
}

/// Returns `true` for a request with a header that only proxies add.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name.starts_with("x-forwarded") || ["forwarded", "via", "x-real-ip"].contains(&name)
    })
}

/// Returns `true` if the caller is on this machine or the server does not provide the caller's IP
/// address.
///
/// An application that serves the router itself provides the address by calling
/// `into_make_service_with_connect_info`.
fn is_from_this_machine(request: &Request) -> bool {
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .is_none_or(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
}

/// Returns `true` if every host name in a request refers to this machine.
fn is_local(request: &Request) -> bool {
    let headers = request.headers().get_all(header::HOST);
    let names: Vec<&str> = headers
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .chain(request.uri().authority().map(Authority::as_str))
        .collect();
    !names.is_empty()
        && names.iter().all(|name| {
            name.parse().is_ok_and(|authority: Authority| {
                is_loopback_host(authority.host()) && !name.contains('@')
            })
        })
}

async fn token(
    State(development): State<Arc<DevProvider>>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Response> {
    let Json(body) = body.map_err(json_error)?;
    let person = DevUser::from_json(&body)?;
    let subject = person.subject();
    let IssuedToken { token, expires_at } = development.open(&subject, &person).await?;
    let body = json!({ "token": token, "user_id": subject, "expires_at": expires_at });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

#[derive(Deserialize)]
struct SignInForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    redirect_url: String,
    /// `true` if the form is on the sign-up page.
    #[serde(default)]
    sign_up: bool,
}

impl SignInForm {
    /// Returns the URL of the page with the form and the submitted values; the page shows the
    /// errors.
    fn page(&self, base_path: &str) -> String {
        let page = if self.sign_up { "sign-up" } else { "sign-in" };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("redirect_url", &self.redirect_url);
        for (name, value, longest) in [
            ("email", &self.email, MAX_EMAIL),
            ("first_name", &self.first_name, MAX_NAME),
            ("last_name", &self.last_name, MAX_NAME),
        ] {
            // One character above the limit is enough to trigger the error, and keeps the URL
            // short.
            let value: String = value.chars().take(longest + 1).collect();
            query.append_pair(name, &value);
        }
        query.append_pair("checked", "true");
        format!("{base_path}/{page}?{}", query.finish())
    }
}

async fn sign_in(
    State(development): State<Arc<DevProvider>>,
    headers: HeaderMap,
    form: Result<Form<SignInForm>, FormRejection>,
) -> Result<Response> {
    let Form(form) =
        form.map_err(|rejection| refused(rejection.status(), rejection.body_text()))?;
    let names = (form.first_name.as_str(), form.last_name.as_str());
    let person = match DevUser::of_form(&form.email, names.0, names.1) {
        Ok(person) => person,
        // A browser is redirected back to the form; other clients receive the errors.
        Err(_) if wants_page(&headers) => {
            let page = form.page(&development.base_path);
            return Ok(Redirect::to(&page).into_response());
        }
        Err(errors) => return Err(Error::invalid(errors)),
    };
    let issued = development.open(&person.subject(), &person).await?;
    let cookie = Cookie::build(("__session", issued.token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(cookie::time::Duration::seconds(LIFETIME))
        .build();
    let base = development.base_path.as_str();
    let requested = form.redirect_url.as_str();
    let path = safe_redirect(requested.strip_prefix(base).unwrap_or(requested));
    let path = path.unwrap_or(&development.home_path);
    let headers = [
        (header::LOCATION, format!("{base}{path}")),
        (header::SET_COOKIE, cookie.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

fn wants_page(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|value| value.to_str().is_ok_and(|it| it.contains("text/html")))
}

async fn key_set(State(development): State<Arc<DevProvider>>) -> Json<Value> {
    Json(development.issuer.key_set())
}

impl DevProvider {
    async fn open(&self, subject: &str, person: &DevUser) -> Result<IssuedToken> {
        self.record(subject, person).await?;
        self.issuer.issue(subject, Utc::now())
    }
}

impl DevUser {
    fn from_json(body: &Value) -> Result<Self> {
        let Some(members) = body.as_object() else {
            return Err(Error::invalid(vec![FieldError::new(
                "",
                "invalid_type",
                "must be an object",
            )]));
        };
        let mut errors = Vec::new();
        for name in members.keys() {
            if !["email", "first_name", "last_name", "email_verified"].contains(&name.as_str()) {
                let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                errors.push(FieldError::new(pointer, "unknown_field", "unknown field"));
            }
        }
        let mut text = |name: &str| match members.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.as_str()),
            Some(_) => {
                errors.push(FieldError::new(
                    format!("/{name}"),
                    "invalid_type",
                    "must be a string",
                ));
                None
            }
        };
        let (email, first_name, last_name) = (text("email"), text("first_name"), text("last_name"));
        let email_verified = match members.get("email_verified") {
            None | Some(Value::Null) => true,
            Some(Value::Bool(verified)) => *verified,
            Some(_) => {
                errors.push(FieldError::new(
                    "/email_verified",
                    "invalid_type",
                    "must be true or false",
                ));
                false
            }
        };
        Self::new(email, first_name, last_name, email_verified, errors).map_err(Error::invalid)
    }

    /// Reads a user from the form fields; fails with the errors in all fields.
    pub(super) fn of_form(
        email: &str,
        first_name: &str,
        last_name: &str,
    ) -> Result<Self, Vec<FieldError>> {
        let (first_name, last_name) = (Some(first_name), Some(last_name));
        Self::new(Some(email), first_name, last_name, true, Vec::new())
    }

    /// Validates all fields; those already in `field_errors` are not reported again.
    fn new(
        email: Option<&str>,
        first_name: Option<&str>,
        last_name: Option<&str>,
        email_verified: bool,
        mut errors: Vec<FieldError>,
    ) -> Result<Self, Vec<FieldError>> {
        let email = email.unwrap_or_default().trim().to_ascii_lowercase();
        if errors.iter().all(|error| error.pointer != "/email") {
            if email.is_empty() {
                errors.push(FieldError::new(
                    "/email",
                    "missing",
                    "an e-mail address is required",
                ));
            } else if email.len() > MAX_EMAIL || garde::rules::email::parse_email(&email).is_err() {
                errors.push(FieldError::new(
                    "/email",
                    "invalid_email",
                    "must be a valid e-mail address",
                ));
            }
        }
        let mut name = |name: Option<&str>, pointer: &str| {
            let name = name.map(str::trim).filter(|name| !name.is_empty())?;
            if name.chars().count() > MAX_NAME {
                errors.push(FieldError::new(
                    pointer,
                    "too_long",
                    format!("must be at most {MAX_NAME} characters long"),
                ));
            }
            if name.chars().any(char::is_control) {
                errors.push(FieldError::new(
                    pointer,
                    "not_allowed",
                    "must not contain control characters",
                ));
            }
            Some(name.to_owned())
        };
        let first_name = name(first_name, "/first_name");
        let last_name = name(last_name, "/last_name");
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            email,
            email_verified,
            first_name,
            last_name,
        })
    }
}

fn json_error(rejection: JsonRejection) -> Error {
    match rejection {
        JsonRejection::JsonSyntaxError(_) => {
            Error::bad_request(rejection.body_text()).with_code("invalid_json")
        }
        rejection => refused(rejection.status(), rejection.body_text()),
    }
}

/// Returns the error for a body that could not be read.
fn refused(status: StatusCode, detail: String) -> Error {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        StatusCode::UNPROCESSABLE_ENTITY => "invalid_parameters",
        _ => "bad_request",
    };
    Error::new(status, code, detail)
}
