-- only: native
-- The outbox itself: everything but the types, the aggregate and the payload has a default, so
-- that any client of SQLite can insert, the sqlite3 shell too. There is no bucket column therefore:
-- it would need a function that only our connections have; the relay computes the bucket as it
-- reads. AUTOINCREMENT, because a plain rowid is used again after its row was deleted. Times are
-- texts in ISO 8601 and UTC (any text that SQLite's date functions take will do). The CHECKs are
-- written with IS NULL, because json_valid(NULL) is 0 in SQLite 3.40.

CREATE TABLE {table} (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id        TEXT NOT NULL DEFAULT (lower(
                    hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
                    substr(hex(randomblob(2)), 2) || '-' ||
                    substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' ||
                    hex(randomblob(6)))),
  aggregate_type  TEXT NOT NULL,
  aggregate_id    TEXT NOT NULL,
  event_key       TEXT,
  event_type      TEXT NOT NULL,
  payload         TEXT CHECK (payload IS NULL OR json_valid(payload)),
  payload_bytes   BLOB,
  content_type    TEXT,
  topic           TEXT,
  headers         TEXT CHECK (headers IS NULL OR json_valid(headers)),
  status          TEXT NOT NULL DEFAULT 'PENDING'
                  CHECK (status = 'PENDING' OR status = 'PUBLISHED' OR status = 'PROCESSING' OR
                         status = 'FAILED' OR status = 'DEAD'),
  retry_count     INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TEXT,
  locked_by       TEXT,
  locked_at       TEXT,
  created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  published_at    TEXT,
  error_message   TEXT
);

-- The one index besides the primary key. Its words are literal in the relay's statements too: a
-- parameter would not prove the predicate. OR and not IN, here and in the CHECK: SQLite builds a
-- b-tree of a list of three or more for every row that is written, which made an UPDATE cost three
-- times as much.
CREATE INDEX {name:_unsettled} ON {table} (id)
  WHERE (status = 'PENDING' OR status = 'PROCESSING' OR status = 'FAILED');

-- Costs nothing for rows that never die; without it counting the dead would read the whole table.
CREATE INDEX {name:_dead} ON {table} (id) WHERE status = 'DEAD';
