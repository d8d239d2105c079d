# SPDX-License-Identifier: Apache-2.0
"""Bad settings and bad surroundings: one clear line with the remedy, and an exit code."""
import json
import re

import pytest
from waiting import holds_for

SECRET = "geheim-4711"


def last_line(result):
    lines = result.stderr.strip().splitlines()
    return lines[-1] if lines else ""


def assert_refused(result, code, *words):
    """One line that begins with the program's name, says all the words, and is the last one."""
    assert result.returncode == code, result.stderr
    line = last_line(result)
    assert line.startswith("outboxd: ") and result.stderr.count("outboxd: ") == 1, result.stderr
    for word in words:
        assert word in line, (word, line)


SETTINGS = [
    ("a duration without a unit that is known", {"relay__polling_interval": "5x"}, 3,
     ["relay.polling-interval", "'5x'", "1ms to 1h"]),
    ("a lease TTL below a second", {"relay__lease_ttl": "500ms"}, 3, ["relay.lease-ttl", "1s"]),
    ("a lock timeout below a second", {"relay__lock_timeout": "0.5"}, 3, ["relay.lock-timeout"]),
    ("a batch of none", {"relay__batch_size": "0"}, 3, ["relay.batch-size", "1 to 10000"]),
    ("transactions beside others' publishers",
     {"relay__delivery": "transactional", "relay__capture": "row"}, 3,
     ["relay.delivery", "relay.capture", "lease"]),
    ("a preset that does not exist", {"outbox__preset": "shopp"}, 3, ["outbox.preset", "shop"]),
    ("a topic name with a blank", {"relay__default_topic": "a b"}, 3, ["relay.default-topic"]),
    ("a table name that is no SQL name", {"outbox__table": 'x"; drop table y'}, 3,
     ["outbox.table"]),
    ("an unknown flag", {"relay__batchsize": "1"}, 2, ["--relay.batchsize", "--relay.batch-size"]),
    ("acks by hand", {"kafka__properties__acks": "1"}, 3, ["kafka.properties.acks", "refused"]),
    ("a message timeout", {"kafka__properties__message.timeout.ms": "1000"}, 3,
     ["message.timeout.ms", "refused", "lose order"]),
    ("a plugin", {"kafka__properties__plugin.library.paths": "/x.so"}, 3,
     ["plugin.library.paths", "refused", "load code"]),
    ("a mock for the brokers", {"kafka__properties__test.mock.num.brokers": "1"}, 3,
     ["test.mock.num.brokers", "refused"]),
    ("verification switched off",
     {"kafka__properties__enable.ssl.certificate.verification": "false"}, 3,
     ["enable.ssl.certificate.verification", "refused", "kafka.ssl-ca"]),
    ("a property nobody knows", {"kafka__properties__linger.mss": "1"}, 3, ["linger.mss"]),
]


@pytest.mark.parametrize("settings, code, words", [case[1:] for case in SETTINGS],
                         ids=[case[0].replace(" ", "_") for case in SETTINGS])
def test_a_bad_setting_is_named_with_its_remedy(outboxd, settings, code, words):
    assert_refused(outboxd.run("relay", **settings), code, *words)


YAML = [
    ("an unknown key", "relay:\n  batch-size: 10\n  poling-interval: 5s\n",
     [":3:", "relay.poling-interval", "relay.polling-interval"]),
    ("a key that stands twice", "relay:\n  batch-size: 10\n  batch-size: 20\n", [":3:", "twice"]),
    ("no YAML", "relay:\n  batch-size: [\n", ["not YAML"]),
    ("a bad value", "log:\n  level: loud\n", [":2", "log.level", "loud"]),
    ("two relays that take the same type", "relays:\n  one: {aggregate-types: [a, b]}\n"
     "  two: {aggregate-types: [b]}\n", ["'b'", "one", "two"]),
]


@pytest.mark.parametrize("text, words", [case[1:] for case in YAML],
                         ids=[case[0].replace(" ", "_") for case in YAML])
def test_a_bad_line_of_yaml_is_named_with_file_and_line(outboxd, text, words):
    (outboxd.folder / "settings.yaml").write_text(text)
    assert_refused(outboxd.run("relay", config="settings.yaml"), 3, "settings.yaml", *words)


def test_a_bad_environment_variable_is_named_with_the_nearest_one(outboxd):
    result = outboxd.run("relay", environment={"OUTBOXD_RELAY_BATCHSIZE": "4"})
    assert_refused(result, 3, "OUTBOXD_RELAY_BATCHSIZE", "OUTBOXD_RELAY_BATCH_SIZE")


@pytest.mark.parametrize("missing", ["DATABASE_CONN", "KAFKA_BOOTSTRAP_SERVERS"])
def test_a_missing_address_is_named(outboxd, missing):
    assert_refused(outboxd.run("relay", environment={missing: None}), 3, missing)


@pytest.mark.parametrize("url", ["oracle://u@h/d", "nonsense", "postgresql://u@h:port/d",
                                 "http://localhost/x"], ids=str)
def test_a_database_url_that_is_none_ends_the_start_at_once(outboxd, url):
    result = outboxd.run("relay", environment={"DATABASE_CONN": url}, timeout=10)
    assert_refused(result, 3, "database.url")


