-- Stands for one client of a user; the tasks it starts are seen under it.
CREATE TABLE portal_client_tokens (
    id            BLOB PRIMARY KEY NOT NULL,
    user_id       BLOB NOT NULL REFERENCES portal_users (id) ON DELETE CASCADE,
    created_at    DATETIME NOT NULL,
    last_used_at  DATETIME NOT NULL,
    expires_at    DATETIME NOT NULL
);
CREATE INDEX portal_client_tokens_user ON portal_client_tokens (user_id, last_used_at);

CREATE TABLE portal_tasks (
    id               BLOB PRIMARY KEY NOT NULL,
    state            TEXT NOT NULL,
    name             TEXT NOT NULL,
    client_token_id  BLOB,
    owner_user_id    BLOB,
    args             TEXT NOT NULL,
    status           TEXT NOT NULL,
    progress         INTEGER NOT NULL DEFAULT 0,
    message          TEXT,
    result           TEXT,
    error            TEXT,
    code             TEXT,
    priority         INTEGER NOT NULL DEFAULT 0,
    run_at           DATETIME NOT NULL,
    attempt          INTEGER NOT NULL DEFAULT 0,
    max_attempts     INTEGER NOT NULL DEFAULT 1,
    crash_count      INTEGER NOT NULL DEFAULT 0,
    lease_owner      BLOB,
    lease_until      DATETIME,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    idempotency_key  TEXT,
    created_at       DATETIME NOT NULL,
    started_at       DATETIME,
    updated_at       DATETIME NOT NULL,
    finished_at      DATETIME,
    version          BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX portal_tasks_claim ON portal_tasks (priority DESC, run_at, id) WHERE status = 'PENDING';
CREATE INDEX portal_tasks_lease ON portal_tasks (lease_until) WHERE status = 'PROCESSING';
CREATE INDEX portal_tasks_client_token ON portal_tasks (client_token_id, id);
CREATE UNIQUE INDEX portal_tasks_idempotency ON portal_tasks (client_token_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
