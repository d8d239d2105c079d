-- What relays share on one outbox; the same tables as on PostgreSQL. All times are the database's
-- own, in UTC. Each statement may run twice, because MariaDB commits at each of them: a migration
-- that was cut off is run again from its first. Texts compare by bytes, trailing blanks included:
-- {collation} is utf8mb4_nopad_bin, or utf8mb4_0900_bin on MySQL, which lacks the former.

CREATE TABLE IF NOT EXISTS {schema}.outboxd_meta (
  outbox_table varchar(64) NOT NULL,
  name         varchar(300) NOT NULL,
  value        varchar(255) NOT NULL,
  PRIMARY KEY (outbox_table, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

-- aggregate_types: a JSON array of texts.
CREATE TABLE IF NOT EXISTS {schema}.outboxd_relays (
  outbox_table    varchar(64) NOT NULL,
  relay_name      varchar(255) NOT NULL,
  aggregate_types longtext NOT NULL CHECK (json_valid(aggregate_types)),
  capture         varchar(16) NOT NULL,
  settle          varchar(16) NOT NULL,
  agreed_at       datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  PRIMARY KEY (outbox_table, relay_name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

CREATE TABLE IF NOT EXISTS {schema}.outboxd_members (
  outbox_table varchar(64) NOT NULL,
  relay_name   varchar(255) NOT NULL,
  member_name  varchar(255) NOT NULL,
  host         varchar(255) NOT NULL DEFAULT '',
  process_id   bigint NOT NULL DEFAULT 0,
  heartbeat_at datetime(6) NOT NULL,
  expires_at   datetime(6) NOT NULL,
  PRIMARY KEY (outbox_table, relay_name, member_name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

CREATE TABLE IF NOT EXISTS {schema}.outboxd_slots (
  outbox_table varchar(64) NOT NULL,
  relay_name   varchar(255) NOT NULL,
  slot         int NOT NULL,
  owner        varchar(255) NULL,
  epoch        bigint NOT NULL DEFAULT 0,
  token        char(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  expires_at   datetime(6) NULL,
  PRIMARY KEY (outbox_table, relay_name, slot)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

-- Keys with a refused event. A key may be longer than what an index entry holds, hence its hash.
CREATE TABLE IF NOT EXISTS {schema}.outboxd_keys (
  outbox_table  varchar(64) NOT NULL,
  relay_name    varchar(255) NOT NULL,
  key_hash      binary(32) NOT NULL,
  wire_key      longblob NOT NULL,
  topic         varchar(255) NOT NULL DEFAULT '',
  slot          int NOT NULL,
  attempts      int NOT NULL,
  blocked_until datetime(6) NOT NULL,
  head          varchar(255) NOT NULL,
  reason        text NOT NULL,
  PRIMARY KEY (outbox_table, relay_name, key_hash)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

INSERT IGNORE INTO {schema}.outboxd_meta (outbox_table, name, value)
VALUES ({outbox}, 'outbox_id', uuid()), ({outbox}, 'slots', '{slots}'),
       ({outbox}, 'generation', '1');
