# SPDX-License-Identifier: Apache-2.0
"""The admin API of `outboxd run` against PostgreSQL and Kafka: what it does, and for whom."""
import json
import signal
import ssl
import subprocess
import threading
import urllib.parse

import pytest
from admin_clients import OPERATOR, READER, TOKENS, AdminServer, Stream, trust_of
from waiting import wait_until


def row(topic, key, number=0, **columns):
    return dict({"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
                 "payload": json.dumps({"number": number}), "topic": topic}, **columns)


@pytest.fixture
def admin(outboxd):
    outboxd.migrate()
    return AdminServer(outboxd)


def kill_letters(database, admin, count, **columns):
    """Rows that no broker takes, dead at once."""
    database.insert(row("no topic", f"k{n}", n, **columns) for n in range(count))
    wait_until(lambda: database.counts().get("DEAD") == count, 30, lambda: database.counts())
    return [letter["id"] for letter in admin.api("/dead-letters")["items"]]


def test_who_is_on_this_machine_sees_all_of_it(admin, database, topic):
    database.insert(row(topic, f"k{n}", n) for n in range(10))
    database.wait_settled()
    status = admin.api("/status")
    store, = status["stores"]
    assert (store["name"], store["state"]) == ("global", "up")
    assert status["instance"]["pid"] == admin.running.pid
    assert status["broker"]["state"] == "up"
    assert admin.api("/me")["name"] == "local"
    events = admin.api("/events?limit=4")
    assert len(events["items"]) == 4 and events["next_cursor"]
    rest = admin.api("/events?limit=100&cursor=" + urllib.parse.quote(events["next_cursor"]))
    assert len(rest["items"]) == 6 and rest["next_cursor"] is None
    event = admin.api("/events/" + events["items"][0]["event_id"])
    assert event["state"] == "published" and event["payload"]["number"] == 9
    trace, = admin.api("/trace?q=" + event["event_id"])["events"]
    assert [entry["what"] for entry in trace["timeline"]][:2] == ["written", "published"]
    assert topic in {one["name"] for one in admin.api("/topics")["items"]}
    assert admin.api(f"/topics/{topic}")["messages"] == 10
    messages = admin.api(f"/topics/{topic}/messages?limit=5")["items"]
    assert len(messages) == 5 and messages[0]["headers"]["event_type"] == "ORDER_PAID"
    for path in ("/stores", "/relays", "/consumers", "/backlog?by=topic", "/blocked-keys", "/jobs",
                 "/pauses", "/audit", "/alerts", "/dead-letters/groups"):
        assert isinstance(admin.api(path)["items"], list), path
    assert admin.api("/doctor")["findings"]


def test_roles_decide_who_may_look_and_who_may_act(outboxd, database):
    outboxd.migrate()
    admin = AdminServer(outboxd, **TOKENS)
    wrongs = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {READER}"},
              {"Authorization": f"Bearer {READER[:-1]}"}]
    for path in ("/api/v1/status", "/metrics", "/api/v1/stream", "/api/v1/audit"):
        for headers in wrongs:
            answer = admin.get(path, headers=headers)
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), path
            assert answer.headers["Content-Type"] == "application/problem+json"
        assert admin.get(f"{path}?token={READER}").status == 401
    assert admin.get("/api/v1/status", token=READER).status == 200
    pause = {"kind": "topic", "name": "orders", "reason": "a test"}
    assert admin.post("/pauses", pause).status == 401
    assert admin.post("/pauses", pause, token=READER).status == 403
    assert admin.post("/pauses", pause, token=OPERATOR).status == 201
    assert admin.post("/pauses", pause, token=OPERATOR).status == 200
    for public in ("/livez", "/readyz", "/", "/openapi.json"):
        assert admin.get(public).status == 200, public
    entry = admin.get("/api/v1/audit", token=READER).json["items"][0]
    assert (entry["who"], entry["action"], entry["reason"]) == ("olga", "pause", "a test")
    gone = admin.ask("DELETE", "/api/v1/pauses/topic/orders", token=OPERATOR)
    assert (gone.status, gone.body) == (204, "")
    assert admin.ask("DELETE", "/api/v1/pauses/topic/orders", token=OPERATOR).status == 404
    log = admin.running.log()
    assert READER not in log and OPERATOR not in log


