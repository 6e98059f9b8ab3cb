//! Pages with forms: layout for every return type, submitted values, and field errors.

use axum::body::Bytes;
use axum::extract::Multipart;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use garde::Validate;
use portal_core::pages::Fragment;
use portal_core::pages::components::Field;
use portal_core::prelude::*;
use reqwest::Method;
use scraper::{Html as Document, Selector};
use serde::Deserialize;

use crate::support::{Client, Database, TestResponse, TestServer};

fn again() -> Markup {
    html! { h1 { "Once more" } }
}

/// Status and markup
#[page("/spelled/status", method = post)]
async fn status() -> (StatusCode, Markup) {
    (StatusCode::UNPROCESSABLE_ENTITY, again())
}

/// Status, headers and markup
#[page("/spelled/headers", method = post)]
async fn headers() -> (StatusCode, HeaderMap, Markup) {
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, header::HeaderValue::from_static("\"7\""));
    (StatusCode::UNPROCESSABLE_ENTITY, headers, again())
}

/// A result of status and markup
#[page("/spelled/result", method = post)]
async fn result() -> Result<(StatusCode, Markup)> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, again()))
}

/// A response
#[page("/spelled/response", method = post)]
async fn response() -> Result<Response> {
    let cookie = [(header::SET_COOKIE, "draft=7")];
    Ok((StatusCode::UNPROCESSABLE_ENTITY, cookie, again()).into_response())
}

/// HTML
#[page("/spelled/html", method = post)]
async fn spelled_html() -> (StatusCode, Html<String>) {
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Html(again().into_string()),
    )
}

