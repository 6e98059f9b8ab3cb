//! Responses to forms submitted by htmx, which get a header instead of a redirect.

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::layout::{Flash, FlashKind};

/// Converts a redirect into `204` with an `HX-Trigger` header if htmx submitted the form.
///
/// The browser follows a redirect before the script sees it, and the message on the new page is
/// lost unless the script inserts that part of the page. The event `portal:done` in the header
/// therefore carries the message and the target URL.
///
/// The cookie with the message is kept; the next page shows or clears it.
pub(super) fn htmx_response(request: &Parts, mut response: Response) -> Response {
    let by_htmx = request
        .headers
        .get("hx-request")
        .is_some_and(|it| it == "true");
    if !by_htmx || request.method != Method::POST || response.status() != StatusCode::SEE_OTHER {
        return response;
    }
    let to = response.headers().get(header::LOCATION);
    let Some(to) = to.and_then(|to| to.to_str().ok()) else {
        return response;
    };
    let flash = response.extensions().get::<Flash>();
    let tone = flash.map(|flash| match flash.kind {
        FlashKind::Success => "success",
        FlashKind::Error => "danger",
        FlashKind::Info => "info",
    });
    let link = flash.and_then(|flash| flash.link.as_ref());
    let done = json!({"portal:done": {
        "to": to,
        "text": flash.map(|flash| &flash.text),
        "tone": tone,
        "label": link.map(|(label, _)| label),
        "href": link.map(|(_, url)| url.to_string()),
    }});
    let Ok(trigger) = HeaderValue::from_str(&ascii(&done.to_string())) else {
        return response;
    };
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().remove(header::LOCATION);
    response.headers_mut().insert("hx-trigger", trigger);
    response
}

/// Escapes JSON for a header, which browsers decode as Latin-1.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn answer(hx: bool, method: Method) -> Response {
        let mut request = Request::builder().method(method);
        if hx {
            request = request.header("hx-request", "true");
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        htmx_response(
            &parts,
            Flash::success("“Ärger” 🎉 \"weg\"")
                .link("View", "/list?edit=1")
                .redirect("/list?a=b"),
        )
    }

    #[test]
    fn htmx_form_receives_target_and_message_in_a_header() {
        let response = answer(true, Method::POST);
        assert_eq!(response.status(), 204);
        assert!(!response.headers().contains_key(header::LOCATION));
        assert!(response.headers().contains_key(header::SET_COOKIE));
        let told = response.headers()["hx-trigger"].to_str().unwrap();
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        let expected = json!({
            "to": "/list?a=b", "text": "“Ärger” 🎉 \"weg\"", "tone": "success",
            "label": "View", "href": "/list?edit=1",
        });
        assert_eq!(told["portal:done"], expected);
    }

    #[test]
    fn other_requests_are_redirected() {
        assert_eq!(answer(false, Method::POST).status(), 303);
        assert_eq!(answer(true, Method::GET).status(), 303);
    }
}
