-- Since when a key waits for a refused event: set by the first refusal, and kept by those that
-- follow. What was discarded is looked up by its event's id, and goes away in the order of its
-- numbers.

ALTER TABLE {schema}.outboxd_keys ADD COLUMN IF NOT EXISTS since timestamptz;

ALTER TABLE {schema}.outboxd_keys ALTER COLUMN since SET DEFAULT clock_timestamp();

CREATE INDEX IF NOT EXISTS outboxd_discarded_event
  ON {schema}.outboxd_discarded (outbox_table, event_id);

CREATE INDEX IF NOT EXISTS outboxd_discarded_number
  ON {schema}.outboxd_discarded (outbox_table, number);
