//! Event stream of one task, with its history and log lines, for its owner and for administrators.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::monitor::OpenMonitors;
use crate::auth::{Access, Auth, CurrentUser, RevocationToken, Routes};
use crate::error::Result;
use crate::live::{
    self, EventStream, Live, RECONNECT_DELAY, StreamPermit, event_stream, last_event_id,
};
use crate::security::OriginPolicy;
use crate::state::PortalState;
use crate::tasks::events::history;
use crate::tasks::events::hub::{Subscription, SubscriptionFilter};
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::service::{Tasks, task_not_found};

/// Interval at which the history of a task that runs in another process is read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Polling interval for a task that is not running, whose start is announced by an event.
const POLL_INTERVAL_WAITING: Duration = Duration::from_secs(15);
/// Interval between keep-alives; proxies close a stream that is silent for about a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(in crate::tasks) fn routes() -> Routes {
    let events = Routes::new()
        .get(
            "/api/admin/tasks/{task_id}/events",
            Access::Admin,
            follow_any,
        )
        .get("/api/tasks/{task_id}/events", Access::User, follow_own)
        .stream();
    Routes::new()
        .get("/api/admin/tasks/{task_id}/log", Access::Admin, log_of_any)
        .get("/api/tasks/{task_id}/log", Access::User, log_of_own)
        .merge(events)
}

#[derive(Deserialize)]
struct EventsQuery {
    after: Option<String>,
}

/// Position of a history entry: the attempt and the number within it.
type EntryId = (u32, i64);

fn parse(text: &str) -> Option<EntryId> {
    let (attempt, seq) = text.trim().split_once('-')?;
    Some((attempt.parse().ok()?, seq.parse().ok()?))
}

async fn find(state: &PortalState, id: &str) -> Result<TaskRecord> {
    let id: Uuid = id.parse().map_err(|_| task_not_found())?;
    let found = state.borrow::<Tasks>()?.get(id).await?;
    found.ok_or_else(task_not_found)
}

/// Returns a task that belongs to the user; reports any other task as not found.
async fn find_own(state: &PortalState, user: &CurrentUser, id: &str) -> Result<TaskRecord> {
    let record = find(state, id).await?;
    let access = access_of(state, &record)?;
    if record.owner_user_id == Some(user.id) && access.allows(Some(user)) {
        Ok(record)
    } else {
        Err(task_not_found())
    }
}

/// Returns the access rule of the task's type.
fn access_of(state: &PortalState, record: &TaskRecord) -> Result<Access> {
    let registry = state.borrow::<Tasks>()?.registry();
    let task_type = registry.get(&record.group, &record.name);
    Ok(match task_type {
        Some(task_type) if !task_type.internal => task_type.access.clone(),
        _ => Access::User,
    })
}

async fn log_of_any(State(state): State<PortalState>, Path(id): Path<String>) -> Result<Response> {
    log(&state, find(&state, &id).await?).await
}

async fn log_of_own(
    State(state): State<PortalState>,
    user: CurrentUser,
    Path(id): Path<String>,
) -> Result<Response> {
    log(&state, find_own(&state, &user, &id).await?).await
}

/// Responds with the stored log lines as a text file.
async fn log(state: &PortalState, record: TaskRecord) -> Result<Response> {
    let history = state.borrow::<Tasks>()?.history(record.id).await?;
    let mut text = String::new();
    for event in history.iter().flat_map(|history| &history.events) {
        if event.kind == history::LOG {
            text.push_str(&event.line());
            text.push('\n');
        }
    }
    let file = format!("attachment; filename=\"{}-{}.log\"", record.name, record.id);
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, file),
    ];
    Ok((headers, text).into_response())
}

async fn follow_any(
    State(state): State<PortalState>,
    user: CurrentUser,
    Path(id): Path<String>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let record = find(&state, &id).await?;
    follow(&state, &user, record, vec![Access::Admin], query, &headers).await
}

async fn follow_own(
    State(state): State<PortalState>,
    user: CurrentUser,
    Path(id): Path<String>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let record = find_own(&state, &user, &id).await?;
    let needed = vec![Access::User, access_of(&state, &record)?];
    follow(&state, &user, record, needed, query, &headers).await
}

