-- only: lookup indexes
-- `outbox.lookup-indexes: true`: what people look events up by. Keys may be longer than what an
-- index entry holds, hence their first 100 characters.

CREATE INDEX outboxd_event_id ON {schema}.{table} (event_id);

CREATE INDEX outboxd_key ON {schema}.{table} (event_key(100));

CREATE INDEX outboxd_aggregate ON {schema}.{table} (aggregate_id(100));
