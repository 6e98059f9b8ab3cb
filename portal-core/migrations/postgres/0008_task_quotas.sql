-- Position among the pending tasks of the same type and priority. NULL: not due yet, or not placed yet.
ALTER TABLE portal_tasks ADD COLUMN turn BIGINT;
-- Size of arguments and result as JSON. NULL: stored by a version that did not measure it.
ALTER TABLE portal_tasks ADD COLUMN stored_bytes BIGINT;

-- A claim reads the head of each queue in this order.
CREATE INDEX portal_tasks_ready ON portal_tasks (state, name, priority DESC, turn, id)
    WHERE status = 'PENDING' AND turn IS NOT NULL;
CREATE INDEX portal_tasks_waiting ON portal_tasks (run_at, id) WHERE status = 'PENDING' AND turn IS NULL;
DROP INDEX portal_tasks_claim;
-- Pending tasks of an owner, and the last turn of an owner in a queue. The type is an expression and the
-- index holds tasks without a turn too, so that no query of it is served by the index above, which
-- would mean to read the whole queue.
CREATE INDEX portal_tasks_owner_pending ON portal_tasks (owner_user_id, (state || '/' || name), priority, turn DESC NULLS LAST)
    WHERE status = 'PENDING';
-- Stored bytes of an owner, and an owner's tasks by age.
CREATE INDEX portal_tasks_owner ON portal_tasks (owner_user_id, id) INCLUDE (stored_bytes)
    WHERE owner_user_id IS NOT NULL;