/// Streams a task until it finishes or the user loses one of the required permissions.
async fn follow(
    state: &PortalState,
    user: &CurrentUser,
    record: TaskRecord,
    needed: Vec<Access>,
    query: EventsQuery,
    headers: &HeaderMap,
) -> Result<Response> {
    state.borrow::<OriginPolicy>()?.check_socket(headers)?;
    let tasks = state.borrow::<Tasks>()?.clone();
    let last = last_event_id(headers).and_then(parse);
    let seen = last.or_else(|| query.after.as_deref().and_then(parse));
    let watch = SubscriptionFilter {
        task_id: Some(record.id),
        ..SubscriptionFilter::default()
    };
    let place = state.borrow::<Live>()?.take_place(user.id)?;
    let session = Some(user.session_id().into());
    let holder = state
        .borrow::<Auth>()?
        .watch(user.id, session, needed)
        .await?;
    let subscription = tasks.watch(watch);
    Ok(event_stream(AdminEventStream {
        ready: VecDeque::from([format!("retry: {RECONNECT_DELAY}\n\n").into()]),
        seen: seen.unwrap_or((0, -1)),
        turns: tasks.0.events.logs.flushes(),
        // Read the task again, now that changes are received.
        record: tasks.get(record.id).await?.ok_or_else(task_not_found)?,
        shown: None,
        next_poll: Instant::now(),
        last_sent: Instant::now(),
        ended: false,
        subscription,
        tasks,
        holder,
        stop: CancellationToken::clone(state.borrow::<CancellationToken>()?),
        _open: state.borrow::<OpenMonitors>()?.token(),
        _place: place,
    }))
}

struct AdminEventStream {
    tasks: Tasks,
    record: TaskRecord,
    /// Version of the task that was sent last.
    shown: Option<i64>,
    seen: EntryId,
    ready: VecDeque<Bytes>,
    subscription: Subscription,
    /// Changes when the event log writer in this process has written entries.
    turns: watch::Receiver<u64>,
    next_poll: Instant,
    /// Time at which data was last sent.
    last_sent: Instant,
    ended: bool,
    holder: RevocationToken,
    stop: CancellationToken,
    /// Counts the stream as open until it is dropped.
    _open: TaskTrackerToken,
    _place: StreamPermit,
}

impl EventStream for AdminEventStream {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            let is_first = self.shown.is_none();
            let mut changed = Vec::new();
            if !is_first {
                let logs = &self.tasks.0.events.logs;
                tokio::select! {
                    biased;
                    _ = self.holder.revoked() => return None,
                    () = self.stop.cancelled() => return None,
                    states = self.subscription.changes() => changed = states,
                    Ok(()) = self.turns.changed() => {
                        // The writer may have written only events for other tasks.
                        if !logs.has(&self.record) {
                            continue;
                        }
                    }
                    () = sleep_until(self.next_poll) => {}
                }
            }
            if let Some(newest) = changed.last() {
                self.record = TaskRecord::clone(newest.record());
            }
            if self.poll().await.is_err() {
                // The browser reconnects and resumes from the last event.
                return None;
            }
        }
    }
}

impl AdminEventStream {
    /// Collects the events since the last poll.
    async fn poll(&mut self) -> Result<()> {
        let is_running = self.record.status == TaskStatus::Processing;
        self.next_poll = Instant::now()
            + if is_running {
                POLL_INTERVAL
            } else {
                POLL_INTERVAL_WAITING
            };
        let is_final = self.record.status.is_final();
        let store = &self.tasks.0.store;
        let events = history::after(store, self.record.id, self.seen).await?;
        for event in events {
            self.seen = (event.attempt, event.seq);
            let data = serde_json::to_string(&event).unwrap_or_default();
            let (attempt, seq) = self.seen;
            let frame = format!("id: {attempt}-{seq}\nevent: entry\ndata: {data}\n\n");
            self.ready.push_back(frame.into());
        }
        if self.shown != Some(self.record.version) {
            self.shown = Some(self.record.version);
            let data = serde_json::to_string(&self.record).unwrap_or_default();
            self.ready
                .push_back(format!("event: state\ndata: {data}\n\n").into());
        }
        if is_final {
            self.ready
                .push_back(Bytes::from_static(b"event: end\ndata: {}\n\n"));
            self.ended = true;
        } else if self.ready.is_empty() && self.last_sent.elapsed() >= KEEP_ALIVE {
            self.ready.push_back(live::KEEP_ALIVE);
        }
        if !self.ready.is_empty() {
            self.last_sent = Instant::now();
        }
        Ok(())
    }
}
