//! Monitors: send task changes to clients as they happen, over a WebSocket or an event stream.

mod events;
mod socket;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::authorize::AuthorizedClient;
use crate::auth::{
    Access, Auth, AuthOutcome, ClientTokens, CurrentUser, Guard, Revocation, RevocationToken,
    Routes,
};
use crate::error::{Error, Result};
use crate::live::{Live, StreamPermit};
use crate::security::OriginPolicy;
use crate::state::PortalState;
use crate::store::{Store, StoreError};
use crate::tasks::definition::task::TaskDefinition;
use crate::tasks::engine::results::WithoutResults;
use crate::tasks::events::change_feed::{self, SeenVersions};
use crate::tasks::events::cursor::Cursor;
use crate::tasks::events::fanout::OVERLAP;
use crate::tasks::events::hub::{Subscription, SubscriptionFilter};
use crate::tasks::events::snapshot::Snapshot;
use crate::tasks::record::TaskRecord;
use crate::tasks::service::{Tasks, task_not_found};

/// Maximum time for a peer to receive the last message.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The monitors open in this process; they are closed with a message when the portal stops.
#[derive(Debug, Default, Clone)]
pub(crate) struct OpenMonitors(TaskTracker);

impl OpenMonitors {
    /// Returns a token that counts as an open monitor until it is dropped.
    pub(in crate::tasks) fn token(&self) -> TaskTrackerToken {
        self.0.token()
    }

    /// Waits until all monitors have closed, for at most `CLOSE_TIMEOUT`.
    pub(crate) async fn closed(&self) {
        self.0.close();
        let _ = timeout(CLOSE_TIMEOUT, self.0.wait()).await;
    }
}

pub(in crate::tasks) fn routes() -> Routes {
    let paths = [
        "/api/tasks/{client_token}/monitor",
        "/api/tasks/{client_token}/{task_id}/monitor",
        "/ws/{state}/tasks/{client_token}",
        "/ws/{state}/tasks/{client_token}/{task_id}",
    ];
    let own = Routes::new().socket(
        "/api/client-tokens/{token_id}/monitor",
        Access::User,
        monitor_own,
    );
    paths.into_iter().fold(own, |routes, path| {
        routes.socket(path, Guard::ClientToken(Access::Public), monitor)
    })
}

#[derive(Deserialize)]
struct MonitorPath {
    client_token: String,
    #[serde(rename = "state")]
    group: Option<String>,
    task_id: Option<String>,
}

