//! `GET /api/live?topics=orders,users`: opening the stream of a tab.

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

/// Open to guests, since topics can be public; each topic has an access of its own.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/api/live", Access::Public, open)
}

#[derive(Deserialize)]
struct LiveQuery {
    /// Names, with commas or spaces.
    #[serde(default)]
    topics: String,
    /// What the page says of when it was read.
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
        // Who shows a session means to be the one who has it.
        Presented::Refused => return Err(Error::unauthorized()),
        Presented::Session(user) => Some(user),
    };
    let Wanted { keys, denied } = Wanted::of(live, &query.topics, user.as_ref())?;
    if keys.is_empty() {
        return match (denied.is_empty(), &user) {
            // Browsers connect again after every end, until they are told that there is nothing.
            (true, _) => Ok(StatusCode::NO_CONTENT.into_response()),
            (false, None) => Err(Error::unauthorized()),
            (false, Some(_)) => Err(Error::forbidden("your account may not hear of this")),
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
            // He may hear of what is public.
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
    // A page that is open for long knows more by the last event than by when it was read.
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

/// What somebody asks to hear of.
struct Wanted {
    keys: Vec<Key>,
    /// What he may not hear of.
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
                "name the topics to hear of: `?topics=orders,users`",
            ));
        }
        if names.len() > MOST_TOPICS {
            return Err(Error::bad_request(format!(
                "a stream has at most {MOST_TOPICS} topics"
            )));
        }
        for name in names {
            let Some(topic) = live.0.topics.find(name) else {
                if live.0.is_dev {
                    tracing::error!(
                        topic = name,
                        "a page has a region of a topic that is not declared: it stays as it is. Declare it with `.topic(\"{name}\", ..)`"
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