def test_a_database_that_does_not_exist_ends_the_start_at_once(outboxd, services):
    url = services.postgres.rpartition("/")[0] + "/nothere"
    result = outboxd.run("relay", environment={"DATABASE_CONN": url}, timeout=10)
    assert_refused(result, 3, "nothere", "database.url")


def test_an_unreachable_database_is_tried_for_the_start_timeout(outboxd):
    url = f"postgresql://u:{SECRET}@127.0.0.1:1/x"
    relay = outboxd.start("relay", environment={"DATABASE_CONN": url}, start_timeout="1500ms")
    relay.wait_for_log("not there yet")
    holds_for(relay.alive, 0.5, "it gave up before the time was over")
    assert relay.wait(10) == 6
    assert "127.0.0.1" in relay.log() and "database.url" in relay.log()
    assert SECRET not in relay.log()


def test_an_unreachable_broker_is_tried_for_the_start_timeout(outboxd):
    outboxd.migrate()
    result = outboxd.run("relay", environment={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
                         start_timeout="1s", timeout=15)
    assert_refused(result, 6, "127.0.0.1:1", "KAFKA_BOOTSTRAP_SERVERS")


def test_the_start_timeout_is_kept_when_the_broker_does_not_answer(outboxd, services):
    outboxd.migrate()
    services.command("pause", "kafka")
    try:
        result = outboxd.run("relay", start_timeout="2s", timeout=4)
    finally:
        services.command("resume", "kafka")
    assert_refused(result, 6, "KAFKA_BOOTSTRAP_SERVERS")


def test_a_database_that_comes_back_within_the_start_timeout_is_taken(
        outboxd, services, database):
    outboxd.migrate()
    services.command("stop", "postgres")
    try:
        relay = outboxd.relay()
        relay.wait_for_log("not there yet")
    finally:
        services.command("up", "postgres")
    relay.wait_for_log("publisher started", 30)
    assert relay.stop() == 0


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"], ids=str)
def test_a_wrong_password_of_kafka_ends_the_start_at_once(outboxd, services, mechanism):
    outboxd.migrate()
    result = outboxd.run("relay", timeout=15, start_timeout="60s", environment={
        "KAFKA_BOOTSTRAP_SERVERS": services.kafka_sasl, "KAFKA_USER": "outboxd",
        "KAFKA_PASSWORD": SECRET, "KAFKA_SASL_MECHANISM": mechanism})
    assert_refused(result, 3, "KAFKA_PASSWORD")
    assert SECRET not in result.stderr + result.stdout


def test_a_missing_table_names_migrate_and_nothing_is_made(outboxd, database):
    assert_refused(outboxd.run("relay", timeout=10), 4, "outbox_events", "outboxd migrate")
    assert database.value("select count(*) from pg_tables where schemaname = 'public'") == 0


def test_a_missing_column_is_named(outboxd, database):
    outboxd.migrate()
    database.execute("alter table outbox_events drop column retry_count cascade")
    assert_refused(outboxd.run("relay", timeout=10), 4, "retry_count", "outbox_events")


def test_a_missing_column_of_a_preset_is_named_with_the_preset(outboxd, database):
    database.execute("create table outbox_events (id uuid primary key, aggregate_type text, "
                     "aggregate_id text, payload json, status text, retry_count int, "
                     "next_attempt_at timestamptz, locked_by text, locked_at timestamptz, "
                     "created_at timestamptz)")
    for command in ("migrate", "relay"):
        result = outboxd.run(command, outbox__preset="shop", timeout=10)
    assert_refused(result, 4, "event_type", "shop")


def test_a_missing_right_on_the_table_is_named(outboxd, database):
    outboxd.migrate()
    database.execute("drop role if exists reader; create role reader login")
    url = re.sub("//outboxd@", "//reader@", database.url)
    result = outboxd.run("relay", environment={"DATABASE_CONN": url}, timeout=15)
    assert result.returncode in (3, 4), result.stderr
    assert "permission denied" in last_line(result) and "grant" in last_line(result).lower()


def test_secrets_stand_in_no_output(outboxd, database, services):
    outboxd.migrate()
    secrets = {"DATABASE_CONN": database.url.replace("outboxd@", f"outboxd:{SECRET}@"),
               "KAFKA_USER": "outboxd", "KAFKA_PASSWORD": SECRET,
               "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_BOOTSTRAP_SERVERS": services.kafka_sasl}
    for words in (("check-config",), ("check-config", "--output", "json"), ("status",),
                  ("relay", "--log.level", "debug", "--kafka.properties.debug", "all")):
        result = outboxd.run(*words, environment=secrets)
        assert SECRET not in result.stdout + result.stderr, words
    masked = json.loads(outboxd.run("check-config", "-o", "json", environment=secrets).stdout)
    assert "***" in json.dumps(masked)


def test_credentials_in_clear_off_loopback_are_warned_of(outboxd):
    result = outboxd.run("check-config", environment={
        "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092", "KAFKA_USER": "u",
        "KAFKA_PASSWORD": SECRET})
    assert result.returncode == 0 and "clear" in result.stderr + result.stdout
