//! Capture of the lines that each task logs, to store them with the task.

use std::fmt::{self, Write as _};
use std::future::Future;
use std::sync::Arc;

use serde_json::{Map, Number, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Maximum length of a line; longer lines are truncated.
const MAX_LINE_LEN: usize = 4096;

/// Log targets whose lines, such as a task's SQL statements, are meant for operators and not for
/// clients.
const INTERNAL_TARGETS: [&str; 2] = ["portal_core", "sqlx"];

tokio::task_local! {
    static RUNNING: Arc<dyn LogSink>;
}

/// Receiver of a running task's log lines. It must not block.
pub(crate) trait LogSink: Send + Sync {
    fn log(&self, line: LogLine);
}

/// A line logged by a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogLine {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) message: String,
    pub(crate) fields: Map<String, Value>,
}

/// Runs a task's code with a sink for its log lines.
pub(crate) fn capture<F: Future>(
    sink: Arc<dyn LogSink>,
    future: F,
) -> impl Future<Output = F::Output> {
    RUNNING.scope(sink, future)
}

/// Returns a layer that stores the lines that tasks log in their history.
///
/// [`init`](super::init) and a portal's command line install it; an application with a custom
/// subscriber must add it itself. Lines that are logged outside of tasks or below the given level
/// are ignored.
///
/// ```
/// use portal_core::telemetry::task_logs;
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry()
///     .with(tracing_subscriber::fmt::layer().with_filter(LevelFilter::WARN))
///     .with(task_logs(LevelFilter::INFO));
/// # drop(subscriber);
/// ```
pub fn task_logs<S: Subscriber + for<'s> LookupSpan<'s>>(level: LevelFilter) -> impl Layer<S> {
    TaskLogs.with_filter(level)
}

/// Wraps a future to be spawned separately, so that it logs to the running task's history.
pub fn with_task_logs<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let sink = RUNNING.try_get().ok();
    async move {
        match sink {
            Some(sink) => RUNNING.scope(sink, future).await,
            None => future.await,
        }
    }
}

/// Like [`with_task_logs`], for code that runs on another thread, for example in `spawn_blocking`.
pub fn blocking_with_task_logs<R>(code: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let sink = RUNNING.try_get().ok();
    move || match sink {
        Some(sink) => RUNNING.sync_scope(sink, code),
        None => code(),
    }
}

struct TaskLogs;

impl<S: Subscriber> Layer<S> for TaskLogs {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Outside of tasks, this lookup is the only cost.
        let _ = RUNNING.try_with(|sink| {
            let target = event.metadata().target();
            let of = target.split_once("::").map_or(target, |(root, _)| root);
            if !INTERNAL_TARGETS.contains(&of) {
                sink.log(line(event));
            }
        });
    }
}

fn line(event: &Event<'_>) -> LogLine {
    let mut visitor = FieldVisitor {
        message: String::new(),
        fields: Map::new(),
        room: MAX_LINE_LEN,
    };
    event.record(&mut visitor);
    LogLine {
        level: *event.metadata().level(),
        target: event.metadata().target().to_owned(),
        message: visitor.message,
        fields: visitor.fields,
    }
}

struct FieldVisitor {
    message: String,
    fields: Map<String, Value>,
    room: usize,
}

impl FieldVisitor {
    fn put(&mut self, field: &Field, text: BoundedText) {
        let text = text.finish();
        self.room -= text.len().min(self.room);
        if field.name() == "message" {
            self.message = text;
        } else {
            self.put_value(field, text.into());
        }
    }

    fn put_value(&mut self, field: &Field, value: Value) {
        self.room -= field.name().len().min(self.room);
        if self.room > 0 {
            self.fields.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for FieldVisitor {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let value = Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number);
        self.put_value(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_value(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_value(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_value(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let mut text = BoundedText::new(self.room);
        let _ = text.write_str(value);
        self.put(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = BoundedText::new(self.room);
        let _ = write!(text, "{value:?}");
        self.put(field, text);
    }
}

/// Accepts text up to a maximum length; the rest is not even formatted.
struct BoundedText {
    text: String,
    room: usize,
    cut: bool,
}

impl BoundedText {
    fn new(room: usize) -> Self {
        Self {
            text: String::new(),
            room,
            cut: false,
        }
    }

    fn finish(mut self) -> String {
        if self.cut {
            self.text.push('…');
        }
        self.text
    }
}

impl fmt::Write for BoundedText {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.room - self.text.len();
        let taken = more.floor_char_boundary(room);
        self.text.push_str(&more[..taken]);
        if taken < more.len() {
            self.cut = true;
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use tracing_subscriber::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<LogLine>>);

    impl LogSink for Kept {
        fn log(&self, line: LogLine) {
            self.0.lock().unwrap().push(line);
        }
    }

    async fn kept(level: LevelFilter, future: impl Future<Output = ()>) -> Vec<LogLine> {
        let kept = Arc::new(Kept::default());
        let _guard = tracing_subscriber::registry()
            .with(task_logs(level))
            .set_default();
        capture(Arc::clone(&kept) as Arc<dyn LogSink>, future).await;
        tracing::error!("outside");
        std::mem::take(&mut *kept.0.lock().unwrap())
    }

    #[tokio::test]
    async fn task_logs_are_stored_with_level_target_and_fields() {
        let lines = kept(LevelFilter::INFO, async {
            tracing::debug!("too small");
            tracing::info!(target: "shop", count = 3, ratio = 0.5, name = "bob", ok = true, "half way");
            tokio::task::yield_now().await;
            tracing::warn!(target: "sqlx::query", "slow statement");
            tracing::warn!(target: "mail", error = %"no route", "again {}", 7);
        })
        .await;
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(
            (lines[0].level, &*lines[0].message),
            (Level::INFO, "half way")
        );
        assert_eq!(lines[0].target, "shop");
        assert_eq!(
            Value::Object(lines[0].fields.clone()),
            json!({"count": 3, "ratio": 0.5, "name": "bob", "ok": true})
        );
        assert_eq!((lines[1].level, &*lines[1].target), (Level::WARN, "mail"));
        assert_eq!(lines[1].message, "again 7");
        assert_eq!(lines[1].fields["error"], "no route");
    }

    #[tokio::test]
    async fn long_line_is_truncated() {
        let long = "ä".repeat(10_000);
        let lines = kept(LevelFilter::INFO, async {
            tracing::info!(target: "shop", more = long, "{long}");
        })
        .await;
        let line = &lines[0];
        let size = line.message.len()
            + line
                .fields
                .values()
                .map(|v| v.to_string().len())
                .sum::<usize>();
        assert!(size <= MAX_LINE_LEN + 16, "{size}");
        assert!(
            line.message.ends_with('…') || line.fields["more"].as_str().unwrap().ends_with('…')
        );
    }

    #[tokio::test]
    async fn spawned_futures_can_log_to_their_task() {
        let lines = kept(LevelFilter::INFO, async {
            let beside = with_task_logs(async { tracing::info!(target: "shop", "beside") });
            beside.await;
            blocking_with_task_logs(|| tracing::info!(target: "shop", "on a thread"))();
        })
        .await;
        let messages: Vec<_> = lines.iter().map(|line| &*line.message).collect();
        assert_eq!(messages, ["beside", "on a thread"]);
    }
}
