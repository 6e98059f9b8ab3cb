//! Users who sign in through the development identity provider.

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

/// A user who signs in without a password; the first sign-in creates the account.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Person<'a> {
    /// E-mail address, which identifies the user.
    pub email: &'a str,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
}

impl<'a> Person<'a> {
    /// Describes a user.
    pub fn new(email: &'a str, first_name: &'a str, last_name: &'a str) -> Self {
        Self {
            email,
            first_name,
            last_name,
        }
    }

    /// Path of the sign-in request, whose body is the serialized user and whose response contains a
    /// session token.
    pub const PATH: &'static str = "/dev/token";

    /// Signs in to a portal and returns a session token.
    ///
    /// # Errors
    ///
    /// Returns an error if the portal is unreachable or rejects the request.
    pub fn sign_in(&self, origin: &str) -> Result<String> {
        let mut response = ureq::post(format!("{origin}{}", Self::PATH))
            .send_json(self)
            .with_context(|| format!("failed to sign in as {}", self.email))?;
        token(&response.body_mut().read_json()?)
    }
}

/// Returns the session token from a response.
///
/// # Errors
///
/// Returns an error if the response contains no token.
pub fn token(response: &Value) -> Result<String> {
    let token = response["token"].as_str();
    Ok(token.context("sign-in returned no token")?.to_owned())
}