def test_a_browser_watches_by_a_ticket_that_is_good_for_once(outboxd):
    outboxd.migrate()
    admin = AdminServer(outboxd, **TOKENS)
    assert admin.post("/tickets", None).status == 401
    ticket = admin.post("/tickets", None, token=READER).json["ticket"]
    stream = Stream(admin, f"/api/v1/stream?ticket={ticket}")
    assert stream.answer.headers["Content-Type"] == "text/event-stream"
    names = {stream.next()[0] for _ in range(4)}
    assert names == {"status", "rates"}
    stream.close()
    assert admin.get(f"/api/v1/stream?ticket={ticket}").status == 401
    assert admin.get(f"/api/v1/status?ticket={ticket}").status in (400, 401)


def test_other_pages_and_other_names_are_turned_away_even_on_loopback(admin):
    own = f"127.0.0.1:{admin.port}"
    for host in ("evil.example", f"evil.example:{admin.port}", "10.0.0.1", ""):
        answer = admin.get("/api/v1/status", headers={"Host": host})
        assert answer.status == 403 and "admin.allowed-hosts" in answer.json["remedy"], host
    pause = {"kind": "topic", "name": "orders", "reason": "x"}
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        for method, path in (("GET", "/status"), ("POST", "/pauses")):
            answer = admin.ask(method, "/api/v1" + path, pause if method == "POST" else None,
                               headers={"Origin": origin})
            assert answer.status == 403 and "admin.allowed-origins" in answer.json["remedy"]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = admin.post("/pauses", json.dumps(pause), headers={"Content-Type": kind})
        assert answer.status == 415, kind
    assert admin.api("/pauses")["items"] == []
    assert admin.get("/api/v1/status", headers={"Origin": f"http://{own}"}).status == 200
    assert admin.get("/api/v1/status", headers={"Host": f"localhost:{admin.port}"}).status == 200


def test_tls_serves_https_alone(outboxd, tmp_path):
    outboxd.migrate()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    key, "-out", certificate], check=True, capture_output=True)
    admin = AdminServer(outboxd, trust=trust_of(certificate), admin__tls_certificate=certificate,
                        admin__tls_key=key)
    assert admin.url.scheme == "https"
    assert admin.api("/status")["stores"][0]["state"] == "up"
    stream = Stream(admin)
    assert stream.next()[0] == "status"
    stream.close()
    with pytest.raises(ssl.SSLError), admin.raw() as old:
        context = ssl._create_unverified_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.wrap_socket(old)


def test_dead_letters_are_grouped_mended_and_replayed(admin, database, topic):
    ids = kill_letters(database, admin, 6)
    group, = admin.api("/dead-letters/groups")["items"]
    assert group["letters"] == 6 and group["source"] == "relay"
    plan = admin.post("/dead-letters/replay", {"filter": {}, "dry_run": True, "reason": "try"})
    assert (plan.status, plan.json["would_replay"]) == (200, 6)
    edited = admin.ask("PATCH", f"/api/v1/dead-letters/{ids[0]}",
                       {"topic": topic, "merge_patch": {"mended": 1.10}, "reason": "a wrong topic"})
    assert edited.status == 200 and edited.json["state"] == "dead", edited
    job = admin.wait_for_job(admin.post("/dead-letters/replay", {"ids": [ids[0]], "reason": "ok"}))
    assert (job["state"], job["done"], job["failed"]) == ("done", 1, 0)
    wait_until(lambda: database.counts().get("PUBLISHED") == 1, 20, lambda: database.counts())
    payload = database.value("select payload::text from outbox_events where status='PUBLISHED'")
    assert json.loads(payload) == {"number": 0, "mended": 1.1}
    dropped = admin.wait_for_job(
        admin.post("/dead-letters/discard", {"ids": [ids[1]], "reason": "nobody wants it"}))
    assert dropped["done"] == 1
    assert admin.get(f"/api/v1/dead-letters/{ids[1]}").status == 404
    assert len(admin.api("/dead-letters")["items"]) == 4
    actions = [entry["action"] for entry in admin.api("/audit")["items"]]
    assert {"edit", "replay", "discard"} <= set(actions)


