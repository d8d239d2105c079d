-- only: lookup indexes
-- `outbox.lookup-indexes: true`: what people look events up by. An index over the texts would
-- refuse long ones, so that their hashes stand in it, with the id, whose order a search follows.
-- Made without keeping writers waiting, each statement by itself. A partitioned table has no such
-- way.

CREATE INDEX {concurrently}IF NOT EXISTS {name:_event_id} ON {schema}.{table} (event_id);

CREATE INDEX {concurrently}IF NOT EXISTS {name:_key} ON {schema}.{table}
  (hashtextextended(coalesce(event_key, aggregate_id) COLLATE "C", 0), id);

CREATE INDEX {concurrently}IF NOT EXISTS {name:_aggregate} ON {schema}.{table}
  (hashtextextended(aggregate_id COLLATE "C", 0), id);
