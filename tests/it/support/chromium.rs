//! A headless browser of its own for each test.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser window on a portal.
pub(crate) struct Chromium {
    client: Client,
    driver: String,
    root: String,
    _profile: TempDir,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `cargo xtask test`, which starts a browser")
    })
}

impl Chromium {
    pub(crate) async fn open(root: &str) -> Self {
        let driver = variable("PORTAL_TEST_CHROMEDRIVER");
        let profile = tempfile::tempdir().expect("a directory can be made");
        let directory = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--no-sandbox",
            "--headless=new",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &directory,
        ];
        let capabilities = json!({
            "goog:chromeOptions": {"binary": variable("PORTAL_TEST_CHROMIUM"), "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is written as an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver)
            .await
            .expect("the driver starts a browser");
        Self {
            client,
            driver,
            root: root.to_owned(),
            _profile: profile,
        }
    }

    pub(crate) async fn goto(&self, path: &str) {
        let address = format!("{}{path}", self.root);
        self.client.goto(&address).await.expect("the page opens");
    }

    /// The path and query of the page that is shown.
    pub(crate) async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("a page is shown");
        url.as_str().replacen(&self.root, "", 1)
    }

    /// The element, as soon as there is one.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(Duration::from_secs(30));
        match wait.for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!(
                "{css} on {}: {error}\n{}",
                self.path().await,
                self.text().await
            ),
        }
    }

    /// Waits for a text anywhere on the page.
    pub(crate) async fn see(&self, text: &str) {
        super::eventually(&format!("the page shows {text:?}"), async || {
            self.text().await.contains(text).then_some(())
        })
        .await;
    }

    pub(crate) async fn text(&self) -> String {
        let text = self.script("return document.body ? document.body.innerText : ''");
        text.await.as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn click(&self, css: &str) {
        let element = self.find(css).await;
        element
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Replaces what stands in a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("it can be cleared");
        field.send_keys(text).await.expect("it takes keys");
    }

    pub(crate) async fn choose(&self, css: &str, value: &str) {
        let field = self.find(css).await;
        field.select_by_value(value).await.expect("it has it");
    }

    pub(crate) async fn script(&self, script: &str) -> Value {
        let done = self.client.execute(script, Vec::new()).await;
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        // A headless window is not narrower than 500 pixels; what is emulated is.
        self.command(
            "goog/cdp/execute",
            json!({
                "cmd": "Emulation.setDeviceMetricsOverride",
                "params": {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": true},
            }),
        )
        .await;
    }

    /// What the console has said since it was asked last.
    pub(crate) async fn console(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("a list").iter();
        entries
            .map(|entry| format!("{} {}", entry["level"], entry["message"]))
            .collect()
    }

    /// A command of the driver that is not in the standard.
    async fn command(&self, path: &str, body: Value) -> Value {
        let session = self.client.session_id().await.expect("the driver answers");
        let session = session.expect("a session is open");
        let answer = reqwest::Client::new()
            .post(format!("{}/session/{session}/{path}", self.driver))
            .json(&body)
            .send()
            .await
            .expect("the driver answers");
        assert_eq!(answer.status(), 200, "{path}");
        let mut answer: Value = answer.json().await.expect("JSON");
        answer["value"].take()
    }

    pub(crate) async fn close(self) {
        self.client.close().await.expect("it closes");
    }
}
