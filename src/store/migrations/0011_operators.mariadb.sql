-- Since when a key waits for a refused event: set by the first refusal, and kept by those that
-- follow. What was discarded is looked up by its event's id. A payload of more than 1 MiB stands
-- beside row_json, in which it is null: as JSON it could be longer than max_allowed_packet, and no
-- expression yields more than that.

ALTER TABLE {schema}.outboxd_keys ADD COLUMN since datetime(6) NULL;

ALTER TABLE {schema}.outboxd_keys ALTER COLUMN since SET DEFAULT (utc_timestamp(6));

ALTER TABLE {schema}.outboxd_discarded ADD COLUMN large_payload longblob NULL;

CREATE INDEX outboxd_discarded_event ON {schema}.outboxd_discarded (outbox_table, event_id);
