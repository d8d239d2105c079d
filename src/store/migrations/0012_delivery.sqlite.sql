-- Instances that share a relay have to hand over in the same way: one that sends in no transactions
-- is not fenced by the others.

ALTER TABLE outboxd_relays ADD COLUMN delivery TEXT NOT NULL DEFAULT 'idempotent';
