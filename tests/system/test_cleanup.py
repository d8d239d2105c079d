# SPDX-License-Identifier: Apache-2.0
"""What was published long ago goes: by the command, by itself, and never anything else (D9, C2)."""
import json
import sqlite3

import psycopg2
import pytest

import document_tables
from databases import Database
from waiting import holds_for, wait_until

LOCK = "outbox_job:outboxd_cleanup"
OLD = "now() - interval '40 days'"


def insert_old(database, status, count, when=OLD):
    database.execute(
        "insert into outbox_events (aggregate_type, aggregate_id, event_type, payload, status, "
        f"created_at, published_at) select 'order', i::text, 'ORDER_PAID', '{{}}', %s, {when}, "
        f"case when %s = 'PUBLISHED' then {when} end from generate_series(1, %s) i",
        status, status, count)


def mixed_rows(database, published=25):
    """Old rows of every status, and young published ones; what has to be left."""
    for status in ("PENDING", "FAILED", "DEAD"):
        insert_old(database, status, 2)
    insert_old(database, "PUBLISHED", published)
    insert_old(database, "PUBLISHED", 3, "now() - interval '29 days'")
    return {"PENDING": 2, "FAILED": 2, "DEAD": 2, "PUBLISHED": 3}


def cleaned(outboxd, *words, **settings):
    return json.loads(outboxd.done("cleanup", "--output", "json", *words, **settings))


def hold_lock(database, seconds=60):
    database.execute(
        "insert into outboxd_locks (outbox_table, name, token, fencing, expires_at) values "
        "('outbox_events', %s, gen_random_uuid(), 1, clock_timestamp() + %s * interval '1 s') "
        "on conflict (outbox_table, name) do update set token = excluded.token, "
        "expires_at = excluded.expires_at", LOCK, seconds)


def free_lock(database):
    database.execute("update outboxd_locks set token = null where name = %s", LOCK)


def test_the_command_removes_old_published_rows_and_nothing_else(outboxd, database):
    outboxd.migrate()
    left = mixed_rows(database)
    planned = cleaned(outboxd, "--dry-run")
    assert planned["would_remove"] == 25 and planned["exact"] and planned["dry_run"]
    assert database.counts()["PUBLISHED"] == 28, "a dry run changes nothing"
    assert "25 rows would be removed" in outboxd.done("cleanup", "-n")
    done = cleaned(outboxd, cleanup__batch_size=10)
    assert done["removed"] == 25 and done["complete"] is True
    assert database.counts() == left
    assert "0 rows removed" in outboxd.done("cleanup")


def test_a_shorter_time_may_be_asked_for(outboxd, database):
    outboxd.migrate()
    mixed_rows(database)
    assert cleaned(outboxd, cleanup__retention_days="7")["removed"] == 28


def test_rows_that_somebody_holds_are_passed_over_and_not_waited_for(outboxd, database):
    outboxd.migrate()
    insert_old(database, "PUBLISHED", 10)
    holder = database.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("select id from outbox_events order by id limit 2 for update")
    assert cleaned(outboxd)["removed"] == 8
    holder.rollback()
    holder.close()
    assert cleaned(outboxd)["removed"] == 2


def test_two_owners_never_clean_at_once(outboxd, database, topic):
    outboxd.migrate()
    insert_old(database, "PUBLISHED", 10)
    hold_lock(database)
    refused = outboxd.run("cleanup")
    assert refused.returncode == 5 and "another instance" in refused.stderr
    relays = [outboxd.relay(cleanup__cleanup_interval="1s", relay__default_topic=topic)
              for _ in range(2)]
    for relay in relays:
        relay.wait_for_log("publisher started")
    holds_for(lambda: database.counts() == {"PUBLISHED": 10}, 2.5, "rows under the lock stay")
    free_lock(database)
    database.wait_for("select count(*) from outbox_events", 0)
    wait_until(lambda: any("cleaned up rows=10" in relay.log() for relay in relays), 10,
               lambda: "\n".join(relay.log() for relay in relays))
    assert sum("cleaned up rows=10" in relay.log() for relay in relays) == 1
    assert [relay.stop() for relay in relays] == [0, 0]


@pytest.mark.parametrize("command", ["relay", "run"])
def test_it_cleans_up_by_itself_while_it_relays(outboxd, database, topic, command):
    outboxd.migrate()
    mixed_rows(database, 2500)
    left = {"DEAD": 2, "PUBLISHED": 3 + 4}  # What was pending is published now.
    running = outboxd.start(command, cleanup__cleanup_interval="1s", relay__default_topic=topic,
                            cleanup__batch_size=100)
    running.wait_for_log("publisher started")
    database.wait_for("select count(*) from outbox_events where published_at < "
                      "now() - interval '30 days'", 0)
    database.wait_settled()
    assert database.counts() == left
    insert_old(database, "PUBLISHED", 5)
    database.wait_for("select count(*) from outbox_events where published_at < "
                      "now() - interval '30 days'", 0)
    assert running.stop() == 0


