# SPDX-License-Identifier: Apache-2.0
"""Verbs of the admin API on single things, beside test_admin_api.py: each is driven once."""
import json

import pytest
from admin_clients import AdminServer
from waiting import wait_until


@pytest.fixture
def admin(outboxd):
    outboxd.migrate()
    return AdminServer(outboxd)


def dead_events(database, count):
    """Rows that no broker takes, dead at once; their rows' ids, the oldest first."""
    database.insert({"aggregate_type": "order", "aggregate_id": f"k{number}",
                     "event_type": "ORDER_PAID", "payload": json.dumps({"n": number}),
                     "topic": "no topic"} for number in range(count))
    wait_until(lambda: database.counts().get("DEAD") == count, 30, lambda: database.counts())
    return [str(one[0]) for one in database.rows("select id from outbox_events order by id")]


def test_a_dead_event_is_retried_and_another_one_discarded(admin, database):
    first, second = dead_events(database, 2)
    discarded = admin.post(f"/events/{second}/discard", {"reason": "not needed"})
    assert discarded.status == 200, discarded
    assert database.value("select count(*) from outboxd_discarded") == 1
    admin.post("/pauses", {"kind": "relay", "name": "default", "reason": "to look at it"})
    retried = admin.post(f"/events/{first}/retry", {"reason": "mended"})
    assert retried.status == 200 and retried.json["row"] == first, retried
    again = admin.post(f"/events/{second}/retry", {"reason": "mended"})
    assert again.status == 404


def test_a_topic_tells_its_partitions_and_settings(admin, topic):
    # A leader that has just been chosen may not yet tell its offsets: 503, ask again.
    wait_until(lambda: admin.get(f"/api/v1/topics/{topic}").status == 200, 30,
               "the offsets of a topic made just now")
    shown = admin.api(f"/topics/{topic}")
    assert [one["partition"] for one in shown["partitions"]] == [0, 1, 2]
    assert "max.message.bytes" in shown["config"]
    assert admin.get("/api/v1/topics/none.of.that.name").status == 404


def test_a_clean_up_is_run_and_a_job_that_is_none_cannot_be_cancelled(admin):
    cleaned = admin.post("/cleanup", {"reason": "the disk is full"})
    assert cleaned.status in (200, 202), cleaned
    assert [one["action"] for one in admin.api("/audit")["items"][:2]] == ["cleaned-up", "cleanup"]
    assert admin.ask("DELETE", "/api/v1/jobs/none").status == 404
