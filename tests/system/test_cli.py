# SPDX-License-Identifier: Apache-2.0
"""The commands as people and scripts use them (issue 3, part 8)."""
import json
import re
import subprocess

import pytest

ORDER = ["--aggregate-type", "order", "--aggregate-id", "42", "--event-type", "ORDER_PAID"]


def line(**fields):
    return json.dumps(dict({"aggregate_type": "order", "aggregate_id": "1", "event_type": "A"},
                           **fields)) + "\n"


def test_publish_inserts_one_event_with_all_that_it_says(outboxd, database, topics, topic):
    outboxd.migrate()
    event_id = "3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e"
    printed = outboxd.done("publish", *ORDER, "--payload", '{"order_id":  42}', "--key", "k",
                           "--topic", topic, "--header", "tenant=a", "--header",
                           "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                           "--event-id", event_id)
    assert printed.strip() == str(database.value("select id from outbox_events"))
    relay = outboxd.relay()
    database.wait_settled()
    assert relay.stop() == 0
    message, = topics.read(topic)
    assert (message.key, message.text) == (b"k", '{"order_id":  42}')
    assert message.headers["event_id"] == event_id and message.headers["tenant"] == "a"
    assert message.headers["aggregate_id"] == "42"
    assert message.headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_publish_takes_lines_of_json_and_keeps_numbers_as_they_are_written(
        outboxd, database, topics, topic):
    outboxd.migrate()
    payload = '{"a": 1.10, "b": 12345678901234567890, "c": 1e3, "d": "\\u00e9"}'
    text = (f'{{"aggregate_type": "order", "aggregate_id": 7, "event_type": "A", '
            f'"topic": "{topic}", "payload": {payload}}}\n\n'
            + line(topic=topic, payload=None) + line(topic=topic, payload="text", key="z"))
    done = outboxd.run("publish", "--output", "json", stdin=text)
    assert done.returncode == 0 and "3 events" in done.stderr
    ids = [json.loads(one)["id"] for one in done.stdout.splitlines()]
    assert ids == [str(row[0]) for row in database.rows("select id from outbox_events")]
    relay = outboxd.relay()
    database.wait_settled()
    assert relay.stop() == 0
    assert {message.key: message.text for message in topics.read(topic)} == {
        b"7": payload, b"1": None, b"z": '"text"'}


BAD_LINES = {
    "no_json": ("nope\n", "no JSON"),
    "no_object": ("[1]\n", "no JSON object"),
    "an_unknown_field": (line(colour="red"), "colour"),
    "a_missing_field": ('{"aggregate_type": "order", "event_type": "A"}\n', "aggregate_id"),
    "a_field_that_is_no_text": (line(topic={}), "no text"),
}


@pytest.mark.parametrize("bad, word", BAD_LINES.values(), ids=BAD_LINES)
def test_publish_names_a_bad_line_and_inserts_those_before_it(outboxd, database, bad, word):
    outboxd.migrate()
    done = outboxd.run("publish", stdin=line() + line() + bad + line())
    assert done.returncode == 2 and "line 3" in done.stderr and word in done.stderr
    assert database.value("select count(*) from outbox_events") == 2


def test_publish_asks_for_what_every_event_needs(outboxd, database):
    outboxd.migrate()
    done = outboxd.run("publish", "--aggregate-type", "order", "--event-type", "A")
    assert done.returncode == 2 and "--aggregate-id is missing" in done.stderr
    refused = outboxd.run("publish", *ORDER, "--payload", "{nope")
    assert refused.returncode != 0 and "outboxd: " in refused.stderr
    assert database.value("select count(*) from outbox_events") == 0


def test_topics_are_created_with_their_partitions_and_listed(outboxd, unique):
    created = outboxd.done("topics", "create", unique + ".a", unique + ".b", "--partitions", "5")
    assert unique + ".a" in created and "5 partitions" in created
    listed = json.loads(outboxd.done("topics", "list", unique + ".a", "--output", "json"))
    assert listed == [{"name": unique + ".a", "partitions": 5, "replication_factor": 1,
                       "max_message_bytes": 1048588}]
    assert unique + ".b" in outboxd.done("topics", "list")
    missing = outboxd.run("topics", "list", unique + ".c")
    assert missing.returncode == 4


def test_topics_that_are_there_already_are_left_alone(outboxd, unique):
    outboxd.done("topics", "create", unique, "--partitions", "2")
    again = outboxd.done("topics", "create", unique, unique + ".new")
    assert unique in again and "already" in again
    listed = json.loads(outboxd.done("topics", "list", unique, "--output", "json"))
    assert listed[0]["partitions"] == 2


def test_topics_that_no_cluster_takes_are_refused(outboxd, unique):
    many = outboxd.run("topics", "create", unique, "--replication-factor", "3")
    assert many.returncode == 1 and unique in many.stderr
    named = outboxd.run("topics", "create", "no topic")
    assert named.returncode != 0 and "no topic" in named.stderr


def test_migrations_are_shown_dry_run_and_applied_once(outboxd, database):
    assert "CREATE TABLE" in outboxd.done("migrate", "--dry-run")
    status = outboxd.done("migrate", "--status")
    count = len(status.splitlines())
    assert status.count("missing") == count >= 4
    assert database.value("select count(*) from pg_tables where schemaname = 'public'") == 0
    assert f"{count} applied" in outboxd.migrate()
    assert "nothing to do" in outboxd.migrate()
    assert outboxd.done("migrate", "--status").count("applied") == count
    database.execute("update outboxd_migrations set checksum = 'changed' where number = 2")
    guarded = outboxd.run("migrate")
    assert guarded.returncode == 5 and "checksum" in guarded.stderr


def test_status_tells_of_the_backlog_and_of_dead_letters_as_text_and_json(
        outboxd, database, topics, topic):
    outboxd.migrate()
    topics.limit(topic, 2000)
    database.insert([{"aggregate_type": kind, "aggregate_id": "k", "event_type": "A",
                      "payload": "{}", "topic": topic} for kind in ("order", "order", "stock")])
    backlog = outboxd.status()["backlog"]
    assert backlog["pending"] == 3 and backlog["exact"] is True and backlog["dead"] == 0
    assert backlog["pending_by_type"] == {"order": 2, "stock": 1}
    assert 0 <= backlog["oldest_pending_age_ms"] < 60000
    text = outboxd.done("status")
    assert re.search(r"pending\s+3\b", text) and re.search(r"order\s+2\b", text)
    database.insert([{"aggregate_type": "order", "aggregate_id": "k", "event_type": "A",
                      "payload": json.dumps("x" * 5000), "topic": topic}])
    relay = outboxd.relay()
    database.wait_settled()
    status = outboxd.status()
    assert status["backlog"]["dead"] == 1 and status["backlog"]["pending"] == 0
    member, = status["members"]
    assert member["id"] == relay.member and member["pid"] == relay.pid and member["live"]
    assert member["buckets"] == 256 and len(status["slots"]) == 32
    assert relay.stop() == 0


def test_check_config_shows_every_value_with_its_origin_and_masks_secrets(outboxd):
    (outboxd.folder / "outboxd.yaml").write_text(
        "relay:\n  batch-size: 10\n  lease-ttl: 7s\nkafka:\n  password: geheim\n  user: u\n")
    (outboxd.folder / ".env").write_text("OUTBOXD_RELAY_LEASE_TTL=8s\n")
    shown = json.loads(outboxd.done(
        "check-config", "--output", "json", "--relay.batch-size", "12",
        environment={"POLL_INTERVAL_SECONDS": "2", "OUTBOXD_OUTBOX_PRESET": "shop"}))
    settings = {one["name"]: one for one in shown["settings"]}
    expected = {"relay.batch-size": ("12", "flag"), "relay.lease-ttl": ("8s", ".env"),
                "relay.polling-interval": ("2s", "POLL_INTERVAL_SECONDS"),
                "relay.envelope": ("standard", "preset"), "kafka.user": ("u", "outboxd.yaml"),
                "log.level": ("info", "default")}
    for name, (value, origin) in expected.items():
        assert str(settings[name]["value"]) == value, settings[name]
        assert origin in settings[name]["origin"], settings[name]
    assert settings["kafka.password"]["value"] == "***"
    assert "geheim" not in json.dumps(shown)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"], ids=str)
def test_completion_is_printed_for_three_shells(outboxd, shell):
    assert "relay" in outboxd.done("completion", shell)


def test_bash_completes_commands_flags_and_values(outboxd, program):
    script = f"""
        source <({program} completion bash)
        complete_line() {{
          COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _outboxd; echo "${{COMPREPLY[*]}}"
        }}
        complete_line outboxd rel
        complete_line outboxd relay --relay.capt
        complete_line outboxd relay --relay.capture ''
        complete_line outboxd topics ''
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
    assert done.stdout.splitlines() == ["relay relays", "--relay.capture", "lease row",
                                       "apply create list"]
    assert done.stderr == ""


def test_versions_are_told_and_librdkafka_is_new_enough(outboxd):
    versions = json.loads(outboxd.done("version", "--output", "json"))
    assert set(versions) >= {"outboxd", "librdkafka", "libpq", "sqlite"}
    major, minor = (int(part) for part in versions["librdkafka"].split(".")[:2])
    assert (major, minor) >= (2, 8)
    assert versions["outboxd"] in outboxd.done("version")


def test_every_command_has_its_help_and_wrong_ones_name_the_nearest(outboxd):
    for command in ("run", "relay", "migrate", "publish", "topics", "status", "relays", "top",
                    "pause", "resume", "pauses", "audit-log", "doctor", "tail", "cleanup",
                    "gateway", "consume", "check-config", "version", "completion", "help"):
        assert f"Usage: outboxd {command}" in outboxd.done(command, "--help")
    wrong = outboxd.run("relya")
    assert wrong.returncode == 2 and "'relay'" in wrong.stderr
    assert "143" in outboxd.done("help", "exit-codes")


@pytest.mark.parametrize("form", ["text", "logfmt", "json"], ids=str)
def test_logs_have_the_form_that_is_asked_for(outboxd, database, topic, form):
    outboxd.migrate()
    relay = outboxd.relay(log__format=form)
    relay.wait_for_log("slots acquired")
    assert relay.stop() == 0
    for one in relay.log().splitlines():
        if form == "json":
            assert {"ts", "level", "msg"} <= set(json.loads(one)), one
        elif form == "logfmt":
            assert re.match(r'(\w+=("(\\.|[^"\\])*"|\S+) ?)+$', one), one
        else:
            assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) ", one), one


def test_a_relay_opens_no_port(outboxd, database, topic):
    outboxd.migrate()
    relay = outboxd.relay()
    relay.wait_for_log("slots acquired")
    assert relay.listening_sockets() == []
    assert relay.stop() == 0
