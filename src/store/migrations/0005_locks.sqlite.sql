-- Named locks that end by themselves, and when recurring jobs were begun last; the same tables as
-- on PostgreSQL. Times are microseconds since 1970 UTC. A lock's row stays when it is free: its
-- fencing number must never go back.

CREATE TABLE IF NOT EXISTS outboxd_locks (
  outbox_table TEXT NOT NULL,
  name         TEXT NOT NULL,
  token        TEXT,
  fencing      INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (outbox_table, name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outboxd_jobs (
  outbox_table TEXT NOT NULL,
  name         TEXT NOT NULL,
  last_due     INTEGER,
  PRIMARY KEY (outbox_table, name)
) WITHOUT ROWID;
