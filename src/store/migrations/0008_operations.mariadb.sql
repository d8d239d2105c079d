-- What operators do; the same tables as on PostgreSQL. Names may be longer than what an index entry
-- holds, hence their hashes (SHA-256 of the name in UTF-8). Times are the database's own, in UTC.

CREATE TABLE IF NOT EXISTS {schema}.outboxd_pauses (
  outbox_table varchar(64) NOT NULL,
  kind         varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
               CHECK (kind IN ('relay', 'topic', 'key', 'consumer')),
  name_hash    binary(32) NOT NULL,
  name         text NOT NULL,
  who          varchar(255) NOT NULL,
  reason       text NOT NULL,
  since        datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  PRIMARY KEY (outbox_table, kind, name_hash)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

CREATE TABLE IF NOT EXISTS {schema}.outboxd_audit (
  number       bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  outbox_table varchar(64) NOT NULL,
  at           datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  who          varchar(255) NOT NULL,
  action       varchar(255) NOT NULL,
  target       text NOT NULL,
  reason       text NOT NULL,
  details      longtext NULL CHECK (json_valid(details)),
  KEY outboxd_audit_of (outbox_table, number)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

-- row_json: the row as it stood, whatever columns its table has.
CREATE TABLE IF NOT EXISTS {schema}.outboxd_discarded (
  number       bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  outbox_table varchar(64) NOT NULL,
  row_id       varchar(255) NOT NULL,
  event_id     varchar(255) NULL,
  row_json     longtext NOT NULL CHECK (json_valid(row_json)),
  who          varchar(255) NOT NULL,
  reason       text NOT NULL,
  at           datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  KEY outboxd_discarded_of (outbox_table, row_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

CREATE TABLE IF NOT EXISTS {schema}.outboxd_letter_marks (
  outbox_table     varchar(64) NOT NULL,
  topic            varchar(255) NOT NULL,
  partition_number int NOT NULL,
  message_offset   bigint NOT NULL,
  state            varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
                   CHECK (state IN ('replaying', 'replayed', 'discarded')),
  who              varchar(255) NOT NULL,
  reason           text NOT NULL,
  at               datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  PRIMARY KEY (outbox_table, topic, partition_number, message_offset)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

CREATE TABLE IF NOT EXISTS {schema}.outboxd_held_topics (
  outbox_table varchar(64) NOT NULL,
  relay_name   varchar(255) NOT NULL,
  member_name  varchar(255) NOT NULL,
  topic_hash   binary(32) NOT NULL,
  topic        text NOT NULL,
  reason       text NOT NULL,
  since        datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  PRIMARY KEY (outbox_table, relay_name, member_name, topic_hash)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};

-- Almost always empty: a row stands here from its replay until it is settled.
CREATE TABLE IF NOT EXISTS {schema}.outboxd_replays (
  outbox_table varchar(64) NOT NULL,
  row_id       varchar(255) NOT NULL,
  at           datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  PRIMARY KEY (outbox_table, row_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};
