//! `GET /api/live?topics=orders,users`: opens the event stream of a browser tab.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::cursor::Cursor;
use super::event_stream::{event_stream, last_event_id};
use super::hub::MAX_TOPICS;
use super::service::Live;
use super::stream::{Stream, StreamUser};
use super::stream_limit::StreamOwner;
use super::topics::TopicKey;
use crate::auth::{Access, Auth, AuthOutcome, CurrentUser, Routes};
use crate::error::{Error, Result};
use crate::request::ApiQuery;
use crate::security::{ClientAddress, OriginPolicy, network_of};
use crate::state::PortalState;

/// Returns the route. Guests may use it because topics can be public; each topic has its own access
/// rule.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/api/live", Access::Public, stream_topics)
        .stream()
}

#[derive(Deserialize)]
struct LiveQuery {
    /// Topic names, separated by commas or spaces.
    #[serde(default)]
    topics: String,
    /// Cursor with which the page was rendered.
    #[serde(default)]
    since: String,
}

async fn stream_topics(
    State(state): State<PortalState>,
    ApiQuery(query): ApiQuery<LiveQuery>,
    ClientAddress(address): ClientAddress,
    parts: Parts,
) -> Result<Response> {
    let live = state.borrow::<Live>()?;
    state
        .borrow::<OriginPolicy>()?
        .check_socket(&parts.headers)?;
    let auth = state.borrow::<Auth>()?;
    let user = match auth.authenticate(&parts).await? {
        AuthOutcome::Anonymous => None,
        // A request with an ended session is rejected instead of being treated as a guest's.
        AuthOutcome::Rejected => return Err(Error::unauthorized()),
        AuthOutcome::Authenticated(user) => Some(user),
    };
    let RequestedTopics { keys, denied } =
        RequestedTopics::parse(live, &query.topics, user.as_ref())?;
    if keys.is_empty() {
        return match (denied.is_empty(), &user) {
            // Browsers reconnect whenever a stream ends, unless the response has the status `204`.
            (true, _) => Ok(StatusCode::NO_CONTENT.into_response()),
            (false, None) => Err(Error::unauthorized()),
            (false, Some(_)) => Err(Error::forbidden(
                "your account has no access to these topics",
            )),
        };
    }
    let holder = match (&user, address) {
        (Some(user), _) => Some(StreamOwner::User(user.id)),
        (None, address) => address.map(network_of).map(StreamOwner::Network),
    };
    let place = holder
        .map(|holder| live.0.places.acquire(holder))
        .transpose()?;
    let stream_user = match &user {
        None => None,
        Some(user) => {
            let topics = keys.iter().filter_map(|key| live.0.topics.get(key.topic));
            let needed = topics.map(|topic| topic.access.clone()).collect();
            let session = Some(Arc::from(user.session_id()));
            let watch = auth.watch(user.id, session, needed).await;
            // The user may still receive public topics.
            let is_disabled = !user.is_enabled();
            match watch {
                Ok(watch) => Some(StreamUser { id: user.id, watch }),
                Err(_) if is_disabled => None,
                Err(error) => return Err(error),
            }
        }
    };
    let last_id = last_event_id(&parts.headers);
    // If a page has been open for a while, the last event is more recent than the cursor with which
    // it was rendered.
    let since: Option<Cursor> = last_id.unwrap_or(&query.since).parse().ok();
    let stop = CancellationToken::clone(state.borrow::<CancellationToken>()?);
    Ok(event_stream(Stream::new(
        live.clone(),
        live.0.hub.subscribe(keys, since),
        stream_user,
        denied,
        stop,
        state.clone(),
        place,
    )))
}

/// Topics requested by a client.
struct RequestedTopics {
    keys: Vec<TopicKey>,
    /// Requested topics to which the caller has no access.
    denied: Vec<String>,
}

impl RequestedTopics {
    fn parse(live: &Live, topics: &str, user: Option<&CurrentUser>) -> Result<Self> {
        let mut requested = Self {
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
        if names.len() > MAX_TOPICS {
            return Err(Error::bad_request(format!(
                "a stream supports at most {MAX_TOPICS} topics"
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
                Some(key) => requested.keys.push(key),
                None => requested.denied.push(name.to_owned()),
            }
        }
        Ok(requested)
    }
}
