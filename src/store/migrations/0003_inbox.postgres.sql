-- only: native
-- The consumers' side: a claim and the work it stands for are one transaction.

CREATE TABLE IF NOT EXISTS {schema}.processed_events (
  consumer_name text NOT NULL,
  event_id      uuid NOT NULL,
  processed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (consumer_name, event_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
