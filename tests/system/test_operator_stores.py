# SPDX-License-Identifier: Apache-2.0
"""The operators' commands on SQLite, MariaDB and two shards (issue 6, part 5)."""
import json

import psycopg2
import pytest

from databases import Database
from mariadb_databases import MariadbDatabase
from programs import Outboxd
from sqlite_databases import SqliteDatabase


def row(key, number, topic):
    return {"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
            "payload": json.dumps({"n": number}), "topic": topic}


def shown(outboxd, *words):
    return json.loads(outboxd.done(*words, "--output", "json"))


@pytest.fixture(params=["sqlite", "mariadb"])
def other(request, services, program, tmp_path, unique):
    """The program on a database of another kind, and that database."""
    if request.param == "sqlite":
        url, database = f"sqlite:///{tmp_path}/outbox.db", None
    else:
        url = services.mariadb + unique
        server = MariadbDatabase(services.mariadb)
        server.execute(f"create database {unique}")
        server.connection.close()
    outboxd = Outboxd(program, tmp_path, url, services.kafka)
    outboxd.migrate()
    database = (SqliteDatabase(f"{tmp_path}/outbox.db") if request.param == "sqlite"
                else MariadbDatabase(url))
    yield outboxd, database
    database.connection.close()
    outboxd.end_all()


def test_dead_rows_are_found_edited_replayed_and_discarded_on_every_store(other):
    outboxd, database = other
    database.insert([row("a", number, "orders") for number in range(3)])
    database.execute("update outbox_events set status = 'DEAD', error_message = 'row 7 is bad'")
    assert [one["state"] for one in shown(outboxd, "events", "list")["items"]] == ["dead"] * 3
    group, = shown(outboxd, "dlq", "groups", "--source", "relay")["items"]
    assert group["letters"] == 3 and group["cause"] == "row … is bad"
    edited = shown(outboxd, "dlq", "edit", "row.global.1", "--payload", '{"n": 7}')
    assert edited["payload"] == {"n": 7}
    outboxd.done("dlq", "replay", "row.global.1")
    outboxd.done("events", "retry", "2")
    outboxd.done("dlq", "discard", "row.global.3", "--reason", "not needed")
    assert database.counts() == {"PENDING": 2}
    actions = {one["action"] for one in shown(outboxd, "audit-log")["items"]}
    assert {"edit", "replay", "discard"} <= actions


def test_pauses_status_and_doctor_work_on_every_store(other):
    outboxd, _ = other
    outboxd.done("pause", "topic", "orders", "--reason", "a test")
    pause, = shown(outboxd, "pauses")["items"]
    assert pause["name"] == "orders"
    assert shown(outboxd, "status")["stores"][0]["state"] == "up"
    assert shown(outboxd, "relays")["items"][0]["name"] == "default"
    outboxd.done("resume", "topic", "orders")
    assert json.loads(outboxd.run("doctor", "--output", "json").stdout)["findings"]


@pytest.fixture
def shards(services, program, tmp_path, unique):
    """The program on two databases, by name."""
    lines, databases = ["shards:\n"], {}
    server = psycopg2.connect(services.postgres)
    server.autocommit = True
    for name in ("eu", "us"):
        with server.cursor() as cursor:
            cursor.execute(f"create database {unique}_{name}")
        url = services.postgres.rpartition("/")[0] + f"/{unique}_{name}"
        databases[name] = Database(url)
        lines.append(f"  {name}: {{url: '{url}'}}\n")
    server.close()
    (tmp_path / "outboxd.yaml").write_text("".join(lines))
    outboxd = Outboxd(program, tmp_path, None, services.kafka)
    outboxd.migrate()
    yield outboxd, databases
    for database in databases.values():
        database.connection.close()


def test_commands_work_on_all_shards_or_on_the_one_that_is_named(shards):
    outboxd, databases = shards
    for database in databases.values():
        database.insert([row("a", 1, "orders")])
    everywhere = shown(outboxd, "events", "list")["items"]
    assert sorted(one["store"] for one in everywhere) == ["eu", "us"]
    one, = shown(outboxd, "events", "list", "--store", "eu")["items"]
    assert one["store"] == "eu"
    ambiguous = outboxd.run("events", "show", "1")
    assert ambiguous.returncode == 2 and "store" in ambiguous.stderr
    assert shown(outboxd, "events", "show", "1", "--shard", "us")["store"] == "us"
    outboxd.done("pause", "relay", "default", "--store", "eu")
    pause, = shown(outboxd, "pauses")["items"]
    assert pause["store"] == "eu"
    status = shown(outboxd, "status")
    assert [store["relays"][0]["paused"] for store in status["stores"]] == [True, False]
    assert len(shown(outboxd, "status", "--shard", "us")["stores"]) == 1
    assert outboxd.run("status", "--shard", "asia").returncode in (2, 4)
    text = outboxd.done("status")
    assert "shard eu" in text and "shard us" in text and "PAUSED" in text
