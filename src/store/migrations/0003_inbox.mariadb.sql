-- only: native
-- The consumers' side: a claim and the work it stands for are one transaction. Consumers in other
-- languages claim by INSERT IGNORE INTO processed_events (consumer_name, event_id) VALUES (?, ?):
-- one row affected, and the event is new; none, and it was done before. (There is no function for
-- it as on PostgreSQL: where the binary log is on, making one needs more than an owner's rights.)

CREATE TABLE IF NOT EXISTS {schema}.processed_events (
  consumer_name varchar(255) NOT NULL,
  event_id      char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  processed_at  datetime(6) NOT NULL DEFAULT (utc_timestamp(6)),
  PRIMARY KEY (consumer_name, event_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {collation};
