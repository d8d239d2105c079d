-- only: native
-- The outbox itself: everything but the types, the aggregate and the payload has a default. The
-- payload is longtext and not json, because MySQL's json writes it anew: the bytes go out as they
-- came in. open_state is 1 for a row that is not settled, 2 for a dead one, and NULL for the rest:
-- the index below begins with the few rows that have work to do, in the order of their ids, since
-- MariaDB has no partial index. bucket stands in it too, so that rows of another relay's slots are
-- passed over without being fetched. Both columns are computed by the database, and stored, because
-- an index over virtual columns has cost MariaDB more than one fault. (MariaDB takes no NOT NULL on
-- a generated column.)

CREATE TABLE IF NOT EXISTS {schema}.{table} (
  id              bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  event_id        char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT (uuid()),
  aggregate_type  varchar(255) NOT NULL,
  aggregate_id    text NOT NULL,
  event_key       text NULL,
  event_type      varchar(255) NOT NULL,
  payload         longtext NULL CHECK (json_valid(payload)),
  payload_bytes   longblob NULL,
  content_type    varchar(255) NULL,
  topic           varchar(255) NULL,
  headers         longtext NULL CHECK (json_valid(headers)),
  bucket          smallint GENERATED ALWAYS AS
                  (crc32(coalesce(event_key, aggregate_id)) & 255) STORED,
  status          varchar(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'PENDING'
                  CHECK (status IN ('PENDING', 'PROCESSING', 'PUBLISHED', 'FAILED', 'DEAD')),
  open_state      tinyint GENERATED ALWAYS AS
                  (CASE WHEN status IN ('PENDING', 'PROCESSING', 'FAILED') THEN 1
                        WHEN status = 'DEAD' THEN 2 END) STORED,
  retry_count     int NOT NULL DEFAULT 0,
  next_attempt_at datetime(6) NULL,
  locked_by       varchar(255) NULL,
  locked_at       datetime(6) NULL,
  created_at      datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  published_at    datetime(6) NULL,
  error_message   text NULL,
  KEY outboxd_open (open_state, id, bucket)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};
