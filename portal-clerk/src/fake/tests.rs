use reqwest::redirect::Policy;
use serde_json::json;

use super::*;

const PORTAL: &str = "http://127.0.0.1:8000";

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(Policy::none());
    builder.build().unwrap()
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    let mut pairs = url.query_pairs();
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

fn claims(token: &str) -> Value {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn directives(clerk: &FakeClerk, nonce: &str) -> Option<Vec<String>> {
    let response = client()
        .get(format!(
            "{}/v1/clients/handshake_payload?nonce={nonce}",
            clerk.url()
        ))
        .bearer_auth(clerk.secret_key())
        .send()
        .await
        .unwrap();
    let body: Value = response.json().await.unwrap();
    serde_json::from_value(body["directives"].clone()).ok()
}

async fn handshake(clerk: &FakeClerk, client_cookie: &str, more: &str) -> reqwest::Response {
    let url = format!(
        "{}/v1/client/handshake?redirect_url=http%3A%2F%2F127.0.0.1%3A8000%2Fmembers%3Fa%3Db&format=nonce&suffixed_cookies=true{more}",
        clerk.url()
    );
    let request = client().get(url);
    let request = request.header("cookie", format!("__client={client_cookie}"));
    request.send().await.unwrap()
}

#[tokio::test]
async fn development_instance_returns_a_single_use_nonce() {
    let clerk = FakeClerk::start().await;
    let ann = clerk.user("ann@example.com");
    let browser = clerk.client_cookie(&ann);
    let response = handshake(&clerk, &browser, "").await;
    assert_eq!(response.status(), 307);
    let location = header(&response, "location");
    assert!(
        location.starts_with("http://127.0.0.1:8000/members?a=b&"),
        "{location}"
    );
    let nonce = parameter(location, "__clerk_handshake_nonce").unwrap();
    let list = directives(&clerk, &nonce).await.unwrap();
    let token = list
        .iter()
        .find_map(|item| item.strip_prefix("__session="))
        .unwrap();
    let claims = claims(token.split(';').next().unwrap());
    assert_eq!(
        (&claims["sub"], &claims["azp"], &claims["iss"]),
        (&json!(ann), &json!(PORTAL), &json!(clerk.url()))
    );
    for name in [
        "__client_uat=",
        "__clerk_db_jwt=dvb_",
        &format!("__session_{}=", clerk.cookie_suffix()),
    ] {
        assert!(
            list.iter().any(|item| item.starts_with(name)),
            "{name} {list:?}"
        );
    }
    assert_eq!(directives(&clerk, &nonce).await, None);

    clerk.revoke(&clerk.sessions_of(&ann)[0]);
    let response = handshake(&clerk, &browser, "").await;
    let nonce = parameter(header(&response, "location"), "__clerk_handshake_nonce").unwrap();
    let list = directives(&clerk, &nonce).await.unwrap();
    assert!(list[0].starts_with("__session=; "), "{list:?}");
    assert!(list.iter().any(|item| item.starts_with("__client_uat=0;")));
    assert_eq!(clerk.handshake_count(), 2);
}

#[tokio::test]
async fn production_instance_returns_the_session_in_a_cookie() {
    let clerk = FakeClerk::start_as(InstanceKind::Production).await;
    let browser = clerk.client_cookie(&clerk.user("ann@example.com"));
    let response = handshake(&clerk, &browser, "").await;
    assert_eq!(
        header(&response, "location"),
        "http://127.0.0.1:8000/members?a=b"
    );
    let cookies = response.headers().get_all("set-cookie");
    let nonce = cookies
        .iter()
        .find_map(|value| {
            value
                .to_str()
                .unwrap()
                .strip_prefix("__clerk_handshake_nonce=")
        })
        .and_then(|rest| rest.split(';').next());
    assert!(directives(&clerk, nonce.unwrap()).await.is_some());
}

#[tokio::test]
async fn browsers_are_redirected_only_to_allowed_origins() {
    let clerk = FakeClerk::start().await;
    for (target, status) in [
        ("http://localhost:1/x", 307),
        ("https://evil.example/", 400),
        ("javascript:alert(1)", 400),
        ("/members", 400),
    ] {
        let handshake = format!("{}/v1/client/handshake", clerk.url());
        let url = url::Url::parse_with_params(&handshake, [("redirect_url", target)]).unwrap();
        let response = client().get(url).send().await.unwrap();
        assert_eq!(response.status(), status, "{target}");
    }
}

#[tokio::test]
async fn hosted_page_signs_in_a_new_user() {
    let clerk = FakeClerk::start().await;
    let page = format!("{}/sign-up", clerk.url());
    let asked = format!("{page}?redirect_url={PORTAL}");
    let shown = client().get(asked).send().await.unwrap();
    assert!(shown.text().await.unwrap().contains(PORTAL));
    let form = "email=bo%40example.com&first_name=Bo&last_name=Li&redirect_url=http%3A%2F%2F127.0.0.1%3A8000%2Fx";
    let response = client()
        .post(&page)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 303);
    let dev_browser = parameter(header(&response, "location"), "__clerk_db_jwt").unwrap();
    let bo = clerk.user("bo@example.com");
    assert_eq!(clerk.record(&bo).unwrap()["first_name"], "Bo");
    // The URL identifies the browser, even without its cookie on this origin.
    let response = handshake(&clerk, "", &format!("&__clerk_db_jwt={dev_browser}")).await;
    let nonce = parameter(header(&response, "location"), "__clerk_handshake_nonce").unwrap();
    let list = directives(&clerk, &nonce).await.unwrap();
    assert!(list[0].starts_with("__session=ey"), "{list:?}");
}

#[tokio::test]
async fn backend_api_requires_the_secret_key() {
    let clerk = FakeClerk::start().await;
    let ann = clerk.user("ann@example.com");
    let url = format!("{}/v1/users/{ann}", clerk.url());
    let response = client().get(&url).send().await.unwrap();
    assert_eq!(response.status(), 401);
    let response = client()
        .get(&url)
        .bearer_auth(clerk.secret_key())
        .send()
        .await;
    let record: Value = response.unwrap().json().await.unwrap();
    assert_eq!(
        record["email_addresses"][0]["verification"]["status"],
        "verified"
    );
}

#[tokio::test]
async fn keys_are_served_with_the_configured_behavior() {
    let clerk = FakeClerk::start().await;
    let url = format!("{}/.well-known/jwks.json", clerk.url());
    let fetch = async || client().get(&url).send().await.unwrap();
    let first: Value = fetch().await.json().await.unwrap();
    clerk.rotate_keys();
    let second: Value = fetch().await.json().await.unwrap();
    assert_ne!(first["keys"][0]["kid"], second["keys"][0]["kid"]);
    clerk.set_jwks(JwksBehavior::Down);
    assert_eq!(fetch().await.status(), 500);
    clerk.set_jwks(JwksBehavior::Huge(1 << 20));
    assert_eq!(fetch().await.bytes().await.unwrap().len(), 1 << 20);
    assert_eq!(clerk.jwks_fetch_count(), 4);
}
