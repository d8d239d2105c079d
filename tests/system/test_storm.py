# SPDX-License-Identifier: Apache-2.0
"""Everything at once, drawn from a seed: kills, stops, pauses, cut connections, refused events.

Set OUTBOXD_STORM_SEED and OUTBOXD_STORM_SECONDS for another storm or a longer one.
"""
import os
import random
import signal
import time

import pytest
from topics import assert_order_per_key
from writers import Writers

SEED = int(os.environ.get("OUTBOXD_STORM_SEED", "6"))
SECONDS = float(os.environ.get("OUTBOXD_STORM_SECONDS", "12"))
CUT = ("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
       "and application_name like 'outboxd%' and random() < 0.5")


class Storm:
    """Three relays, and what happens to them."""

    def __init__(self, outboxd, services, database, capture):
        self.outboxd = outboxd
        self.services = services
        self.database = database
        self.capture = capture
        self.random = random.Random(SEED)
        self.relays = [self.start() for _ in range(3)]

    def start(self):
        """Compressing, a relay cannot check sizes itself: the broker refuses what is too large."""
        return self.outboxd.relay(**{
            "relay__capture": self.capture, "relay__lease_ttl": "1s", "relay__max_attempts": "2",
            "relay__backoff_initial": "200ms", "kafka__properties__compression.type": "lz4",
            "relay__batch_size": self.random.choice([10, 100, 1000])})

    def blow(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pause(0.1, 1.0)
            victim = self.random.choice(self.relays)
            getattr(self, self.random.choice(["kill", "stop", "freeze", "broker", "cut"]))(victim)

    def pause(self, least, most):
        """A storm has a pace of its own: nothing is waited for."""
        time.sleep(self.random.uniform(least, most))

    def replace(self, victim):
        self.relays.remove(victim)
        self.relays.append(self.start())

    def kill(self, victim):
        victim.kill()
        self.replace(victim)

    def stop(self, victim):
        assert victim.stop() == 0
        self.replace(victim)

    def freeze(self, victim):
        victim.signal(signal.SIGSTOP)
        self.pause(0.1, 2.5)
        victim.signal(signal.SIGCONT)

    def broker(self, _):
        self.services.command("pause", "kafka")
        try:
            self.pause(0.1, 2.0)
        finally:
            self.services.command("resume", "kafka")

    def cut(self, _):
        self.database.rows(CUT)


class SomeTooLarge(Writers):
    """Now and then the second row of a transaction is larger than the topic takes."""

    def payload(self, turn):
        chunks = 300 if turn % 97 == 0 else 1
        return ("json_build_object('turn', {0}, 'pad', (select string_agg(md5(random()::text), '') "
                "from generate_series(1, case when i = 2 then {1} else 1 end)))"
                .format(turn, chunks))


@pytest.mark.parametrize("capture", ["lease", "row"], ids=str)
def test_in_a_storm_nothing_is_lost_and_each_key_keeps_its_order(
        outboxd, services, database, topics, topic, capture):
    outboxd.migrate()
    topics.limit(topic, 4000)
    storm = Storm(outboxd, services, database, capture)
    with SomeTooLarge(database, topic):
        storm.blow(SECONDS)
    database.wait_settled(60)
    for relay in storm.relays:
        assert relay.stop() == 0
    rows = dict(database.rows("select id::text, status from outbox_events"))
    published = {row for row, status in rows.items() if status == "PUBLISHED"}
    messages = topics.read(topic)
    # What was rolled back is in no message; what is dead stands in the table with its reason.
    assert {message.row_id for message in messages} == published
    assert len(published) > 1000 and 0 < len(rows) - len(published) < 1000
    assert_order_per_key(messages)
    assert database.value("select count(*) from outbox_events where status = 'DEAD' and "
                          "(error_message !~ 'max.message.bytes' or retry_count = 0)") == 0
    assert database.value("select count(*) from outboxd_keys") == 0
