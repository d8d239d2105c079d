# SPDX-License-Identifier: Apache-2.0
"""The admin server beside a database that hangs: it takes connections and answers nothing."""
import threading
import time

import pytest
from admin_clients import AdminServer
from waiting import wait_until

FROM_MEMORY = ("/metrics", "/api/v1/me", "/api/v1/alerts", "/api/v1/jobs", "/livez")


@pytest.fixture
def admin(outboxd):
    outboxd.migrate()
    return AdminServer(outboxd)


@pytest.fixture
def hung(admin, services):
    """What is asked of the database from now on waits; two requests do already."""
    assert admin.get("/readyz").status == 200
    services.command("pause", "postgres")
    clients = [threading.Thread(target=admin.get, args=("/api/v1/events?limit=1",)),
               threading.Thread(target=admin.get, args=("/api/v1/audit",)),
               threading.Thread(target=admin.get, args=("/api/v1/blocked-keys",))]
    try:
        for client in clients:
            client.start()
        wait_until(lambda: seconds_for(admin, "/api/v1/stores") > 1, 20, "the workers wait")
        yield admin
    finally:
        services.command("resume", "postgres")
        for client in clients:
            client.join()


def seconds_for(admin, path):
    begun = time.monotonic()
    admin.get(path)
    return time.monotonic() - begun


def test_what_needs_no_database_is_answered_at_once(hung):
    waiting = [threading.Thread(target=hung.get, args=("/api/v1/pauses",)) for _ in range(6)]
    for client in waiting:
        client.start()
    taken = {path: seconds_for(hung, path) for path in FROM_MEMORY}
    assert max(taken.values()) < 1, taken
    for client in waiting:
        client.join()


def test_readiness_is_told_from_the_last_look_with_its_age(hung):
    answers = []

    def not_ready():
        begun = time.monotonic()
        answers.append(hung.get("/readyz?verbose"))
        assert time.monotonic() - begun < 2.5
        return answers[-1].status == 503
    wait_until(not_ready, 30, "it is not ready")
    assert "[-]store global failed: " in answers[-1].body
    assert "[+]broker ok" in answers[-1].body


def test_a_change_that_was_given_up_says_whether_it_may_yet_happen(hung):
    answer = hung.post("/pauses", {"kind": "relay", "name": "default", "reason": "it hangs"})
    assert answer.status == 503, answer
    assert answer.json["outcome"] in ("unknown", "not_carried_out"), answer


def test_requests_under_way_are_answered_before_the_server_stops(hung):
    client = hung.connect()
    client.request("GET", "/api/v1/stores?store=global")
    # What came later is answered: the one before it was taken.
    assert hung.get("/livez").status == 200
    hung.running.signal(15)
    assert client.getresponse().status in (200, 503)
    client.close()
