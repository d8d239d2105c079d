-- only: native
-- The consumers' side: a claim and the work it stands for are one transaction.

CREATE TABLE IF NOT EXISTS processed_events (
  consumer_name TEXT NOT NULL,
  event_id      TEXT NOT NULL,
  processed_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  PRIMARY KEY (consumer_name, event_id)
) WITHOUT ROWID;
