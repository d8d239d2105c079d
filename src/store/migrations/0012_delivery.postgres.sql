-- Instances that share a relay have to hand over in the same way: one that sends in no transactions
-- is not fenced by the others.

ALTER TABLE {schema}.outboxd_relays
  ADD COLUMN IF NOT EXISTS delivery text NOT NULL DEFAULT 'idempotent';