def test_it_does_not_where_it_is_switched_off_or_the_table_is_of_others(
        outboxd, database, topic):
    outboxd.migrate()
    insert_old(database, "PUBLISHED", 5)
    relay = outboxd.relay(cleanup__cleanup_interval="1s", cleanup__enabled="false",
                          relay__default_topic=topic)
    relay.wait_for_log("publisher started")
    holds_for(lambda: database.counts() == {"PUBLISHED": 5}, 2.5, "nothing goes")
    assert relay.stop() == 0
    database.execute("drop view outbox_events_pending; drop table outbox_events")
    database.execute(document_tables.TABLES["shop"])
    outboxd.migrate(outbox__preset="shop")
    rows = ("insert into outbox_events (aggregate_type, aggregate_id, event_type, payload, status, "
            "created_at) select 'order', i, 'A', '{}', 'PUBLISHED', now() - interval '40 days' "
            "from generate_series(1, 5) i")
    database.execute(rows)
    relay = outboxd.relay(cleanup__cleanup_interval="1s", outbox__preset="shop",
                          relay__default_topic=topic)
    relay.wait_for_log("publisher started")
    holds_for(lambda: database.counts() == {"PUBLISHED": 5}, 2.5, "nothing goes")
    assert relay.stop() == 0
    assert cleaned(outboxd, outbox__preset="shop")["removed"] == 5, "asked for it is done"
    database.execute(rows)
    relay = outboxd.relay(cleanup__cleanup_interval="1s", outbox__preset="shop",
                          cleanup__retention_days="30", relay__default_topic=topic)
    database.wait_for("select count(*) from outbox_events", 0)
    assert relay.stop() == 0


def test_the_tables_of_the_documents_are_cleaned_by_their_own_words_and_days(outboxd, database):
    for preset, word, days in (("trading", "published", 7), ("framework", "PROCESSED", 30)):
        database.execute("drop table if exists outbox_events")
        database.execute(document_tables.TABLES[preset])
        outboxd.migrate(outbox__preset=preset)
        done_at = "processed_at" if preset == "framework" else "published_at"
        kind = ", id, aggregate_type" if preset == "trading" else ""
        values = ", i::text || %s, 'order'" if preset == "trading" else ""
        for status, age in ((word, days + 1), (word, days - 1), ("retry", 90)):
            if status == "retry" and preset == "framework":
                status = "FAILED"
            database.execute(
                f"insert into outbox_events (aggregate_id, event_type, event_data, status, "
                f"created_at, {done_at}{kind}) select i::text, 'A', '{{}}', %s, "
                f"now() - %s * interval '1 day', now() - %s * interval '1 day'{values} "
                "from generate_series(1, 4) i",
                status, age, age, *([f"-{status}-{age}"] if preset == "trading" else []))
        assert cleaned(outboxd, outbox__preset=preset)["removed"] == 4, preset
        assert database.value("select count(*) from outbox_events") == 8, preset


def test_killed_in_the_middle_it_has_moved_each_row_or_not(outboxd, database):
    outboxd.migrate(cleanup__archive_table="outbox_archive")
    insert_old(database, "PUBLISHED", 5000)
    before = database.value("select md5(string_agg(event_id::text, ',' order by id)) "
                            "from outbox_events")
    settings = {"cleanup__archive_table": "outbox_archive", "cleanup__batch_size": 7,
                "cleanup__batch_pause": "0"}
    for _ in range(3):
        moved = database.value("select count(*) from outbox_archive")
        running = outboxd.start("cleanup", **settings)
        wait_until(lambda: database.value("select count(*) from outbox_archive") > moved + 20, 20,
                   running.log)
        running.kill()
        database.wait_for("select count(*) from pg_stat_activity where application_name = "
                          "'outboxd cleanup' and datname = current_database()", 0)
        assert database.value("select count(*) from outbox_events join outbox_archive "
                              "using (id)") == 0
        assert database.value("select (select count(*) from outbox_events) + "
                              "(select count(*) from outbox_archive)") == 5000
        free_lock(database)  # Else its 30 s have to go by.
    outboxd.done("cleanup", **dict(settings, cleanup__batch_size=1000))
    assert database.counts() == {}
    assert database.value("select md5(string_agg(event_id::text, ',' order by id)) "
                          "from outbox_archive where archived_at is not null") == before