/// The subset of a token's tasks that a monitor shows.
#[derive(Default)]
struct Scope {
    group: Option<String>,
    task_id: Option<String>,
    /// Position from which the monitor resumes.
    since: Option<Cursor>,
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

#[derive(Deserialize)]
struct MonitorQuery {
    /// Position from which to resume.
    ///
    /// The position is the id of an event, the `updated_at` of a task object, or the cursor of a
    /// page.
    since: Option<String>,
}

impl MonitorQuery {
    fn since(&self) -> Option<Cursor> {
        self.since.as_deref()?.parse().ok()
    }
}

async fn monitor(
    State(state): State<PortalState>,
    Path(path): Path<MonitorPath>,
    Query(query): Query<MonitorQuery>,
    parts: Parts,
    upgrade: Upgrade,
) -> Result<Response> {
    state
        .borrow::<OriginPolicy>()?
        .check_socket(&parts.headers)?;
    let owner = AuthorizedClient::verify(&state, &path.client_token).await?;
    let scope = Scope {
        group: path.group,
        task_id: path.task_id,
        since: query.since(),
    };
    respond(&state, owner, scope, &parts, upgrade).await
}

/// Monitors the tasks of one of the caller's tokens.
///
/// This is for pages, which have the id of the token but not its secret.
async fn monitor_own(
    State(state): State<PortalState>,
    user: CurrentUser,
    Path(token_id): Path<String>,
    Query(query): Query<MonitorQuery>,
    parts: Parts,
    upgrade: Upgrade,
) -> Result<Response> {
    state
        .borrow::<OriginPolicy>()?
        .check_socket(&parts.headers)?;
    let tokens = state.borrow::<ClientTokens>()?;
    let token = tokens.owned(&token_id, user.id).await?;
    let owner = AuthorizedClient::with_token(&state, token).await?;
    let scope = Scope {
        since: query.since(),
        ..Scope::default()
    };
    respond(&state, owner, scope, &parts, upgrade).await
}

async fn respond(
    state: &PortalState,
    owner: AuthorizedClient,
    scope: Scope,
    parts: &Parts,
    upgrade: Upgrade,
) -> Result<Response> {
    let headers = &parts.headers;
    // If the position is invalid, the stream starts with the current states, as it does for an
    // unknown event id.
    let since = scope.since;
    if upgrade.is_err() && parts.method == Method::GET && events::are_wanted(headers) {
        let cursor = events::last_seen(headers).or(since);
        let monitor = open(state, owner, scope, parts, cursor).await?;
        return Ok(events::serve(monitor, cursor));
    }
    let monitor = open(state, owner, scope, parts, since).await?;
    let upgrade = upgrade.map_err(|rejection| {
        let status = if rejection.status() == StatusCode::METHOD_NOT_ALLOWED {
            StatusCode::METHOD_NOT_ALLOWED
        } else {
            StatusCode::UPGRADE_REQUIRED
        };
        Error::new(
            status,
            "websocket_required",
            "this is a WebSocket endpoint; send an upgrade request, or accept `text/event-stream`",
        )
    })?;
    Ok(socket::serve(monitor, upgrade))
}

/// State of an open monitor.
struct Monitor {
    subscription: Subscription,
    /// States to show at the start.
    present: Vec<Arc<Snapshot>>,
    /// States to show after those in `present`, the oldest change first.
    ///
    /// Their results are read once the peer has received the preceding states, so that a monitor
    /// never holds all results at once.
    more: WithoutResults,
    store: Store,
    /// `true` for a single task; the monitor closes when that task has finished.
    single: bool,
    seen: SeenVersions,
    /// Task types that the owner of the token may not use, by group and name.
    hidden: HashSet<(String, &'static str)>,
    /// Revocation watches for the token's owner and the session that the request presented, if any.
    holders: [Option<RevocationToken>; 2],
    stop: CancellationToken,
    /// Counts the monitor as open until it is dropped.
    _open: TaskTrackerToken,
    _place: StreamPermit,
}

impl Monitor {
    /// Returns the next batch of states to show at the start; the batch is empty if all have been
    /// shown.
    async fn next_present(&mut self) -> Result<Vec<Arc<Snapshot>>, StoreError> {
        if !self.present.is_empty() {
            return Ok(std::mem::take(&mut self.present));
        }
        let records = self.more.take(&self.store).await?;
        let snapshots = records.into_iter().map(Arc::new).map(Snapshot::new);
        Ok(snapshots.map(Arc::new).collect())
    }

    /// Returns the states that have not been shown yet, and `true` if no further states follow
    /// them.
    fn unseen(&mut self, mut states: Vec<Arc<Snapshot>>) -> (Vec<Arc<Snapshot>>, bool) {
        states.retain(|state| self.shows(state.record()) && self.seen.note(state.record()));
        let ended = self.single
            && states
                .last()
                .is_some_and(|state| state.record().status.is_final());
        (states, ended)
    }

    fn shows(&self, record: &TaskRecord) -> bool {
        let mut hidden = self.hidden.iter();
        !hidden.any(|(group, name)| record.group == *group && record.name == *name)
    }

