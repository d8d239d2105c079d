-- only: lookup indexes
-- `outbox.lookup-indexes: true`: what people look events up by.

CREATE INDEX {name:_event_id} ON {table} (event_id);

CREATE INDEX {name:_key} ON {table} (coalesce(event_key, aggregate_id));

CREATE INDEX {name:_aggregate} ON {table} (aggregate_id);
