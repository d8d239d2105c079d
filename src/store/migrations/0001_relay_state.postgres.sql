-- What relays share on one outbox. Every row names its outbox table, so that several tables of one
-- schema do not mix. All times are the database's own (clock_timestamp()).

CREATE TABLE IF NOT EXISTS {schema}.outboxd_meta (
  outbox_table text NOT NULL,
  name         text NOT NULL,
  value        text NOT NULL,
  PRIMARY KEY (outbox_table, name)
);

CREATE TABLE IF NOT EXISTS {schema}.outboxd_relays (
  outbox_table    text NOT NULL,
  relay_name      text NOT NULL,
  aggregate_types text[] NOT NULL DEFAULT '{}',
  capture         text NOT NULL,
  settle          text NOT NULL,
  agreed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (outbox_table, relay_name)
);

CREATE TABLE IF NOT EXISTS {schema}.outboxd_members (
  outbox_table text NOT NULL,
  relay_name   text NOT NULL,
  member_name  text NOT NULL,
  host         text NOT NULL DEFAULT '',
  process_id   bigint NOT NULL DEFAULT 0,
  heartbeat_at timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (outbox_table, relay_name, member_name)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- A handful of rows, changed all the time: room for HOT updates and an early vacuum keep it small.
CREATE TABLE IF NOT EXISTS {schema}.outboxd_slots (
  outbox_table text NOT NULL,
  relay_name   text NOT NULL,
  slot         integer NOT NULL,
  owner        text,
  epoch        bigint NOT NULL DEFAULT 0,
  token        uuid,
  expires_at   timestamptz,
  PRIMARY KEY (outbox_table, relay_name, slot)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Keys with a refused event. A key may be longer than what an index entry holds, hence its hash.
CREATE TABLE IF NOT EXISTS {schema}.outboxd_keys (
  outbox_table  text NOT NULL,
  relay_name    text NOT NULL,
  key_hash      bytea NOT NULL,
  wire_key      text NOT NULL,
  topic         text NOT NULL DEFAULT '',
  slot          integer NOT NULL,
  attempts      integer NOT NULL,
  blocked_until timestamptz NOT NULL,
  head          text NOT NULL,
  reason        text NOT NULL DEFAULT '',
  PRIMARY KEY (outbox_table, relay_name, key_hash)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

INSERT INTO {schema}.outboxd_meta (outbox_table, name, value)
VALUES ({outbox}, 'outbox_id', gen_random_uuid()::text), ({outbox}, 'slots', '{slots}'),
       ({outbox}, 'generation', '1')
ON CONFLICT DO NOTHING;
