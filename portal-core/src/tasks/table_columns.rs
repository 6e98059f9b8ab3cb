//! The table `portal_tasks`: its columns, and column lists that statements share.

use std::borrow::Cow;

use sea_query::Iden;

/// Table of all tasks.
pub(super) const TABLE: &str = "portal_tasks";

/// Column with its PostgreSQL type, to which values are converted when rows are passed as JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "for PostgreSQL")
    )]
    sql_type: &'static str,
}

impl Iden for Column {
    fn quoted(&self) -> Cow<'static, str> {
        self.name.quoted()
    }

    fn unquoted(&self) -> &str {
        self.name
    }
}

macro_rules! columns {
    ($($constant:ident: $name:literal $sql_type:literal,)*) => {
        $(pub(super) const $constant: Column = Column { name: $name, sql_type: $sql_type };)*
    };
}

columns! {
    ID: "id" "uuid",
    GROUP: "state" "text",
    NAME: "name" "text",
    CLIENT_TOKEN_ID: "client_token_id" "uuid",
    OWNER_USER_ID: "owner_user_id" "uuid",
    STATUS: "status" "text",
    PROGRESS: "progress" "integer",
    MESSAGE: "message" "text",
    ARGS: "args" "jsonb",
    RESULT: "result" "jsonb",
    STORED_BYTES: "stored_bytes" "bigint",
    ERROR: "error" "text",
    CODE: "code" "text",
    CHECKPOINT: "checkpoint" "jsonb",
    ATTEMPT: "attempt" "integer",
    MAX_ATTEMPTS: "max_attempts" "integer",
    CRASH_COUNT: "crash_count" "integer",
    PRIORITY: "priority" "integer",
    TURN: "turn" "bigint",
    RUN_AT: "run_at" "timestamptz",
    LEASE_OWNER: "lease_owner" "uuid",
    LEASE_UNTIL: "lease_until" "timestamptz",
    CANCEL_REQUESTED: "cancel_requested" "boolean",
    IDEMPOTENCY_KEY: "idempotency_key" "text",
    UNIQUE_KEY: "unique_key" "text",
    SCHEDULE: "schedule" "text",
    SCHEDULED_FOR: "scheduled_for" "timestamptz",
    TRACE_PARENT: "trace_parent" "text",
    CREATED_AT: "created_at" "timestamptz",
    STARTED_AT: "started_at" "timestamptz",
    FINISHED_AT: "finished_at" "timestamptz",
    UPDATED_AT: "updated_at" "timestamptz",
    VERSION: "version" "bigint",
}

/// Columns of a record without its result.
///
/// Results and arguments may be large, so they are read only when an attempt or a user needs them.
pub(super) const RECORD: [Column; 19] = [
    ID,
    GROUP,
    NAME,
    CLIENT_TOKEN_ID,
    OWNER_USER_ID,
    STATUS,
    PROGRESS,
    MESSAGE,
    ERROR,
    CODE,
    ATTEMPT,
    MAX_ATTEMPTS,
    RUN_AT,
    CREATED_AT,
    STARTED_AT,
    FINISHED_AT,
    UPDATED_AT,
    TRACE_PARENT,
    VERSION,
];

/// Columns that are inserted from the fields of a new task that have the same names.
#[cfg(feature = "postgres")]
pub(super) const NEW: [Column; 17] = [
    ID,
    GROUP,
    NAME,
    CLIENT_TOKEN_ID,
    OWNER_USER_ID,
    ARGS,
    STORED_BYTES,
    TURN,
    PRIORITY,
    RUN_AT,
    MAX_ATTEMPTS,
    IDEMPOTENCY_KEY,
    UNIQUE_KEY,
    SCHEDULE,
    SCHEDULED_FOR,
    TRACE_PARENT,
    CREATED_AT,
];

/// Columns that are updated with the outcome of an attempt.
#[cfg(feature = "postgres")]
pub(super) const OUTCOME: [Column; 10] = [
    STATUS,
    PROGRESS,
    MESSAGE,
    RESULT,
    ERROR,
    CODE,
    RUN_AT,
    UPDATED_AT,
    FINISHED_AT,
    VERSION,
];

/// Returns `part` for each column, separated by commas.
pub(super) fn list(columns: &[Column], part: impl Fn(&str) -> String) -> String {
    let parts: Vec<_> = columns.iter().map(|column| part(column.name)).collect();
    parts.join(", ")
}

/// Returns column names with types, as `jsonb_to_recordset` requires.
#[cfg(feature = "postgres")]
pub(super) fn typed(columns: &[Column]) -> String {
    let typed: Vec<_> = columns
        .iter()
        .map(|column| format!("{} {}", column.name, column.sql_type))
        .collect();
    typed.join(", ")
}
