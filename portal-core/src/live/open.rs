//! `GET /api/live?topics=orders,users`: opens the stream of a tab.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::hub::MOST_TOPICS;
use super::mark::Mark;
use super::places::Holder;
use super::service::Live;
use super::stream::{self, Reader, Stream};
use super::topics::Key;
use crate::auth::{Access, Auth, CurrentUser, Presented, Routes};
use crate::error::{Error, Result};
use crate::request::ApiQuery;
use crate::security::{ClientAddress, Origins, network_of};
use crate::state::PortalState;

/// Open to guests, since topics can be public; each topic has a separate access rule.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/api/live", Access::Public, open)
}

#[derive(Deserialize)]
struct LiveQuery {
    /// Names, separated by commas or spaces.
    #[serde(default)]
    topics: String,
    /// Cursor of the time at which the page was rendered.
    #[serde(default)]
    since: String,
}

async fn open(
    State(state): State<PortalState>,
    ApiQuery(query): ApiQuery<LiveQuery>,
    ClientAddress(address): ClientAddress,
    parts: Parts,
) -> Result<Response> {
    let live = state.borrow::<Live>()?;
    state.borrow::<Origins>()?.check_socket(&parts.headers)?;
    let auth = state.borrow::<Auth>()?;
    let user = match auth.presented(&parts).await? {
        Presented::Nobody => None,
        // An invalid session is rejected instead of being treated as a guest.
        Presented::Refused => return Err(Error::unauthorized()),
        Presented::Session(user) => Some(user),
    };
    let Wanted { keys, denied } = Wanted::of(live, &query.topics, user.as_ref())?;
    if keys.is_empty() {
        return match (denied.is_empty(), &user) {
            // Browsers reconnect after every end, unless the response is `204`.
            (true, _) => Ok(StatusCode::NO_CONTENT.into_response()),
            (false, None) => Err(Error::unauthorized()),
            (false, Some(_)) => Err(Error::forbidden(
                "your account has no access to these topics",
            )),
        };
    }
    let holder = match (&user, address) {
        (Some(user), _) => Some(Holder::User(user.id)),
        (None, address) => address.map(network_of).map(Holder::Network),
    };
    let place = holder
        .map(|holder| live.0.places.take(holder))
        .transpose()?;
    let reader = match &user {
        None => None,
        Some(user) => {
            let topics = keys.iter().filter_map(|key| live.0.topics.get(key.topic));
            let needed = topics.map(|topic| topic.access.clone()).collect();
            let session = Some(Arc::from(user.session_id()));
            let watch = auth.watch(user.id, session, needed).await;
            // The user may still receive public topics.
            let is_shut_out = !user.is_allowed_in();
            match watch {
                Ok(watch) => Some(Reader { id: user.id, watch }),
                Err(_) if is_shut_out => None,
                Err(error) => return Err(error),
            }
        }
    };
    let last_id = parts.headers.get("last-event-id");
    let last_id = last_id.and_then(|id| id.to_str().ok());
    // For a page that has been open for long, the last event is more recent than the time of
    // rendering.
    let since: Option<Mark> = last_id.unwrap_or(&query.since).parse().ok();
    let stop = CancellationToken::clone(state.borrow::<CancellationToken>()?);
    Ok(stream::answer(Stream::new(
        live.clone(),
        live.0.hub.watch(keys, since),
        reader,
        denied,
        stop,
        state.clone(),
        place,
    )))
}

/// Topics that a client requests.
struct Wanted {
    keys: Vec<Key>,
    /// Requested topics without access.
    denied: Vec<String>,
}

impl Wanted {
    fn of(live: &Live, topics: &str, user: Option<&CurrentUser>) -> Result<Self> {
        let mut wanted = Self {
            keys: Vec::new(),
            denied: Vec::new(),
        };
        let mut names: Vec<&str> = topics
            .split([',', ' '])
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Err(Error::bad_request(
                "no topics requested; add `?topics=orders,users`",
            ));
        }
        if names.len() > MOST_TOPICS {
            return Err(Error::bad_request(format!(
                "a stream supports at most {MOST_TOPICS} topics"
            )));
        }
        for name in names {
            let Some(topic) = live.0.topics.find(name) else {
                if live.0.is_dev {
                    tracing::error!(
                        topic = name,
                        "a region uses an undeclared topic and will not update; declare it with `.topic(\"{name}\", ..)`"
                    );
                }
                continue;
            };
            match live.0.topics.key_for(topic, user.map(|user| &**user)) {
                Some(key) => wanted.keys.push(key),
                None => wanted.denied.push(name.to_owned()),
            }
        }
        Ok(wanted)
    }
}