/// An array of headers and markup
#[page("/spelled/array")]
async fn array() -> ([(HeaderName, &'static str); 1], Markup) {
    ([(header::ETAG, "\"7\"")], again())
}

/// An error in text
#[page("/spelled/text")]
async fn text() -> Result<Response> {
    Ok((StatusCode::NOT_FOUND, "there is no such boat").into_response())
}

/// An error as a response
#[page("/spelled/error")]
async fn error() -> Response {
    Error::conflict("berth_taken", "this berth is taken").into_response()
}

/// A status alone
#[page("/spelled/nothing")]
async fn nothing() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// A fragment
#[page("/spelled/fragment")]
async fn fragment() -> Fragment {
    Fragment(again())
}

/// A complete document
#[page("/spelled/document")]
async fn document() -> Html<&'static str> {
    Html("<!doctype html><title>Own</title>")
}

#[derive(Deserialize, Validate)]
struct Booking {
    #[garde(length(chars, min = 2))]
    boat: String,
    #[garde(range(min = 1, max = 14))]
    nights: u32,
    #[garde(skip)]
    meters: f64,
    #[serde(default)]
    #[garde(skip)]
    electricity: bool,
}

fn booking_form(state: &FormState) -> Markup {
    html! {
        form method="post" class="pt-form" {
            (state.banner())
            (Field::text("boat", "Boat").state(state))
            (Field::number("nights", "Nights").value("1").state(state))
            (Field::number("meters", "Length").state(state))
            (Field::checkbox("electricity", "Electricity").checked(true).state(state))
        }
    }
}

/// Book a berth
#[page("/book")]
async fn book() -> Markup {
    booking_form(&FormState::default())
}

/// Book a berth
#[page("/book", method = post)]
async fn save_booking(input: FormInput<Booking>) -> Result<PageResponse> {
    let again = |state| (StatusCode::UNPROCESSABLE_ENTITY, booking_form(&state)).into_page();
    let (booking, state) = match input.into_result() {
        Ok(valid) => valid,
        Err(state) => return Ok(again(state)),
    };
    if booking.boat == "Taken" {
        return Ok(again(state.with_error("boat", "has a berth already")));
    }
    let Booking {
        boat,
        nights,
        meters,
        electricity,
    } = booking;
    let text = format!("{boat}, {nights} nights, {meters} m, {electricity}");
    Ok(Flash::success(text).redirect("/book").into_page())
}

/// Upload a picture
#[page("/pictures", method = post)]
async fn receive_picture(picture: Bytes) -> Markup {
    html! { (picture.len()) }
}

fn picture() -> Page {
    receive_picture().max_body(3 << 20)
}

#[tokio::test]
async fn page_can_raise_the_body_limit() {
    let server = TestServer::start_with(Database::Sqlite, &[], |portal| {
        crate::app::build(portal).page(picture)
    })
    .await;
    let user = server.user().await;
    let upload = async |path: &str, bytes: usize| {
        let request = user.request(Method::POST, path);
        let media_type = "application/x-www-form-urlencoded";
        let request = request.header("content-type", media_type);
        TestResponse::of(request.body("x".repeat(bytes))).await
    };
    let fits = upload("/pictures", 2 << 20).await;
    assert_eq!(fits.status, 200, "{}", fits.text);
    assert!(fits.text.contains("2097152"), "{}", fits.text);
    for (path, bytes) in [("/pictures", 4 << 20), ("/book", 2 << 20)] {
        let large = upload(path, bytes).await;
        assert_eq!(large.status, 413, "{path}: {}", large.text);
    }
}

/// Upload an attachment
#[page("/attachments", method = post, max_body = "3MiB")]
async fn receive_attachment(mut form: Multipart) -> Result<Markup> {
    let part = form.next_field().await.map_err(Error::from_rejection)?;
    let part = part.ok_or_else(|| Error::bad_request("the form is empty"))?;
    let name = part.file_name().unwrap_or_default().to_owned();
    let bytes = part.bytes().await.map_err(Error::from_rejection)?;
    Ok(html! { (name) ": " (bytes.len()) })
}

#[tokio::test]
async fn multipart_upload_respects_the_limit_of_its_page() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let upload = async |bytes: usize| {
        let head =
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
        let body = format!("{head}{}\r\n--x--\r\n", "y".repeat(bytes));
        let request = user.request(Method::POST, "/attachments");
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        TestResponse::of(request.body(body)).await
    };
    let fits = upload(2 << 20).await;
    assert_eq!(fits.status, 200, "{}", fits.text);
    assert!(fits.text.contains("a.txt: 2097152"), "{}", fits.text);
    let large = upload(4 << 20).await;
    assert_eq!(large.status, 413, "{}", large.text);
}

async fn submit(client: &Client, form: &'static str) -> TestResponse {
    let request = client.request(Method::POST, "/book");
    let media_type = "application/x-www-form-urlencoded";
    TestResponse::of(request.header("content-type", media_type).body(form)).await
}

/// Returns the value and error of a field on a page.
fn field(page: &str, name: &str) -> (String, String) {
    let page = Document::parse_document(page);
    let first = |selector: String| {
        let selector = Selector::parse(&selector).expect("selector is valid");
        page.select(&selector).next()
    };
    let input = first(format!("input[name={name}]")).expect("the field exists");
    let error = first(format!("#f-{name}-error"));
    let error = error.map(|error| error.text().collect::<String>());
    let value = input.attr("value").unwrap_or_default().to_owned();
    (value, error.unwrap_or_default())
}

