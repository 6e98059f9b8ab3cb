//! Headless Chromium, controlled over WebDriver.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chromedriver::Chromedriver;
use crate::chromium;

/// A browser window, closed on drop.
pub struct Browser {
    /// URL of the WebDriver session.
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Opens a window with a separate profile.
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn open(driver: &Chromedriver, chromium: &Path) -> Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("portal-browser-")
            .tempdir()?;
        let flags = ["--hide-scrollbars", "--window-size=1440,900"];
        let capabilities = chromium::capabilities(chromium, profile.path(), &flags);
        let capabilities = json!({"capabilities": {"alwaysMatch": capabilities}});
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
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn goto(&self, address: &str) -> Result<()> {
        self.send("url", &json!({"url": address})).map(drop)
    }

    /// Runs a script in the page and returns its result.
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn script(&self, script: &str) -> Result<Value> {
        self.send("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Sends a Chrome DevTools Protocol command.
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn devtools(&self, command: &str, params: &Value) -> Result<Value> {
        let body = json!({"cmd": command, "params": params});
        self.send("goog/cdp/execute", &body)
    }

    /// Signs in with a session token.
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn use_session(&self, origin: &str, token: &str) -> Result<()> {
        let cookie = chromium::session_cookie(origin, token);
        self.devtools(chromium::SET_COOKIE, &cookie).map(drop)
    }

    /// Resizes the window; if it is narrower than 1000 pixels, emulates a phone.
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = chromium::size(width, height);
        self.devtools(chromium::RESIZE, &size).map(drop)
    }

    /// Emulates system preferences for the color scheme and motion.
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn prefer(&self, scheme: &str, motion: &str) -> Result<()> {
        let features = chromium::media_features(&[
            ("prefers-color-scheme", scheme),
            ("prefers-reduced-motion", motion),
        ]);
        self.devtools(chromium::PREFER, &features).map(drop)
    }

    /// Takes a screenshot of the window and returns it as a PNG.
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn picture(&self) -> Result<Vec<u8>> {
        let taken = self.devtools("Page.captureScreenshot", &json!({"format": "png"}))?;
        let data = taken["data"]
            .as_str()
            .context("the response has no screenshot")?;
        Ok(BASE64_STANDARD.decode(data)?)
    }

    /// Returns the messages added to a log (`browser` or `performance`) since the last call.
    ///
    /// # Errors
    ///
    /// Returns an error if the WebDriver is unreachable or rejects the command.
    pub fn log(&self, kind: &str) -> Result<Vec<String>> {
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
        // If this fails, the driver closes its browsers when it stops.
        let _ = ureq::delete(&self.session).call();
    }
}

/// Sends a command and returns the value in the response.
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
