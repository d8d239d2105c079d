-- Named locks that end by themselves, and when recurring jobs were begun last. Times are the
-- database's own. A lock's row stays when it is free: its fencing number must never go back.

CREATE TABLE IF NOT EXISTS {schema}.outboxd_locks (
  outbox_table text NOT NULL,
  name         text NOT NULL,
  token        uuid,
  fencing      bigint NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (outbox_table, name)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

CREATE TABLE IF NOT EXISTS {schema}.outboxd_jobs (
  outbox_table text NOT NULL,
  name         text NOT NULL,
  last_due     timestamptz,
  PRIMARY KEY (outbox_table, name)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