def test_two_operators_who_replay_the_same_send_each_letter_once(admin, database, topics, topic):
    kill_letters(database, admin, 200)
    edit = {"topic": topic}
    answers = []

    def replay():
        answers.append(admin.post("/dead-letters/replay",
                                  {"filter": {}, "edit": edit, "rate": 100000, "reason": "both"}))
    both = [threading.Thread(target=replay) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    jobs = [admin.wait_for_job(answer) for answer in answers]
    assert sum(job["done"] for job in jobs) == 200, jobs
    database.wait_settled()
    messages = topics.wait_for(topic, 200)
    assert len({message.row_id for message in messages}) == 200
    assert all(message.headers["replay"] for message in messages)


def test_a_paused_relay_publishes_nothing_until_it_is_resumed(admin, database, topic):
    pause = {"kind": "relay", "name": "default", "reason": "the brokers move"}
    assert admin.post("/pauses", pause).status == 201
    wait_until(lambda: admin.api("/relays")["items"][0]["paused"], 15, "it is paused")
    database.insert([row(topic, "k")])
    entry, = admin.api("/pauses")["items"]
    assert entry["reason"] == "the brokers move"
    assert admin.ask("DELETE", "/api/v1/pauses/relay/default").status == 204
    database.wait_settled()


def test_ready_says_why_not_and_live_depends_on_nobody(admin, services, database):
    assert admin.get("/readyz").body == "ready\n"
    lines = admin.get("/readyz?verbose").body.splitlines()
    assert lines == ["[+]store global ok", "[+]broker ok", "ready"]
    services.command("pause", "kafka")
    try:
        answer = wait_until(lambda: (lambda now: now if now.status == 503 else None)(
            admin.get("/readyz")), 60, "it says that it is not ready")
        assert "[-]broker failed: " in answer.body and "store" not in answer.body
        assert (admin.get("/livez").status, admin.get("/livez").body) == (200, "alive\n")
        assert admin.api("/status")["broker"]["state"] == "down"
    finally:
        services.command("resume", "kafka")
    wait_until(lambda: admin.get("/readyz").status == 200, 60, "it is ready again")


def test_an_address_that_is_taken_ends_the_start_where_it_was_set(outboxd, admin):
    taken = outboxd.run("run", admin__address=f"127.0.0.1:{admin.port}")
    assert taken.returncode == 5 and "admin.address" in taken.stderr
    refused = outboxd.run("run", admin__address="0.0.0.0:0")
    assert refused.returncode == 3 and "admin.operate-tokens" in refused.stderr


def test_it_is_off_where_it_is_switched_off_and_relay_opens_no_port(outboxd):
    outboxd.migrate()
    for command, settings in (("run", {"admin__enabled": "false"}), ("relay", {})):
        running = outboxd.start(command, **settings)
        assert running.member
        assert running.listening_sockets() == []
        assert running.stop() == 0
    served = AdminServer(outboxd, command="relay")
    assert served.api("/status")["instance"]["pid"] == served.running.pid


def test_a_stop_waits_for_no_dashboard(admin):
    stream = Stream(admin)
    assert stream.next()[0] == "status"
    admin.running.signal(signal.SIGTERM)
    assert admin.running.wait(10) == 0
    stream.close()
