//! Development identity provider: anyone can sign in as any user.
//!
//! It uses the same protocol and verifier as the real provider.

mod keys;
mod page;
mod routes;
#[cfg(test)]
mod tests;
mod tokens;

use aws_lc_rs::digest;
use chrono::Utc;
use portal_core::Result;
use portal_core::auth::{KeyValueStore, Profile, ProviderContext};
use serde_json::{Value, json};

use crate::cookies::CookieNames;
use crate::jwks::KeyCache;
use crate::token::VerificationRules;
use crate::user_record;
use crate::verifier::Verifier;
use keys::DevKey;
use tokens::Issuer;

pub(crate) use page::sign_in;
pub(crate) use routes::routes;

pub(crate) struct DevProvider {
    pub(crate) verifier: Verifier,
    issuer: Issuer,
    values: KeyValueStore,
    base_path: String,
    home_path: String,
}

/// Validated data about a user who is signing in.
struct DevUser {
    /// Lower-case e-mail address.
    email: String,
    email_verified: bool,
    /// First name; `None` keeps the name from an earlier sign-in.
    first_name: Option<String>,
    /// Last name; `None` keeps the name from an earlier sign-in.
    last_name: Option<String>,
}

impl DevUser {
    /// Returns the subject, which is derived from the e-mail address and never changes.
    fn subject(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.email.as_bytes());
        let mut subject = "user_dev".to_owned();
        for byte in digest.as_ref().iter().take(12) {
            subject.push_str(&format!("{byte:02x}"));
        }
        subject
    }
}

impl DevProvider {
    pub(crate) async fn start(setup: &ProviderContext) -> Result<Self> {
        let config = &setup.config;
        let key = DevKey::load(&setup.key_values).await?;
        let keys = KeyCache::fixed(Some(key.kid.clone()), key.public.clone());
        let rules = VerificationRules {
            issuer: config.public_url.clone(),
            authorized_parties: config.own_origins(),
        };
        Ok(Self {
            verifier: Verifier::new(keys, rules, CookieNames::session_only()),
            issuer: Issuer::new(key, config.public_url.clone()),
            values: setup.key_values.clone(),
            base_path: config.base_path.clone(),
            home_path: config.home_path.clone(),
        })
    }

    /// Stores the record of a user who is signing in, in Clerk's format.
    async fn record(&self, subject: &str, person: &DevUser) -> Result<()> {
        let name = record_name(subject);
        let existing: Value = self.values.get(&name).await?.unwrap_or_default();
        let now = Utc::now().timestamp_millis();
        let or_known = |given: &Option<String>, member: &str| match given {
            Some(text) => json!(text),
            None => json!(existing[member].as_str().unwrap_or_default()),
        };
        let status = if person.email_verified {
            "verified"
        } else {
            "unverified"
        };
        let address = subject.replacen("user_", "idn_", 1);
        let record = json!({
            "id": subject,
            "object": "user",
            "first_name": or_known(&person.first_name, "first_name"),
            "last_name": or_known(&person.last_name, "last_name"),
            "image_url": null,
            "primary_email_address_id": address,
            "email_addresses": [{
                "id": address,
                "object": "email_address",
                "email_address": person.email,
                "verification": { "status": status },
            }],
            "created_at": existing["created_at"].as_i64().unwrap_or(now),
            "updated_at": now,
        });
        self.values.put(&name, &record).await
    }

    pub(crate) async fn profile(&self, subject: &str) -> Result<Option<Profile>> {
        if !user_record::is_user_id(subject) {
            return Ok(None);
        }
        let record: Option<Value> = self.values.get(&record_name(subject)).await?;
        Ok(record.map(user_record::profile))
    }
}

fn record_name(subject: &str) -> String {
    format!("dev-identity/users/{subject}")
}
