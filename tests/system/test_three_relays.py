# SPDX-License-Identifier: Apache-2.0
"""Several relays on one table: leases shared, killed, paused (rows A5, D5; promises 1, 2 and 4)."""
import signal

import pytest
from topics import assert_order_per_key
from waiting import wait_until
from writers import Writers

TTL_SECONDS = 2


@pytest.fixture
def three_relays(outboxd):
    outboxd.migrate()
    return [start(outboxd) for _ in range(3)]


def start(outboxd, capture="lease"):
    return outboxd.relay(relay__lease_ttl=f"{TTL_SECONDS}s", relay__capture=capture)


def shares(outboxd):
    """Per cent of the 256 buckets by publisher ID, of those who live."""
    return {member["id"]: member["buckets_percent"] for member in outboxd.status()["members"]
            if member["live"]}


def wait_for_shares(outboxd, relays, seconds):
    """Until exactly these relays share all buckets out fairly, give or take a slot."""
    ids = {relay.member for relay in relays}
    fair = 100 / len(ids)
    low, high = fair - 100 / 32, fair + 100 / 32

    def look():
        found = shares(outboxd)
        return set(found) == ids and round(sum(found.values()), 6) == 100 and all(
            low <= share <= high for share in found.values())
    wait_until(look, seconds, lambda: f"fair shares: {shares(outboxd)} of {ids}")
    return shares(outboxd)


def assert_nothing_lost(database, topics, topic):
    """Every committed row is in the topic, no rolled-back one, and each key in its order."""
    messages = topics.read(topic)
    ids = {str(row[0]) for row in database.rows("select id from outbox_events")}
    assert {message.row_id for message in messages} == ids
    assert_order_per_key(messages)
    assert database.counts() == {"PUBLISHED": len(ids)}
    return messages


def test_three_relays_hold_a_third_each_within_two_ttl_and_each_sends_some(
        outboxd, database, topics, topic, three_relays):
    found = wait_for_shares(outboxd, three_relays, 2 * TTL_SECONDS)
    assert all(30 <= share <= 37 for share in found.values()), found
    database.execute("insert into outbox_events (aggregate_type, aggregate_id, event_type, payload,"
                     f" topic) select 'order', 'k' || i, 'ORDER_PAID', '{{}}', '{topic}' "
                     "from generate_series(1, 3000) i")
    database.wait_settled()
    for relay in three_relays:
        assert relay.stop() == 0
        sent = int(relay.wait_for_log(r"publisher stopped .* acknowledged=(\d+)").group(1))
        assert 700 < sent < 1400
    # Nobody was cut off, so nothing was sent twice.
    assert len(assert_nothing_lost(database, topics, topic)) == 3000


@pytest.mark.parametrize("capture", ["lease", "row"], ids=str)
def test_relays_killed_in_turn_under_load_lose_nothing_and_keep_the_order(
        outboxd, database, topics, topic, capture):
    outboxd.migrate()
    relays = [start(outboxd, capture) for _ in range(3)]
    wait_for_shares(outboxd, relays, 4 * TTL_SECONDS)
    with Writers(database, topic) as writers:
        for _ in range(3):
            before = writers.rows
            wait_until(lambda: writers.rows > before + 300, 20, "load")
            victim = relays.pop(0)
            victim.kill()
            wait_for_shares(outboxd, relays, 2 * TTL_SECONDS)
            relays.append(start(outboxd, capture))
            relays[-1].wait_for_log("slots acquired", 2 * TTL_SECONDS + 5)
    database.wait_settled(30)
    for relay in relays:
        assert relay.stop() == 0
    assert_nothing_lost(database, topics, topic)
    assert database.value("select count(*) from outboxd_keys") == 0


def test_a_relay_paused_past_its_lease_and_resumed_does_no_harm(
        outboxd, database, topics, topic, three_relays):
    wait_for_shares(outboxd, three_relays, 4 * TTL_SECONDS)
    paused = three_relays[0]
    with Writers(database, topic) as writers:
        wait_until(lambda: writers.rows > 300, 20, "load")
        paused.signal(signal.SIGSTOP)
        # The others take its buckets over only once the lease has ended by the database's clock.
        wait_until(lambda: sum(shares(outboxd).get(relay.member, 0) for relay in three_relays[1:])
                   == 100, 3 * TTL_SECONDS, "the others hold everything")
        before = writers.rows
        wait_until(lambda: writers.rows > before + 300, 20, "load")
        paused.signal(signal.SIGCONT)
        wait_for_shares(outboxd, three_relays, 4 * TTL_SECONDS)
        before = writers.rows
        wait_until(lambda: writers.rows > before + 300, 20, "load")
    database.wait_settled(30)
    paused.wait_for_log("slot lost")
    for relay in three_relays:
        assert relay.stop() == 0
    assert_nothing_lost(database, topics, topic)


def test_a_relay_that_joins_under_load_waits_for_slots_and_causes_no_duplicates(
        outboxd, database, topics, topic):
    outboxd.migrate()
    relays = [start(outboxd)]
    wait_for_shares(outboxd, relays, 2 * TTL_SECONDS)
    with Writers(database, topic) as writers:
        for _ in range(2):
            wait_until(lambda: writers.rows > 200, 20, "load")
            relays.append(start(outboxd))
            wait_for_shares(outboxd, relays, 2 * TTL_SECONDS + 2)
        relays.pop(0).stop()
        wait_for_shares(outboxd, relays, 2 * TTL_SECONDS)
    database.wait_settled(30)
    for relay in relays:
        assert relay.stop() == 0
    messages = assert_nothing_lost(database, topics, topic)
    assert len(messages) == database.value("select count(*) from outbox_events")


def test_relays_that_disagree_on_the_settle_mode_are_refused(outboxd, database, topic):
    outboxd.migrate()
    first = outboxd.relay()
    first.wait_for_log("slots acquired")
    second = outboxd.relay(relay__settle="delete")
    assert second.wait(15) == 5
    assert "settle" in second.log()
    assert first.stop() == 0


@pytest.mark.parametrize("capture", ["lease", "row"], ids=str)
def test_leases_taken_from_a_relay_that_lives_on_do_no_harm(
        outboxd, services, database, topics, topic, capture):
    """What a pause or a lost connection does, without leaving it to chance."""
    outboxd.migrate()
    relays = [start(outboxd, capture) for _ in range(2)]
    wait_for_shares(outboxd, relays, 4 * TTL_SECONDS)
    row = {"aggregate_type": "order", "event_type": "A", "payload": "{}", "topic": topic}
    rows = [dict(row, aggregate_id=f"k{number % 50}") for number in range(200)]
    database.insert(rows)
    database.wait_settled()
    services.command("pause", "kafka")
    try:
        database.insert(rows)
        for relay in relays:
            relay.wait_for_log("topic held")  # So each has messages that nobody acknowledges.
        database.execute("update outboxd_slots set owner = null, token = null, expires_at = null "
                         "where owner = %s", relays[0].member)
        relays[0].wait_for_log("slot lost")
        wait_for_shares(outboxd, relays, 4 * TTL_SECONDS)
        database.insert(rows)
    finally:
        services.command("resume", "kafka")
    database.wait_settled(20)
    for relay in relays:
        assert relay.stop() == 0
    assert_nothing_lost(database, topics, topic)
