//! The fake instance's state.

use std::collections::HashMap;

use chrono::Utc;
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use uuid::Uuid;

use super::keys::SigningKey;
use super::{InstanceKind, JwksBehavior};
use crate::config::PublishableKey;
use crate::token::CATEGORY_SESSION;

/// Lifetime of a session, in milliseconds.
const SESSION_LIFETIME: i64 = 7 * 24 * 60 * 60 * 1000;

/// An instance's constants, and its state, which is protected by a lock.
pub(super) struct Instance {
    pub(super) kind: InstanceKind,
    pub(super) url: String,
    pub(super) publishable_key: String,
    pub(super) secret_key: String,
    /// Suffix of cookie names.
    pub(super) suffix: String,
    state: Mutex<State>,
}

pub(super) struct State {
    /// Current signing key.
    pub(super) key: SigningKey,
    /// User records in the order of their creation.
    pub(super) users: Vec<Value>,
    pub(super) sessions: Vec<Session>,
    pub(super) clients: Vec<Client>,
    pub(super) handshakes: HashMap<String, Vec<String>>,
    pub(super) handshake_count: usize,
    /// `true` if a handshake returns a signed token instead of a nonce.
    pub(super) handshake_tokens: bool,
    /// Lifetime of tokens, in seconds.
    pub(super) token_lifetime: i64,
    pub(super) renew_in_browser: bool,
    pub(super) jwks: JwksBehavior,
    pub(super) jwks_fetches: usize,
    /// Number of upcoming Backend API calls that fail with `429`, and their `Retry-After` in
    /// seconds.
    pub(super) refusals: (usize, u64),
    /// Status with which every call to the Backend API fails, if set.
    pub(super) failure: Option<u16>,
    /// `true` if calls to the Backend API receive no response.
    pub(super) hangs: bool,
    pub(super) requests: Vec<String>,
    /// Existing users who are omitted from lists.
    pub(super) hidden: Vec<String>,
    /// Origins to which redirects are allowed, in addition to loopback origins.
    pub(super) origins: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) user_id: String,
    pub(super) client_id: String,
    pub(super) status: &'static str,
    pub(super) created_at: i64,
}

/// A browser that has visited the instance.
#[derive(Clone)]
pub(super) struct Client {
    /// Value of the browser's cookie on the instance's origin.
    pub(super) id: String,
    /// Id of the browser in a development instance's URLs.
    pub(super) dev_browser: String,
    /// Time of the browser's last sign-in or sign-out, in seconds since 1970.
    pub(super) updated_at: i64,
}

