-- What operators do: pauses that every instance heeds, the log of who did what, rows that were
-- taken out of the outbox, what became of dead letters in topics, topics that a relay holds, and
-- rows that are to go out as replays. Names may be longer than what an index entry holds, hence
-- their hashes (sha256 of the name in UTF-8). Times are the database's own.

CREATE TABLE IF NOT EXISTS {schema}.outboxd_pauses (
  outbox_table text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('relay', 'topic', 'key', 'consumer')),
  name_hash    bytea NOT NULL,
  name         text NOT NULL,
  who          text NOT NULL,
  reason       text NOT NULL DEFAULT '',
  since        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (outbox_table, kind, name_hash)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

CREATE TABLE IF NOT EXISTS {schema}.outboxd_audit (
  outbox_table text NOT NULL,
  number       bigint GENERATED ALWAYS AS IDENTITY,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  who          text NOT NULL,
  action       text NOT NULL,
  target       text NOT NULL DEFAULT '',
  reason       text NOT NULL DEFAULT '',
  details      json,
  PRIMARY KEY (outbox_table, number)
);

-- row_json: the row as it stood, whatever columns its table has.
CREATE TABLE IF NOT EXISTS {schema}.outboxd_discarded (
  outbox_table text NOT NULL,
  row_id       text NOT NULL,
  number       bigint GENERATED ALWAYS AS IDENTITY,
  event_id     text,
  row_json     json NOT NULL,
  who          text NOT NULL,
  reason       text NOT NULL DEFAULT '',
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (outbox_table, row_id, number)
);

CREATE TABLE IF NOT EXISTS {schema}.outboxd_letter_marks (
  outbox_table     text NOT NULL,
  topic            text NOT NULL,
  partition_number integer NOT NULL,
  message_offset   bigint NOT NULL,
  state            text NOT NULL CHECK (state IN ('replaying', 'replayed', 'discarded')),
  who              text NOT NULL,
  reason           text NOT NULL DEFAULT '',
  at               timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (outbox_table, topic, partition_number, message_offset)
);

CREATE TABLE IF NOT EXISTS {schema}.outboxd_held_topics (
  outbox_table text NOT NULL,
  relay_name   text NOT NULL,
  member_name  text NOT NULL,
  topic_hash   bytea NOT NULL,
  topic        text NOT NULL,
  reason       text NOT NULL DEFAULT '',
  since        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (outbox_table, relay_name, member_name, topic_hash)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Almost always empty: a row stands here from its replay until it is settled.
CREATE TABLE IF NOT EXISTS {schema}.outboxd_replays (
  outbox_table text NOT NULL,
  row_id       text NOT NULL,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (outbox_table, row_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
