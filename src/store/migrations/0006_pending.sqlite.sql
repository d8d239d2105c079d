-- only: native
-- What is not settled yet, for people and programs that look (C8): select from it in the order of
-- id with a LIMIT, and the index over unsettled rows serves it whatever the table holds besides.

CREATE VIEW {name:_pending} AS
SELECT id, event_id, aggregate_type, aggregate_id, event_key, event_type, payload, topic, status,
       retry_count, next_attempt_at, created_at, error_message
FROM {table}
WHERE (status = 'PENDING' OR status = 'PROCESSING' OR status = 'FAILED');
