-- only: daily partitions
-- `outbox.partitions: daily`: the empty table that migration 0002 made, in partitions of one day
-- (UTC) by created_at, so that what is done goes by dropping a day. The primary key must name the
-- column then. p_rest takes the rows of days that have no partition yet: no insert ever fails for
-- the lack of one. `outboxd migrate` and the clean-up make the days.

ALTER TABLE {schema}.{table} DROP PRIMARY KEY, ADD PRIMARY KEY (id, created_at)
PARTITION BY RANGE COLUMNS (created_at) (PARTITION p_rest VALUES LESS THAN (MAXVALUE));
