-- Instances that share a relay have to hand over in the same way: one that sends in no transactions
-- is not fenced by the others.

ALTER TABLE {schema}.outboxd_relays
  ADD COLUMN delivery varchar(16) NOT NULL DEFAULT 'idempotent';
