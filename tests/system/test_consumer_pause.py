# SPDX-License-Identifier: Apache-2.0
"""A consumer that an operator pauses, on real PostgreSQL and Kafka (issue 6, part 5)."""
import json

import psycopg2

from documents import blocks
from test_consume_command import THIS, endpoint, shop, with_dead_letters
from waiting import holds_for

__all__ = ["endpoint", "shop"]  # Fixtures.


def test_a_consumer_that_is_started_while_it_is_paused_takes_nothing_until_it_is_resumed(
        shop, outboxd, database, endpoint):
    tables, = blocks("consuming.md", "sql", THIS)
    database.execute(tables)
    yaml, = blocks("consuming.md", "yaml", THIS)
    shop.configure(with_dead_letters(yaml).replace(":8085/", f":{endpoint.port}/"))
    relay = outboxd.relay()
    group = f"{shop.unique}.stock-consumer"
    outboxd.done("pause", "consumer", group, "--reason", "stocktaking", "--by", "ana")
    before = shop.paid(7, (1, 2))
    # The pause cannot be read while the consumer starts: it waits for it, and begins nothing.
    lock = psycopg2.connect(database.url)
    lock.cursor().execute("lock table outboxd_pauses")
    consumers = outboxd.start("consume")
    holds_for(lambda: endpoint.requests == [] and claims(database, before) == 0, 3,
              "nothing is taken before the pauses could be read")
    lock.close()
    # Another group goes on.
    shop.wait_claimed("search-consumer", before)
    consumers.wait_for_log("consumer paused, its events wait")
    assert claims(database, before, group) == 0 and shop.stocks()[1] == 10
    status = json.loads(outboxd.run("status", "--output", "json").stdout)
    mine, = [one for one in status["consumers"] if one["group_id"] == group]
    assert mine["paused"] and mine["lag"] == 1 and len(mine["members"]) == 1

    outboxd.done("resume", "consumer", group, "--by", "ana")
    shop.wait_claimed("stock-consumer", before)
    # Paused under way: what is handled by then is committed, what follows waits.
    outboxd.done("pause", "consumer", group, "--reason", "again")
    consumers.wait_for_log("consumer paused, its events wait.*again")
    after = shop.paid(7, (1, 1))
    shop.wait_claimed("search-consumer", after)
    assert claims(database, after, group) == 0
    outboxd.done("resume", "consumer", group)
    shop.wait_claimed("stock-consumer", after)
    assert shop.stocks()[1] == 7
    assert consumers.stop() == 0 and relay.stop() == 0


def claims(database, event_id, group="%"):
    return database.value("select count(*) from processed_events where event_id = %s and "
                          "consumer_name like %s", event_id, group)
