ALTER TABLE portal_tasks ADD COLUMN unique_key TEXT;
ALTER TABLE portal_tasks ADD COLUMN schedule TEXT;
ALTER TABLE portal_tasks ADD COLUMN scheduled_for DATETIME;
ALTER TABLE portal_tasks ADD COLUMN checkpoint TEXT;
ALTER TABLE portal_tasks ADD COLUMN trace_parent TEXT;
-- No two active tasks under one key.
CREATE UNIQUE INDEX portal_tasks_unique ON portal_tasks (unique_key)
    WHERE unique_key IS NOT NULL AND status IN ('PENDING', 'PROCESSING');
-- One task for each time of a schedule.
CREATE UNIQUE INDEX portal_tasks_schedule ON portal_tasks (schedule, scheduled_for)
    WHERE schedule IS NOT NULL;
-- Each index costs every change of a task: tasks that no client has started need none for clients.
DROP INDEX portal_tasks_client_token;
CREATE INDEX portal_tasks_client_token ON portal_tasks (client_token_id, id)
    WHERE client_token_id IS NOT NULL;
-- What can be pruned.
CREATE INDEX portal_tasks_finished ON portal_tasks (finished_at) WHERE finished_at IS NOT NULL;

-- History and log lines; as long-lived as their task.
CREATE TABLE portal_task_events (
    task_id  BLOB NOT NULL REFERENCES portal_tasks (id) ON DELETE CASCADE,
    attempt  INTEGER NOT NULL,
    seq      BIGINT NOT NULL,
    at       DATETIME NOT NULL,
    kind     TEXT NOT NULL,
    data     TEXT NOT NULL,
    PRIMARY KEY (task_id, attempt, seq)
);

CREATE TABLE portal_task_schedules (
    name            TEXT PRIMARY KEY NOT NULL,
    state           TEXT NOT NULL,
    task            TEXT NOT NULL,
    cron            TEXT NOT NULL,
    time_zone       TEXT NOT NULL,
    last_fired_for  DATETIME NOT NULL,
    last_task_id    BLOB,
    paused          BOOLEAN NOT NULL DEFAULT FALSE
);

-- The tasks of one kind; a row is also what a claim under a limit locks.
CREATE TABLE portal_task_queues (
    state   TEXT NOT NULL,
    name    TEXT NOT NULL,
    paused  BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (state, name)
);

-- Who has changed what, for administrators.
CREATE TABLE portal_audit_log (
    id             BLOB PRIMARY KEY NOT NULL,
    at             DATETIME NOT NULL,
    actor_user_id  BLOB,
    actor_email    TEXT NOT NULL,
    action         TEXT NOT NULL,
    target         TEXT NOT NULL,
    details        TEXT NOT NULL
);
CREATE INDEX portal_audit_log_target ON portal_audit_log (target, id);
