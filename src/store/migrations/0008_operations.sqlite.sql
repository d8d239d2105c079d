-- What operators do; the same tables as on PostgreSQL, without the hashes, since an index entry may
-- be of any length here. Times are microseconds since 1970 UTC.

CREATE TABLE IF NOT EXISTS outboxd_pauses (
  outbox_table TEXT NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('relay', 'topic', 'key', 'consumer')),
  name         TEXT NOT NULL,
  who          TEXT NOT NULL,
  reason       TEXT NOT NULL DEFAULT '',
  since        INTEGER NOT NULL,
  PRIMARY KEY (outbox_table, kind, name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outboxd_audit (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  outbox_table TEXT NOT NULL,
  at           INTEGER NOT NULL,
  who          TEXT NOT NULL,
  action       TEXT NOT NULL,
  target       TEXT NOT NULL DEFAULT '',
  reason       TEXT NOT NULL DEFAULT '',
  details      TEXT CHECK (details IS NULL OR json_valid(details))
);

CREATE INDEX IF NOT EXISTS outboxd_audit_of ON outboxd_audit (outbox_table, number);

-- row_json: the row as it stood, whatever columns its table has.
CREATE TABLE IF NOT EXISTS outboxd_discarded (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  outbox_table TEXT NOT NULL,
  row_id       TEXT NOT NULL,
  event_id     TEXT,
  row_json     TEXT NOT NULL CHECK (json_valid(row_json)),
  who          TEXT NOT NULL,
  reason       TEXT NOT NULL DEFAULT '',
  at           INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS outboxd_discarded_of ON outboxd_discarded (outbox_table, row_id);

CREATE TABLE IF NOT EXISTS outboxd_letter_marks (
  outbox_table     TEXT NOT NULL,
  topic            TEXT NOT NULL,
  partition_number INTEGER NOT NULL,
  message_offset   INTEGER NOT NULL,
  state            TEXT NOT NULL CHECK (state IN ('replaying', 'replayed', 'discarded')),
  who              TEXT NOT NULL,
  reason           TEXT NOT NULL DEFAULT '',
  at               INTEGER NOT NULL,
  PRIMARY KEY (outbox_table, topic, partition_number, message_offset)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outboxd_held_topics (
  outbox_table TEXT NOT NULL,
  relay_name   TEXT NOT NULL,
  member_name  TEXT NOT NULL,
  topic        TEXT NOT NULL,
  reason       TEXT NOT NULL DEFAULT '',
  since        INTEGER NOT NULL,
  PRIMARY KEY (outbox_table, relay_name, member_name, topic)
) WITHOUT ROWID;

-- Almost always empty: a row stands here from its replay until it is settled.
CREATE TABLE IF NOT EXISTS outboxd_replays (
  outbox_table TEXT NOT NULL,
  row_id       TEXT NOT NULL,
  at           INTEGER NOT NULL,
  PRIMARY KEY (outbox_table, row_id)
) WITHOUT ROWID;
