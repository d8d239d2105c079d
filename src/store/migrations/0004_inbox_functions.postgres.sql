-- only: native
-- The inbox for consumers in any language. Called first in the transaction that does the event's
-- work: what is not claimed was done before, or is being done by another transaction that
-- committed meanwhile (a claim waits for it).

CREATE OR REPLACE FUNCTION {schema}.outbox_claim(consumer text, event_id uuid) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $function$
  WITH claimed AS (
    INSERT INTO {schema}.processed_events (consumer_name, event_id) VALUES ($1, $2)
    ON CONFLICT DO NOTHING RETURNING 1
  )
  SELECT EXISTS (SELECT FROM claimed)
$function$;

COMMENT ON FUNCTION {schema}.outbox_claim(text, uuid) IS
  'True: the event is new to this consumer and claimed by this transaction. False: skip it.';

-- In the order of the ids, so that two members of one group never wait for each other in a circle.
CREATE OR REPLACE FUNCTION {schema}.outbox_claim_events(consumer text, event_ids uuid[])
RETURNS SETOF uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $function$
  INSERT INTO {schema}.processed_events (consumer_name, event_id)
  SELECT $1, asked.id FROM (SELECT DISTINCT e.id FROM unnest($2) AS e(id)) AS asked
  ORDER BY asked.id
  ON CONFLICT DO NOTHING RETURNING event_id
$function$;

COMMENT ON FUNCTION {schema}.outbox_claim_events(text, uuid[]) IS
  'The events among these that are new to this consumer, claimed by this transaction.';
