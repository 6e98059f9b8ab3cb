-- Lists of a user's own tasks, newest first.
CREATE INDEX portal_tasks_owner ON portal_tasks (owner_user_id, id) WHERE owner_user_id IS NOT NULL;
