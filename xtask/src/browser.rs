//! Headless Chromium, controlled over WebDriver.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Chromedriver;

/// Browser window; closed on drop.
pub(crate) struct Browser {
    /// URL of the WebDriver session.
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Opens a window with a separate profile.
    pub(crate) fn open(driver: &Chromedriver, chromium: &Path) -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("portal-browser-")
            .tempdir()?;
        let arguments = [
            "--no-sandbox",
            "--headless=new",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1440,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let sessions = format!("{}/session", driver.url());
        let opened = send(&sessions, &capabilities)?;
        let id = opened["sessionId"]
            .as_str()
            .context("the browser did not start")?;
        Ok(Self {
            session: format!("{sessions}/{id}"),
            _profile: profile,
        })
    }

    /// Opens a URL and waits until the page has loaded.
    pub(crate) fn goto(&self, address: &str) -> Result<()> {
        self.send("url", &json!({"url": address})).map(drop)
    }

    /// Runs a script in the page and returns its result.
    pub(crate) fn script(&self, script: &str) -> Result<Value> {
        self.send("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Sends a command of the Chrome DevTools Protocol.
    pub(crate) fn devtools(&self, command: &str, params: &Value) -> Result<Value> {
        let body = json!({"cmd": command, "params": params});
        self.send("goog/cdp/execute", &body)
    }

    /// Signs in with a session token.
    pub(crate) fn use_session(&self, origin: &str, token: &str) -> Result<()> {
        let cookie = json!({"name": "__session", "value": token, "url": origin, "httpOnly": true});
        self.devtools("Network.setCookie", &cookie).map(drop)
    }

    /// Resizes the window; emulates a phone below a width of 1000.
    pub(crate) fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 1000,
        });
        let command = "Emulation.setDeviceMetricsOverride";
        self.devtools(command, &size).map(drop)
    }

    /// Emulates the system preferences for color scheme and motion.
    pub(crate) fn prefer(&self, scheme: &str, motion: &str) -> Result<()> {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]});
        self.devtools("Emulation.setEmulatedMedia", &features)
            .map(drop)
    }

    /// Takes a screenshot of the window as a PNG.
    pub(crate) fn picture(&self) -> Result<Vec<u8>> {
        let taken = self.devtools("Page.captureScreenshot", &json!({"format": "png"}))?;
        let data = taken["data"]
            .as_str()
            .context("the response has no screenshot")?;
        Ok(BASE64_STANDARD.decode(data)?)
    }

    /// Returns the new messages of a log (`browser` or `performance`) since the last call.
    pub(crate) fn log(&self, kind: &str) -> Result<Vec<String>> {
        let entries = self.send("se/log", &json!({"type": kind}))?;
        let entries = entries.as_array().into_iter().flatten();
        Ok(entries
            .filter_map(|entry| entry["message"].as_str().map(str::to_owned))
            .collect())
    }

    fn send(&self, path: &str, body: &Value) -> Result<Value> {
        send(&format!("{}/{path}", self.session), body).with_context(|| body.to_string())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver also closes its browsers when it stops.
        let _ = ureq::delete(&self.session).call();
    }
}

/// Sends a command and returns the value of the response.
fn send(address: &str, body: &Value) -> Result<Value> {
    let mut response = ureq::post(address)
        .config()
        .http_status_as_error(false)
        .build()
        .send_json(body)?;
    let mut response: Value = response
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_json()?;
    let value = response["value"].take();
    match value["error"].as_str() {
        Some(error) => anyhow::bail!("WebDriver error: {error}: {}", value["message"]),
        None => Ok(value),
    }
}