def test_what_cannot_be_done_is_refused_with_its_reason(outboxd, database):
    outboxd.migrate()
    insert_old(database, "PUBLISHED", 1)
    for settings, code, words in (
            ({"relay__settle": "delete"}, 3, "relay.settle is delete"),
            ({"cleanup__archive_table": "outbox_events"}, 3, "is the outbox itself"),
            ({"cleanup__archive_table": "a b"}, 3, "cleanup.archive-table"),
            ({"cleanup__archive_table": "nowhere"}, 4, "nowhere"),
            ({"cleanup__retention_days": "0"}, 3, "cleanup.retention-days"),
            ({"cleanup__batch_size": "0"}, 3, "cleanup.batch-size"),
            ({"cleanup__inbox_retention": "5m"}, 3, "cleanup.inbox-retention"),
            ({"cleanup__enabled": "perhaps"}, 3, "cleanup.enabled"),
            ({"outbox__partitions": "weekly"}, 3, "outbox.partitions"),
            ({"outbox__partitions": "daily", "outbox__preset": "shop"}, 3, "outbox.partitions"),
            ({"outbox__partitions": "daily", "database__url": "sqlite:///none.db"}, 3,
             "SQLite has no partitions")):
        refused = outboxd.run("cleanup", **settings)
        assert refused.returncode == code, (settings, refused.returncode, refused.stderr)
        assert words in refused.stderr, (settings, refused.stderr)
    assert database.counts() == {"PUBLISHED": 1}


def test_a_store_that_cannot_be_opened_ends_the_relay_with_its_reason(outboxd):
    refused = outboxd.run("relay", database__url="sqlite:///none.db", cleanup__enabled="true",
                          outbox__table="main.outbox_events")
    assert refused.returncode == 3, (refused.returncode, refused.stderr)
    assert "a SQLite file has none" in refused.stderr


def test_the_inbox_forgets_only_where_it_is_told_to(outboxd, database):
    outboxd.migrate()
    database.execute("insert into processed_events (consumer_name, event_id, processed_at) select "
                     "'stock', gen_random_uuid(), now() - i * interval '1 day' "
                     "from generate_series(1, 100) i")
    assert cleaned(outboxd)["inbox_removed"] == 0
    planned = cleaned(outboxd, "--dry-run", cleanup__inbox_retention="60d")
    assert planned["inbox_would_remove"] == 41
    assert cleaned(outboxd, cleanup__inbox_retention="60d",
                   cleanup__batch_size=3)["inbox_removed"] == 41
    assert database.value("select count(*) from processed_events") == 59


def test_every_shard_is_cleaned_and_one_that_is_away_stops_no_other(
        outboxd, services, database, unique):
    connection = psycopg2.connect(services.postgres)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create database {unique}")
    connection.close()
    other = Database(services.postgres.rpartition("/")[0] + "/" + unique)
    outboxd.environment["DATABASE_CONN"] = None
    path = outboxd.folder / "outboxd.yaml"
    path.write_text(f"shards:\n  eu: {{url: '{database.url}'}}\n  us: {{url: '{other.url}'}}\n")
    outboxd.migrate()
    insert_old(database, "PUBLISHED", 4)
    insert_old(other, "PUBLISHED", 6)
    assert cleaned(outboxd, "--shard", "us")["shards"] == [
        {"shard": "us", "complete": True, "removed": 6, "archive_table": None, "inbox_removed": 0,
         "partitions": {"created": [], "dropped": [], "kept": [], "hindered": [], "busy": False}}]
    insert_old(other, "PUBLISHED", 2)
    path.write_text("shards:\n  away: {url: 'postgresql://outboxd@127.0.0.1:1/none'}\n"
                    + path.read_text().partition("\n")[2])
    result = outboxd.run("cleanup", "--output", "json")
    assert result.returncode == 6, result.stderr
    shards = {shard["shard"]: shard for shard in json.loads(result.stdout)["shards"]}
    assert shards["eu"]["removed"] == 4 and shards["us"]["removed"] == 2
    assert "error" in shards["away"]
    other.connection.close()