#[tokio::test]
async fn invalid_values_are_shown_again_with_their_errors() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let first = user.page("/book").await;
    assert_eq!(
        field(&first.text, "nights"),
        ("1".to_owned(), String::new())
    );
    assert!(first.text.contains("checked"));

    let page = submit(&user, "boat=%3Cb%3E&nights=many&meters=9,5").await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("class=\"pt-nav\""), "{}", page.text);
    for (name, value, error) in [
        ("boat", "<b>", ""),
        ("nights", "many", "Must be a whole number."),
        ("meters", "9,5", "Must be a number."),
    ] {
        let shown = field(&page.text, name);
        assert_eq!(shown, (value.to_owned(), error.to_owned()), "{name}");
    }
    assert!(!page.text.contains("checked"), "the box was unchecked");

    let page = submit(&user, "boat=x&nights=15&meters=").await;
    assert_eq!(field(&page.text, "boat").1, "Length is lower than 2.");
    assert_eq!(field(&page.text, "nights").1, "Greater than 14.");
    assert_eq!(field(&page.text, "meters").1, "Must not be empty.");
    let page = submit(&user, "boat=Taken&nights=2&meters=9.5").await;
    assert_eq!(
        field(&page.text, "boat"),
        ("Taken".to_owned(), "Has a berth already.".to_owned())
    );

    let done = submit(&user, "boat=Ada&nights=2&meters=9.5&electricity=true").await;
    assert_eq!((done.status.as_u16(), done.location()), (303, "/book"));
    let text = "Ada%2C%202%20nights%2C%209.5%20m%2C%20true";
    assert!(
        done.header("set-cookie").contains(text),
        "{}",
        done.header("set-cookie")
    );
    let json = user.post("/book", &serde_json::json!({})).await;
    assert_eq!(json.status, 415);
}

async fn send(client: &Client, method: Method, path: &str, header: (&str, &str)) -> TestResponse {
    let request = client.request(method, path);
    TestResponse::of(
        request
            .header("accept", "text/html")
            .header(header.0, header.1),
    )
    .await
}

#[tokio::test]
async fn markup_has_the_layout_for_every_return_type() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    for path in ["status", "headers", "result", "response", "html"] {
        let path = format!("/spelled/{path}");
        let page = send(&user, Method::POST, &path, ("sec-fetch-dest", "document")).await;
        assert_eq!(page.status, 422, "{path}");
        assert!(
            page.text.contains("class=\"pt-nav\""),
            "{path}: {}",
            page.text
        );
        assert_eq!(page.text.matches("<h1>Once more</h1>").count(), 1, "{path}");
    }
    let page = user.page("/spelled/array").await;
    assert_eq!((page.status.as_u16(), page.header("etag")), (200, "\"7\""));
    assert!(page.text.contains("class=\"pt-nav\""));
    let page = send(&user, Method::POST, "/spelled/headers", ("a", "b")).await;
    assert_eq!(page.header("etag"), "\"7\"");
    let page = send(&user, Method::POST, "/spelled/response", ("a", "b")).await;
    assert_eq!(page.header("set-cookie"), "draft=7");
    for (path, status, text) in [
        ("text", 404, "There is no such boat."),
        ("error", 409, "This berth is taken."),
        ("nothing", 404, "There is nothing at"),
    ] {
        let page = user.page(&format!("/spelled/{path}")).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.text.contains(text), "{path}: {}", page.text);
        assert!(page.text.contains("class=\"pt-nav\""), "{path}");
    }
}

#[tokio::test]
async fn fragments_and_documents_have_no_layout() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let bare = "<h1>Once more</h1>";
    for header in [("hx-request", "true"), ("sec-fetch-dest", "empty")] {
        let response = send(&user, Method::POST, "/spelled/response", header).await;
        assert_eq!((response.status.as_u16(), &*response.text), (422, bare));
    }
    // A script selects the fragment that it needs from a page.
    let page = send(
        &user,
        Method::POST,
        "/spelled/status",
        ("hx-request", "true"),
    )
    .await;
    assert!(page.text.contains("class=\"pt-nav\""));
    assert_eq!(user.page("/spelled/fragment").await.text, bare);
    let document = user.page("/spelled/document").await;
    assert_eq!(document.text, "<!doctype html><title>Own</title>");
    // Other clients receive the handler's own text.
    let text = user.get("/spelled/text").await;
    assert_eq!(
        (text.status.as_u16(), &*text.text),
        (404, "there is no such boat")
    );
}
