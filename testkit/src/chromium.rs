//! Settings for Chromium: the capabilities of sessions, and the parameters of DevTools commands.

use std::path::Path;

use serde_json::{Value, json};

/// Flags for every browser: headless, without a sandbox, and without background traffic.
const FLAGS: [&str; 7] = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Timeout for scripts in milliseconds: on large pages, they need more than the default of 30 s.
const SCRIPT_TIMEOUT: u32 = 180_000;

/// Command that sets the size of the window.
pub const RESIZE: &str = "Emulation.setDeviceMetricsOverride";
/// Command that stores a cookie.
pub const SET_COOKIE: &str = "Network.setCookie";
/// Command that emulates system preferences.
pub const PREFER: &str = "Emulation.setEmulatedMedia";

/// Returns the capabilities for a session with a separate profile, whose logs contain all messages.
///
/// `flags` are additional browser arguments.
pub fn capabilities(chromium: &Path, profile: &Path, flags: &[&str]) -> Value {
    let directory = format!("--user-data-dir={}", profile.display());
    let arguments: Vec<&str> = FLAGS.iter().chain(flags).copied().collect();
    let arguments = [arguments, vec![directory.as_str()]].concat();
    json!({
        "goog:chromeOptions": {"binary": chromium, "args": arguments},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        "timeouts": {"script": SCRIPT_TIMEOUT},
    })
}

/// Returns the parameters for [`RESIZE`]; below a width of 1000, the browser emulates a phone.
///
/// A headless window cannot be narrower than 500 pixels; an emulated device can.
pub fn size(width: u32, height: u32) -> Value {
    json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 1000})
}

/// Returns the parameters for [`SET_COOKIE`] that sign in with a session token.
pub fn session_cookie(origin: &str, token: &str) -> Value {
    json!({"name": "__session", "value": token, "url": origin, "httpOnly": true, "sameSite": "Lax"})
}

/// Returns the parameters for [`PREFER`] from pairs of a media feature and its value.
pub fn media_features(features: &[(&str, &str)]) -> Value {
    let features = features.iter();
    let features: Vec<_> = features
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({"features": features})
}