def test_days_are_relayed_made_ahead_and_dropped(outboxd, database, topics, topic):
    printed = outboxd.migrate(outbox__partitions="daily")
    assert printed.count("made partition outbox_events_p") == 4
    insert_old(database, "PUBLISHED", 3, "'2001-01-01 12:00:00+00'::timestamptz")
    for day in (1, 2):
        database.execute(f"alter table outbox_events detach partition outbox_events_default; "
                         f"create table outbox_events_p2001020{day} partition of outbox_events "
                         f"for values from ('2001-02-0{day} 00:00+00') to "
                         f"('2001-02-0{day + 1} 00:00+00'); "
                         "alter table outbox_events attach partition outbox_events_default default")
        insert_old(database, "PUBLISHED", 5, f"'2001-02-0{day} 12:00:00+00'::timestamptz")
    insert_old(database, "DEAD", 1, "'2001-02-02 12:00:00+00'::timestamptz")
    relay = outboxd.relay(outbox__partitions="daily", cleanup__cleanup_interval="1s",
                          relay__default_topic=topic, cleanup__partitions_ahead=5)
    relay.wait_for_log("publisher started")
    database.insert([{"aggregate_type": "order", "aggregate_id": str(i % 3), "event_type": "A",
                      "payload": json.dumps({"n": i})} for i in range(300)])
    database.wait_settled()
    by_key = {}
    for message in topics.read(topic):
        by_key.setdefault(message.key, []).append(json.loads(message.text)["n"])
    assert sorted(sum(by_key.values(), [])) == list(range(300))
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    assert outboxd.status(outbox__partitions="daily")["backlog"]["pending"] == 0
    days = "select count(*) from pg_inherits where inhparent = 'outbox_events'::regclass"
    database.wait_for(days, 1 + 6 + 1)  # The default one, today and five ahead, the kept one.
    database.wait_for("select count(*) from outbox_events where created_at < '2001-03-01'", 1)
    assert database.counts() == {"PUBLISHED": 300, "DEAD": 1}
    assert relay.stop() == 0


def test_a_claim_from_ten_days_goes_by_their_indexes_in_the_order_of_ids(outboxd, database):
    outboxd.migrate(outbox__partitions="daily", cleanup__partitions_ahead=9)
    database.execute(
        "insert into outbox_events (aggregate_type, aggregate_id, event_type, payload, status, "
        "created_at, published_at) select 'order', i::text, 'A', '{}', 'PUBLISHED', "
        "now() + (i % 10) * interval '1 day', now() from generate_series(1, 50000) i")
    insert_old(database, "PENDING", 2000, "now() + mod(i, 10) * interval '1 day'")
    database.execute("analyze outbox_events")
    plan = "\n".join(line for line, in database.rows(
        "explain select * from outbox_events t where t.status in ('PENDING', 'PROCESSING', "
        "'FAILED') order by t.id limit 1000"))
    assert "Merge Append" in plan, plan
    assert plan.count("Index Scan using outbox_events_p") >= 10, plan
    assert "Seq Scan" not in plan and "Sort  " not in plan, plan


def test_an_outbox_with_rows_is_not_made_into_days(outboxd, database):
    outboxd.migrate()
    insert_old(database, "PUBLISHED", 1)
    refused = outboxd.run("migrate", outbox__partitions="daily")
    assert refused.returncode == 5, refused.stderr
    assert "docs/retention.md" in refused.stderr
    assert database.counts() == {"PUBLISHED": 1}


def test_on_sqlite_it_cleans_up_beside_the_relay(outboxd, topic):
    url = f"sqlite:///{outboxd.folder / 'outbox.db'}"
    outboxd.migrate(database__url=url, cleanup__archive_table="outbox_archive")
    connection = sqlite3.connect(outboxd.folder / "outbox.db", isolation_level=None, timeout=30)

    def insert(status, count, when):
        connection.executemany(
            "insert into outbox_events (aggregate_type, aggregate_id, event_type, payload, status, "
            f"created_at, published_at) values ('order', ?, 'A', '{{}}', '{status}', '{when}', "
            f"'{when}')", [(str(i),) for i in range(count)])
    insert("PUBLISHED", 500, "2001-01-01T00:00:00.000Z")
    insert("DEAD", 2, "2001-01-01T00:00:00.000Z")
    relay = outboxd.relay(database__url=url, cleanup__cleanup_interval="1s",
                          cleanup__archive_table="outbox_archive", relay__default_topic=topic)
    relay.wait_for_log("publisher started")
    insert("PENDING", 100, "2030-01-01T00:00:00.000Z")

    def counts(table):
        return dict(connection.execute(f"select status, count(*) from {table} group by status"))
    wait_until(lambda: counts("outbox_events") == {"PUBLISHED": 100, "DEAD": 2}, 20,
               lambda: f"{counts('outbox_events')}\n{relay.log()}")
    wait_until(lambda: counts("outbox_archive") == {"PUBLISHED": 500}, 20, relay.log)
    assert relay.stop() == 0
    connection.close()
