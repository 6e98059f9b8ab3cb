//! A separate headless browser for each test.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use portal_testkit::chromium;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser window on a portal.
///
/// [`close`](Self::close) fails the test if the console contains messages, such as script errors,
/// violations of the content security policy or missing files. Use
/// [`allow_console_message`](Self::allow_console_message) to add exceptions.
pub(crate) struct Chromium {
    client: Client,
    /// Client for commands that are not part of the WebDriver standard.
    http: reqwest::Client,
    driver: String,
    root: String,
    expected: Mutex<Vec<String>>,
    _profile: TempDir,
}

/// A request that a page has made.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) url: String,
    /// Resource type, such as `Document`, `Script` or `EventSource`.
    pub(crate) kind: String,
    /// `true` if the response came from a cache.
    pub(crate) cached: bool,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `cargo xtask test`, which starts a browser")
    })
}

impl Chromium {
    pub(crate) async fn open(root: &str) -> Self {
        let driver = variable("PORTAL_TEST_CHROMEDRIVER");
        let profile = tempfile::tempdir().expect("a directory can be created");
        let chromium = variable("PORTAL_TEST_CHROMIUM");
        let flags = ["--window-size=1280,900"];
        let capabilities = chromium::capabilities(Path::new(&chromium), profile.path(), &flags);
        let Value::Object(capabilities) = capabilities else {
            unreachable!("capabilities are an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver)
            .await
            .expect("the driver starts a browser");
        Self {
            client,
            http: super::http(),
            driver,
            root: root.to_owned(),
            expected: Mutex::default(),
            _profile: profile,
        }
    }

    pub(crate) async fn goto(&self, path: &str) {
        let address = format!("{}{path}", self.root);
        self.client.goto(&address).await.expect("the page opens");
    }

    /// Returns the path and query of the current page.
    pub(crate) async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("a page is shown");
        url.as_str().replacen(&self.root, "", 1)
    }

    /// Waits for an element and returns it.
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

    /// Waits for text anywhere on the page.
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

    /// Replaces the value of a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("the field can be cleared");
        field.send_keys(text).await.expect("the field accepts keys");
    }

    pub(crate) async fn choose(&self, css: &str, value: &str) {
        let field = self.find(css).await;
        field
            .select_by_value(value)
            .await
            .expect("the option exists");
    }

