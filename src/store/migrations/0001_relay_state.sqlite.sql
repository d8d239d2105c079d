-- What relays share on one outbox; the same tables as on PostgreSQL. One process relays on a
-- file, so the clock is that process's own: times here are microseconds since 1970 UTC.

CREATE TABLE IF NOT EXISTS outboxd_meta (
  outbox_table TEXT NOT NULL,
  name         TEXT NOT NULL,
  value        TEXT NOT NULL,
  PRIMARY KEY (outbox_table, name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outboxd_relays (
  outbox_table    TEXT NOT NULL,
  relay_name      TEXT NOT NULL,
  aggregate_types TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(aggregate_types)),
  capture         TEXT NOT NULL,
  settle          TEXT NOT NULL,
  agreed_at       INTEGER NOT NULL,
  PRIMARY KEY (outbox_table, relay_name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outboxd_members (
  outbox_table TEXT NOT NULL,
  relay_name   TEXT NOT NULL,
  member_name  TEXT NOT NULL,
  host         TEXT NOT NULL DEFAULT '',
  process_id   INTEGER NOT NULL DEFAULT 0,
  heartbeat_at INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (outbox_table, relay_name, member_name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outboxd_slots (
  outbox_table TEXT NOT NULL,
  relay_name   TEXT NOT NULL,
  slot         INTEGER NOT NULL,
  owner        TEXT,
  epoch        INTEGER NOT NULL DEFAULT 0,
  token        TEXT,
  expires_at   INTEGER,
  PRIMARY KEY (outbox_table, relay_name, slot)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS outboxd_keys (
  outbox_table  TEXT NOT NULL,
  relay_name    TEXT NOT NULL,
  wire_key      TEXT NOT NULL,
  topic         TEXT NOT NULL DEFAULT '',
  slot          INTEGER NOT NULL,
  attempts      INTEGER NOT NULL,
  blocked_until INTEGER NOT NULL,
  head          TEXT NOT NULL,
  reason        TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (outbox_table, relay_name, wire_key)
);

INSERT OR IGNORE INTO outboxd_meta (outbox_table, name, value)
VALUES ({outbox}, 'outbox_id', lower(
          hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
          || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-'
          || hex(randomblob(6)))),
       ({outbox}, 'slots', '{slots}'), ({outbox}, 'generation', '1');
