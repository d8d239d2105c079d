-- Since when a key waits for a refused event: set by the first refusal, and kept by those that
-- follow. (A column that is added can have no such default here.) What was discarded is looked up
-- by its event's id.

ALTER TABLE outboxd_keys ADD COLUMN since INTEGER;

CREATE TRIGGER IF NOT EXISTS outboxd_keys_since AFTER INSERT ON outboxd_keys
WHEN new.since IS NULL
BEGIN
  UPDATE outboxd_keys
  SET since = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000
  WHERE rowid = new.rowid;
END;

CREATE INDEX IF NOT EXISTS outboxd_discarded_event ON outboxd_discarded (outbox_table, event_id);
