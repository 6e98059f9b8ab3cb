//! Times in the browser's time zone: the server and the scripts render the same text.

use serde_json::json;

use crate::support::{ADMIN, Chromium, Client, ReferencePortal, TaskClient, eventually};

const TIMES: &str =
    "return [...document.querySelectorAll('main time[data-format]')].map((it) => it.textContent)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_and_browser_render_times_in_the_same_zone() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let response = portal
        .guest()
        .post("/dev/token", &json!({"email": ADMIN}))
        .await;
    let token = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let admin = Client::new(&portal.url, Some(token.clone()));
    let client = TaskClient::of(&admin).await;
    let id = client
        .start_in("example_task2", "failing_task", &json!({}))
        .await;
    client.ended_in("example_task2", &id).await;
    let browser = Chromium::open(&portal.url).await;
    browser.use_session(&token).await;
    // This zone's offset includes half an hour, so it cannot be confused with another zone.
    let zone = json!({"timezoneId": "Australia/Darwin"});
    browser
        .devtools("Emulation.setTimezoneOverride", zone)
        .await;
    let detail = format!("/admin/tasks/{id}");
    // The list of tasks has relative times, such as "just now".
    let list = "/admin/tasks/all";
    for path in ["/admin/users", list, detail.as_str(), "/admin/audit"] {
        browser.goto(path).await;
        eventually("the page names the zone", async || {
            browser
                .text()
                .await
                .contains("Times are in Australia/Darwin.")
                .then_some(())
        })
        .await;
        let shown = browser.script(TIMES).await;
        assert!(shown.as_array().is_some_and(|it| !it.is_empty()), "{path}");
        // The same page is requested without scripts.
        let request = admin.request(reqwest::Method::GET, path);
        let request = request
            .header("accept", "text/html")
            .header("cookie", "portal_zone=Australia%2FDarwin");
        let page = request
            .send()
            .await
            .expect("the portal responds")
            .text()
            .await
            .expect("the body is text");
        let page = scraper::Html::parse_document(&page);
        let times = scraper::Selector::parse("main time[data-format]").expect("selector is valid");
        let written: Vec<String> = page.select(&times).map(|it| it.text().collect()).collect();
        assert_eq!(shown, json!(written), "{path}");
    }
    // A time on the page is the same as one that a script formats in local time.
    let clock = "const time = document.querySelector('time[data-format=datetime]'); \
        return [time.textContent, new Date(time.dateTime).toLocaleTimeString('en-GB', {timeStyle: 'short'})]";
    let clock = browser.script(clock).await;
    let (shown, local) = (clock[0].as_str(), clock[1].as_str());
    assert!(
        shown
            .zip(local)
            .is_some_and(|(it, local)| it.ends_with(local)),
        "{clock}"
    );
    browser.close().await;
}

#[tokio::test]
async fn unknown_time_zone_is_ignored() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let response = portal
        .guest()
        .post("/dev/token", &json!({"email": ADMIN}))
        .await;
    let token = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let admin = Client::new(&portal.url, Some(token));
    for cookie in ["portal_zone=Mars%2FBase", "portal_zone=%3Cscript%3E", "a=b"] {
        let request = admin.request(reqwest::Method::GET, "/admin/users");
        let request = request
            .header("accept", "text/html")
            .header("cookie", cookie);
        let page = request
            .send()
            .await
            .expect("the portal responds")
            .text()
            .await
            .expect("the body is text");
        assert!(page.contains("Times are in <span>UTC</span>."), "{cookie}");
    }
}
