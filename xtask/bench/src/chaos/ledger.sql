-- Executions, recorded by the code of the tasks, each with a unique id.
CREATE TABLE chaos_effects (
    run      UUID PRIMARY KEY,
    task_id  UUID NOT NULL,
    attempt  INTEGER NOT NULL,
    at       TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- Every write to a task, in order: its number is assigned while the row is locked.
CREATE TABLE chaos_history (
    seq           BIGSERIAL PRIMARY KEY,
    at            TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    writer        TEXT NOT NULL,
    operation     TEXT NOT NULL,
    task_id       UUID NOT NULL,
    old_status    TEXT,
    new_status    TEXT,
    old_attempt   INTEGER,
    new_attempt   INTEGER,
    old_version   BIGINT,
    new_version   BIGINT,
    old_progress  INTEGER,
    new_progress  INTEGER,
    new_message   TEXT, -- only if it has changed
    new_code      TEXT,
    schedule      TEXT,
    run_at        TIMESTAMPTZ
);
CREATE INDEX chaos_history_task ON chaos_history (task_id, new_attempt);

CREATE FUNCTION chaos_remember() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    writer TEXT := coalesce(current_setting('chaos.writer', true), '');
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO chaos_history (writer, operation, task_id, old_status, old_attempt, old_version)
        VALUES (writer, TG_OP, OLD.id, OLD.status, OLD.attempt, OLD.version);
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO chaos_history (writer, operation, task_id, new_status, new_attempt, new_version, schedule, run_at)
        VALUES (writer, TG_OP, NEW.id, NEW.status, NEW.attempt, NEW.version, NEW.schedule, NEW.run_at);
    ELSE
        INSERT INTO chaos_history (
            writer, operation, task_id, old_status, new_status, old_attempt, new_attempt,
            old_version, new_version, old_progress, new_progress, new_message, new_code
        ) VALUES (
            writer, TG_OP, NEW.id, OLD.status, NEW.status, OLD.attempt, NEW.attempt,
            OLD.version, NEW.version, OLD.progress, NEW.progress,
            CASE WHEN NEW.message IS DISTINCT FROM OLD.message THEN NEW.message END, NEW.code
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER chaos_history AFTER INSERT OR UPDATE OR DELETE ON portal_tasks
    FOR EACH ROW EXECUTE FUNCTION chaos_remember();