impl Instance {
    pub(super) fn new(kind: InstanceKind, host: &str) -> Self {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD_NO_PAD;

        let word = match kind {
            InstanceKind::Development => "test",
            InstanceKind::Production => "live",
        };
        let publishable_key = format!("pk_{word}_{}", STANDARD_NO_PAD.encode(format!("{host}$")));
        let parsed = PublishableKey::parse(&publishable_key).expect("the publishable key is valid");
        Self {
            kind,
            url: format!("http://{host}"),
            suffix: parsed.cookie_suffix(),
            publishable_key,
            secret_key: format!("sk_{word}_{}", Uuid::new_v4().simple()),
            state: Mutex::new(State {
                key: SigningKey::generate(),
                users: Vec::new(),
                sessions: Vec::new(),
                clients: Vec::new(),
                handshakes: HashMap::new(),
                handshake_count: 0,
                handshake_tokens: false,
                token_lifetime: 60,
                renew_in_browser: true,
                jwks: JwksBehavior::Up,
                jwks_fetches: 0,
                refusals: (0, 0),
                failure: None,
                hangs: false,
                requests: Vec::new(),
                hidden: Vec::new(),
                origins: Vec::new(),
            }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Returns a session token with the given changes to its claims; `null` removes a claim.
    pub(super) fn token(&self, session_id: &str, origin: &str, other: &Value) -> String {
        let state = self.state();
        let session = state.session(session_id).expect("the session exists");
        let now = Utc::now().timestamp();
        let mut claims = json!({
            "azp": origin.trim_end_matches('/'),
            "exp": now + state.token_lifetime,
            "fva": [0, -1],
            "iat": now,
            "iss": self.url,
            "nbf": now - 10,
            "sid": session_id,
            "sts": "active",
            "sub": session.user_id,
            "v": 2,
        });
        merge(&mut claims, other);
        state.key.sign(Some(CATEGORY_SESSION), &claims)
    }
}

impl State {
    pub(super) fn user(&self, id: &str) -> Option<&Value> {
        self.users.iter().find(|user| user["id"] == id)
    }

    /// Changes a record and sets `updated_at` to a time that is later than the previous one in any
    /// case.
    pub(super) fn edit(&mut self, id: &str, edit: impl FnOnce(&mut Value)) -> Option<&Value> {
        let user = self.users.iter_mut().find(|user| user["id"] == id)?;
        edit(user);
        let before = user["updated_at"].as_i64().unwrap_or_default();
        user["updated_at"] = Utc::now().timestamp_millis().max(before + 1).into();
        Some(user)
    }

    /// Returns the id of the user with an e-mail address; creates the user if they do not exist.
    pub(super) fn user_of(&mut self, email: &str, first_name: &str, last_name: &str) -> String {
        let existing = self.users.iter().find(|user| has_address(user, email));
        if let Some(user) = existing {
            return text(&user["id"]).to_owned();
        }
        let id = format!("user_{}", Uuid::new_v4().simple());
        let address = format!("idn_{}", Uuid::new_v4().simple());
        let now = Utc::now().timestamp_millis();
        self.users.push(json!({
            "id": id,
            "object": "user",
            "first_name": first_name,
            "last_name": last_name,
            "image_url": format!("https://img.clerk.com/{id}"),
            "has_image": false,
            "primary_email_address_id": address,
            "email_addresses": [{
                "id": address,
                "object": "email_address",
                "email_address": email,
                "verification": {"status": "verified", "strategy": "email_code"},
            }],
            "public_metadata": {},
            "private_metadata": {},
            "unsafe_metadata": {},
            "banned": false,
            "locked": false,
            "external_id": null,
            "last_sign_in_at": null,
            "created_at": now,
            "updated_at": now,
        }));
        id
    }

    pub(super) fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    /// Creates a session for a user in a browser and returns the session's id.
    pub(super) fn open_session(&mut self, user_id: &str, client_id: &str) -> String {
        assert!(self.user(user_id).is_some(), "there is no user {user_id}");
        let id = format!("sess_{}", Uuid::new_v4().simple());
        self.sessions.push(Session {
            id: id.clone(),
            user_id: user_id.to_owned(),
            client_id: client_id.to_owned(),
            status: "active",
            created_at: Utc::now().timestamp_millis(),
        });
        self.touch(client_id);
        id
    }

    /// Ends an active session with the given status; returns `false` if it is not active.
    pub(super) fn end_session(&mut self, id: &str, status: &'static str) -> bool {
        let active = |session: &&mut Session| session.id == id && session.status == "active";
        let Some(session) = self.sessions.iter_mut().find(active) else {
            return false;
        };
        session.status = status;
        let client = session.client_id.clone();
        self.touch(&client);
        true
    }

    pub(super) fn end_sessions_of(&mut self, user_id: &str, status: &'static str) {
        let active = self.sessions.iter_mut();
        for session in active.filter(|session| session.user_id == user_id) {
            if session.status == "active" {
                session.status = status;
            }
        }
    }

    pub(super) fn remove_user(&mut self, id: &str) -> bool {
        let before = self.users.len();
        self.end_sessions_of(id, "removed");
        self.users.retain(|user| user["id"] != id);
        self.users.len() < before
    }

    pub(super) fn new_client(&mut self) -> Client {
        let client = Client {
            id: format!("client_{}", Uuid::new_v4().simple()),
            dev_browser: format!("dvb_{}", Uuid::new_v4().simple()),
            updated_at: 0,
        };
        self.clients.push(client.clone());
        client
    }

    fn touch(&mut self, client_id: &str) {
        let mut clients = self.clients.iter_mut();
        if let Some(client) = clients.find(|client| client.id == client_id) {
            client.updated_at = Utc::now().timestamp();
        }
    }

    /// Returns the newest active session in a browser.
    pub(super) fn active_session(&self, client_id: &str) -> Option<&Session> {
        let mut sessions = self.sessions.iter().rev();
        sessions.find(|session| session.client_id == client_id && session.status == "active")
    }
}

impl Session {
    /// Returns the session's record as the API would.
    pub(super) fn record(&self) -> Value {
        json!({
            "id": self.id,
            "object": "session",
            "user_id": self.user_id,
            "client_id": self.client_id,
            "status": self.status,
            "created_at": self.created_at,
            "updated_at": self.created_at,
            "last_active_at": self.created_at,
            "expire_at": self.created_at + SESSION_LIFETIME,
            "abandon_at": self.created_at + 4 * SESSION_LIFETIME,
        })
    }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn has_address(user: &Value, email: &str) -> bool {
    user["email_addresses"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|address| text(&address["email_address"]).eq_ignore_ascii_case(email))
}

/// Merges values like Clerk: objects are merged field by field, and `null` removes a field.
pub(super) fn merge(into: &mut Value, other: &Value) {
    let Value::Object(other) = other else {
        *into = other.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let members = into.as_object_mut().expect("the value is an object");
    for (name, value) in other {
        match value {
            Value::Null => drop(members.remove(name)),
            value => merge(members.entry(name).or_insert(Value::Null), value),
        }
    }
}
