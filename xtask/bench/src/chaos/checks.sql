-- Each statement returns the tasks that violate a guarantee; the line above it names the guarantee.

-- name: a final state is reached once
SELECT task_id::text, 'final ' || count(*) || ' times' FROM chaos_history
WHERE operation = 'UPDATE' AND new_status IN ('COMPLETED', 'ERROR') AND old_status <> new_status
GROUP BY task_id HAVING count(*) <> 1;

-- name: nothing changes a task after its final state
SELECT task_id::text, old_status || ' became ' || new_status || ', version ' || old_version || ' became ' || new_version
FROM chaos_history WHERE operation = 'UPDATE' AND old_status IN ('COMPLETED', 'ERROR');

-- name: no task is removed
SELECT task_id::text, old_status || ' was removed' FROM chaos_history WHERE operation = 'DELETE';

-- name: only a claim starts an attempt, and each claim starts the next one
SELECT task_id::text,
       old_status || ' of attempt ' || old_attempt || ' became ' || new_status || ' of attempt ' || new_attempt
FROM chaos_history
WHERE operation = 'UPDATE' AND new_attempt <> old_attempt
      + CASE WHEN old_status = 'PENDING' AND new_status = 'PROCESSING' THEN 1 ELSE 0 END;

-- name: progress and version never decrease
SELECT task_id::text,
       'progress ' || old_progress || ' became ' || new_progress || ', version ' || old_version || ' became ' || new_version
FROM chaos_history
WHERE operation = 'UPDATE'
      AND (new_version < old_version
           OR (old_status = 'PROCESSING' AND new_status = 'PROCESSING' AND new_progress < old_progress));

-- name: no attempt overwrites a later one
SELECT task_id::text, 'attempt ' || new_attempt || ' has the message "' || new_message || '"' FROM chaos_history
WHERE new_message LIKE 'attempt %' AND new_message NOT LIKE 'attempt ' || new_attempt || ' %';

-- name: only the replica that claimed an attempt writes its progress and result
SELECT h.task_id::text,
       'attempt ' || h.new_attempt || ' of ' || c.writer || ' became ' || h.new_status || ' by ' || h.writer
FROM chaos_history h
JOIN chaos_history c ON c.task_id = h.task_id AND c.new_attempt = h.new_attempt
     AND c.old_status = 'PENDING' AND c.new_status = 'PROCESSING' AND c.writer <> h.writer
WHERE h.operation = 'UPDATE' AND h.old_status = 'PROCESSING'
      AND (h.new_status = 'COMPLETED'
           OR (h.new_status = 'PROCESSING' AND (h.new_progress <> h.old_progress OR h.new_message IS NOT NULL))
           OR (h.new_status = 'ERROR' AND h.new_code NOT IN ('crashed', 'cancelled')));

-- name: an attempt runs once
SELECT task_id::text, 'attempt ' || attempt || ' ran ' || count(*) || ' times' FROM chaos_effects
GROUP BY task_id, attempt HAVING count(*) > 1;

-- name: a task that must not run twice runs at most once
SELECT e.task_id::text, 'ran ' || count(*) || ' times' FROM chaos_effects e
JOIN portal_tasks t ON t.id = e.task_id AND t.state = 'chaos' AND t.name = 'once'
GROUP BY e.task_id HAVING count(*) > 1;

-- name: a completed task ran in its last attempt and has its result
SELECT t.id::text, 'attempt ' || t.attempt || ' ended with ' || t.result::text FROM portal_tasks t
WHERE t.state = 'chaos' AND t.status = 'COMPLETED' AND t.schedule IS NULL
      AND ((t.result ->> 'attempt')::int <> t.attempt
           OR t.result -> 'number' IS DISTINCT FROM t.args -> 'number'
           OR NOT EXISTS (SELECT 1 FROM chaos_effects e WHERE e.task_id = t.id AND e.attempt = t.attempt));

-- name: a schedule fires at most once per scheduled time
SELECT min(task_id::text), schedule || ' fired ' || count(*) || ' times at ' || date_trunc('second', run_at)
FROM chaos_history WHERE operation = 'INSERT' AND schedule IS NOT NULL
GROUP BY schedule, date_trunc('second', run_at) HAVING count(*) > 1;

-- name: the ledger contains the writer of every change
SELECT task_id::text, operation || ' by an unknown writer' FROM chaos_history WHERE writer NOT LIKE 'replica-%';

-- name: a global concurrency limit is never exceeded
SELECT task_id::text, running || ' concurrently' FROM (
    SELECT h.seq, h.task_id, sum(CASE WHEN h.new_status = 'PROCESSING' THEN 1 ELSE -1 END) OVER (ORDER BY h.seq) AS running
    FROM chaos_history h JOIN portal_tasks t ON t.id = h.task_id AND t.state = 'chaos' AND t.name = 'limited'
    WHERE h.operation = 'UPDATE' AND h.new_status <> h.old_status
          AND 'PROCESSING' IN (h.old_status, h.new_status)
) AS limited WHERE running > 2;

-- name: a failed task is retried up to its limit
SELECT id::text, 'ended as ' || status || ' at attempt ' || attempt || ': ' || coalesce(error, '') FROM portal_tasks
WHERE state = 'chaos' AND name = 'flaky' AND status = 'ERROR' AND code NOT IN ('cancelled', 'crashed');
