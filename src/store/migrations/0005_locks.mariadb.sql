-- Named locks that end by themselves, and when recurring jobs were begun last; the same tables as
-- on PostgreSQL. Times are the database's own, in UTC. A lock's row stays when it is free: its
-- fencing number must never go back.

CREATE TABLE IF NOT EXISTS {schema}.outboxd_locks (
  outbox_table varchar(64) NOT NULL,
  name         varchar(512) NOT NULL,
  token        char(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
  fencing      bigint NOT NULL,
  expires_at   datetime(6) NOT NULL,
  PRIMARY KEY (outbox_table, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

CREATE TABLE IF NOT EXISTS {schema}.outboxd_jobs (
  outbox_table varchar(64) NOT NULL,
  name         varchar(512) NOT NULL,
  last_due     datetime(6) NULL,
  PRIMARY KEY (outbox_table, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};