    /// Waits until the monitor has to close, and returns the reason.
    async fn closed(&self) -> CloseReason {
        let [owner, session] = self.holders.each_ref().map(|holder| async move {
            match holder {
                Some(holder) => holder.revoked().await,
                None => std::future::pending().await,
            }
        });
        tokio::select! {
            biased;
            revoked = owner => CloseReason::by(revoked),
            revoked = session => CloseReason::by(revoked),
            () = self.subscription.revoked() => TOKEN_REVOKED,
            () = self.stop.cancelled() => GOING_AWAY,
        }
    }
}

/// Reason that a client receives when its monitor closes.
#[derive(Debug, Clone, Copy, Serialize)]
struct CloseReason {
    code: u16,
    reason: &'static str,
}

const TOKEN_REVOKED: CloseReason = CloseReason {
    code: 4401,
    reason: "the client token was revoked or has expired",
};
const GOING_AWAY: CloseReason = CloseReason {
    code: 1001,
    reason: "the server is shutting down",
};

impl CloseReason {
    fn by(revoked: Revocation) -> Self {
        Self {
            code: revoked.code(),
            reason: revoked.reason(),
        }
    }
}

/// Watches the session of the request, if it presents one.
///
/// A client token is sufficient, but if a session is presented, it must be valid.
async fn watch_session(state: &PortalState, parts: &Parts) -> Result<Option<RevocationToken>> {
    let auth = state.borrow::<Auth>()?;
    match auth.authenticate(parts).await? {
        AuthOutcome::Anonymous => Ok(None),
        AuthOutcome::Rejected => Err(Error::unauthorized()),
        AuthOutcome::Authenticated(user) => {
            let session = Some(user.session_id().into());
            auth.watch(user.id, session, Vec::new()).await.map(Some)
        }
    }
}

/// Checks the token, then the group, then the task, and subscribes to their changes.
async fn open(
    state: &PortalState,
    owner: AuthorizedClient,
    scope: Scope,
    parts: &Parts,
    cursor: Option<Cursor>,
) -> Result<Monitor> {
    let tasks = state.borrow::<Tasks>()?;
    let tokens = state.borrow::<ClientTokens>()?;
    let token = &owner.token;
    let session = watch_session(state, parts).await?;
    if let Some(name) = &scope.group {
        tasks.registry().require_group(name)?;
    }
    let task_id = match &scope.task_id {
        Some(id) => Some(id.parse::<Uuid>().map_err(|_| task_not_found())?),
        None => None,
    };
    let watch = SubscriptionFilter {
        client_token_id: Some(token.id),
        group: scope.group,
        task_id,
    };
    // Subscribe before the states are read, so that a change in between is seen twice rather than
    // not at all.
    let subscription = tasks.watch(watch.clone());
    // Now that a revocation would be noticed, read the token again: it may have been revoked before
    // the subscription started.
    tokens.read(token.id).await?;
    let mut more = WithoutResults::default();
    let present = match task_id {
        Some(id) => {
            let record = tasks.get(id).await?.filter(|record| watch.matches(record));
            let record = record.ok_or_else(task_not_found)?;
            owner.check(tasks.registry(), &record)?;
            Some(record)
        }
        None => {
            let since = cursor.and_then(|cursor| cursor.at.checked_sub_signed(OVERLAP));
            let group = watch.group.as_deref();
            more = change_feed::of_client(&tasks.0.store, token.id, group, since).await?;
            more.refresh(|record| tasks.with_latest_state(record));
            None
        }
    };
    // The monitor closes when its owner loses access to any task type that it shows.
    let needed = match &present {
        Some(record) => {
            let task_type = tasks.registry().get(&record.group, &record.name);
            task_type
                .into_iter()
                .map(|task_type| task_type.access.clone())
                .collect()
        }
        None => distinct(owner.task_types(tasks.registry(), watch.group.as_deref(), true)),
    };
    let hidden = owner.task_types(tasks.registry(), watch.group.as_deref(), false);
    let hidden = hidden
        .map(|task_type| (task_type.group.clone(), task_type.name))
        .collect();
    let place = state.borrow::<Live>()?.take_place(owner.user.id)?;
    let holder = state
        .borrow::<Auth>()?
        .watch(owner.user.id, None, needed)
        .await?;
    let present = present.into_iter().map(Arc::new).map(Snapshot::new);
    Ok(Monitor {
        present: present.map(Arc::new).collect(),
        more,
        store: tasks.0.store.clone(),
        single: task_id.is_some(),
        subscription,
        seen: SeenVersions::default(),
        hidden,
        holders: [Some(holder), session],
        stop: CancellationToken::clone(state.borrow::<CancellationToken>()?),
        _open: state.borrow::<OpenMonitors>()?.0.token(),
        _place: place,
    })
}

/// Returns the access rules of the task types, without duplicates.
fn distinct<'a>(task_types: impl Iterator<Item = &'a Arc<TaskDefinition>>) -> Vec<Access> {
    let mut all: Vec<Access> = Vec::new();
    for task_type in task_types {
        if !all.contains(&task_type.access) {
            all.push(task_type.access.clone());
        }
    }
    all
}
