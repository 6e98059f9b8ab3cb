-- Stands for one client of a user; the tasks it starts are seen under it.
CREATE TABLE portal_client_tokens (
    id            UUID PRIMARY KEY,
    user_id       UUID NOT NULL REFERENCES portal_users (id) ON DELETE CASCADE,
    created_at    TIMESTAMPTZ NOT NULL,
    last_used_at  TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX portal_client_tokens_user ON portal_client_tokens (user_id, last_used_at);

CREATE TABLE portal_tasks (
    id               UUID PRIMARY KEY,
    state            TEXT NOT NULL,
    name             TEXT NOT NULL,
    client_token_id  UUID,
    owner_user_id    UUID,
    args             JSONB NOT NULL,
    status           TEXT NOT NULL,
    progress         INTEGER NOT NULL DEFAULT 0,
    message          TEXT,
    result           JSONB,
    error            TEXT,
    code             TEXT,
    priority         INTEGER NOT NULL DEFAULT 0,
    run_at           TIMESTAMPTZ NOT NULL,
    attempt          INTEGER NOT NULL DEFAULT 0,
    max_attempts     INTEGER NOT NULL DEFAULT 1,
    crash_count      INTEGER NOT NULL DEFAULT 0,
    lease_owner      UUID,
    lease_until      TIMESTAMPTZ,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    idempotency_key  TEXT,
    created_at       TIMESTAMPTZ NOT NULL,
    started_at       TIMESTAMPTZ,
    updated_at       TIMESTAMPTZ NOT NULL,
    finished_at      TIMESTAMPTZ,
    version          BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX portal_tasks_claim ON portal_tasks (priority DESC, run_at, id) WHERE status = 'PENDING';
CREATE INDEX portal_tasks_lease ON portal_tasks (lease_until) WHERE status = 'PROCESSING';
CREATE INDEX portal_tasks_client_token ON portal_tasks (client_token_id, id);
CREATE UNIQUE INDEX portal_tasks_idempotency ON portal_tasks (client_token_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