    pub(crate) async fn script(&self, script: &str) -> Value {
        let done = self.client.execute(script, Vec::new()).await;
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Runs an asynchronous script, which ends by calling its last argument.
    pub(crate) async fn script_that_waits(&self, script: &str, arguments: Vec<Value>) -> Value {
        let done = self.client.execute_async(script, arguments).await;
        done.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let size = chromium::size(width, height);
        self.devtools(chromium::RESIZE, size).await;
    }

    /// Sends a command from the Chrome DevTools Protocol.
    pub(crate) async fn devtools(&self, command: &str, params: Value) -> Value {
        let body = json!({"cmd": command, "params": params});
        self.command("goog/cdp/execute", body).await
    }

    /// Runs a script in each page opened from now on, before the page's own scripts.
    pub(crate) async fn in_every_page(&self, script: &str) {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.devtools(command, json!({"source": script})).await;
    }

    /// Signs in with a session token, without a form.
    pub(crate) async fn use_session(&self, token: &str) {
        let cookie = chromium::session_cookie(&self.root, token);
        self.devtools(chromium::SET_COOKIE, cookie).await;
    }

    /// Stops animations by emulating a user who prefers reduced motion.
    pub(crate) async fn hold_still(&self) {
        let features = chromium::media_features(&[("prefers-reduced-motion", "reduce")]);
        self.devtools(chromium::PREFER, features).await;
    }

    /// Presses keys on the focused element: `Tab`, `Shift+Tab`, `Control+k`, `Enter`, `Escape`.
    pub(crate) async fn press(&self, keys: &str) {
        let keys: Vec<char> = keys.split('+').map(key).collect();
        let down = keys.iter().map(|&value| KeyAction::Down { value });
        let up = keys.iter().rev().map(|&value| KeyAction::Up { value });
        let actions = down
            .chain(up)
            .fold(KeyActions::new("keyboard".to_owned()), |keys, key| {
                keys.then(key)
            });
        let done = self.client.perform_actions(actions).await;
        done.unwrap_or_else(|error| panic!("{keys:?}: {error}"));
    }

    /// Types into the focused element.
    pub(crate) async fn write(&self, text: &str) {
        for letter in text.chars() {
            let actions = KeyActions::new("keyboard".to_owned())
                .then(KeyAction::Down { value: letter })
                .then(KeyAction::Up { value: letter });
            let done = self.client.perform_actions(actions).await;
            done.unwrap_or_else(|error| panic!("{letter}: {error}"));
        }
    }

    /// Returns the requests made since the last call.
    pub(crate) async fn loaded(&self) -> Vec<Loaded> {
        let entries = self.command("se/log", json!({"type": "performance"})).await;
        let events: Vec<Value> = entries
            .as_array()
            .expect("value is a list")
            .iter()
            .filter_map(|entry| serde_json::from_str(entry["message"].as_str()?).ok())
            .map(|mut entry: Value| entry["message"].take())
            .collect();
        let of =
            |method: &'static str| events.iter().filter(move |event| event["method"] == method);
        let is_cached = |id: &Value| {
            let from_memory = of("Network.requestServedFromCache")
                .any(|event| event["params"]["requestId"] == *id);
            let from_disk = of("Network.responseReceived").any(|event| {
                let params = &event["params"];
                params["requestId"] == *id && params["response"]["fromDiskCache"] == true
            });
            from_memory || from_disk
        };
        of("Network.requestWillBeSent")
            .map(|event| {
                let params = &event["params"];
                Loaded {
                    url: params["request"]["url"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                    kind: params["type"].as_str().unwrap_or_default().to_owned(),
                    cached: is_cached(&params["requestId"]),
                }
            })
            .filter(|loaded| loaded.url.starts_with(&self.root))
            .collect()
    }

    /// Allows console messages that contain a string.
    pub(crate) fn allow_console_message(&self, text: &str) {
        let mut expected = self.expected.lock().expect("nothing has panicked");
        expected.push(text.to_owned());
    }

    /// Returns the console messages since the last call.
    pub(crate) async fn console(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("value is a list").iter();
        entries
            .map(|entry| format!("{} {}", entry["level"], entry["message"]))
            .collect()
    }

    /// Sends a driver command that is not part of the WebDriver standard.
    async fn command(&self, path: &str, body: Value) -> Value {
        let session = self.client.session_id().await.expect("the driver responds");
        let session = session.expect("a session is open");
        let response = self
            .http
            .post(format!("{}/session/{session}/{path}", self.driver))
            .json(&body)
            .send()
            .await
            .expect("the driver responds");
        assert_eq!(response.status(), 200, "{path}");
        let mut response: Value = response.json().await.expect("the body is JSON");
        response["value"].take()
    }

    /// Returns the new console messages that were not expected.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let mut said = self.console().await;
        let expected = self.expected.lock().expect("nothing has panicked");
        said.retain(|line| !expected.iter().any(|text| line.contains(text)));
        said
    }

    /// Closes the window; fails if the console has a message that was not expected.
    pub(crate) async fn close(self) {
        let said = self.complaints().await;
        assert!(said.is_empty(), "unexpected console messages: {said:#?}");
        self.client.close().await.expect("the browser closes");
    }
}

fn key(name: &str) -> char {
    let key = match name {
        "Tab" => Key::Tab,
        "Shift" => Key::Shift,
        "Control" => Key::Control,
        "Enter" => Key::Enter,
        "Space" => return ' ',
        "Escape" => Key::Escape,
        "Up" => Key::Up,
        "Down" => Key::Down,
        "Left" => Key::Left,
        "Right" => Key::Right,
        "Home" => Key::Home,
        "End" => Key::End,
        letter if letter.chars().count() == 1 => {
            return letter.chars().next().expect("the name is a single letter");
        }
        other => panic!("no code for the key {other}"),
    };
    key.into()
}
