# SPDX-License-Identifier: Apache-2.0
"""outboxd consume: handlers declared in YAML, on real PostgreSQL and Kafka (issue 4, Deliver 2).

The configuration, the tables and the programs are those of docs/consuming.md.
"""
import collections
import http.server
import json
import sqlite3
import threading
import uuid

import psycopg2
import pytest

from documents import blocks
from waiting import wait_until

THIS = "test_consume_command"


class Endpoint(http.server.ThreadingHTTPServer):
    """An endpoint that answers as it is told, and remembers what it took."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.requests = []
        self.goes_on = threading.Event()  # Of an answer that hangs.
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def ids(self):
        """Of every event, in the order of their arrival."""
        found = []
        for _, body in self.requests:
            found += [one["event_id"] for one in (body if isinstance(body, list) else [body])]
        return found


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.status
        if status is None:
            self.server.goes_on.wait(60)
            return
        if status == 200:
            self.server.requests.append((self.headers.get("Idempotency-Key"), body))
        answer = b"" if status == 200 else b"no such index"
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = Endpoint()
    yield server
    server.goes_on.set()
    server.shutdown()
    server.server_close()


class Shop:
    """Topics, tables and events of one test; names of the page with the test's own prefix."""

    def __init__(self, outboxd, database, topics, unique):
        self.outboxd, self.database, self.topics, self.unique = outboxd, database, topics, unique
        outboxd.migrate()
        self.orders = topics.create(f"{unique}.order.events")
        self.stock = topics.create(f"{unique}.stock.events")
        self.dead = topics.create(f"{unique}.deadletter.events")
        outboxd.done("topics", "create", f"{unique}.late.retry")

    def configure(self, yaml):
        for word in ["order.events", "stock.events", "deadletter.events", "stock-consumer",
                     "mail-consumer", "search-consumer", "late.retry"]:
            yaml = yaml.replace(word, f"{self.unique}.{word}")
        (self.outboxd.folder / "outboxd.yaml").write_text(yaml)

    def publish(self, event_type, payload, key="1", topic=None, options=()):
        event_id = str(uuid.uuid4())
        self.outboxd.done("publish", "--aggregate-type", "order", "--aggregate-id", key,
                          "--event-type", event_type, "--payload",
                          payload if isinstance(payload, str) else json.dumps(payload),
                          "--topic", topic or self.orders, "--event-id", event_id, *options)
        return event_id

    def paid(self, order_id, *items):
        return self.publish("ORDER_PAID", {"order_id": order_id, "items": [
            {"product_id": product, "qty": qty} for product, qty in items]}, key=str(order_id))

    def stocks(self):
        return dict(self.database.rows("select id, stock from products order by id"))

    def wait_claimed(self, group, *event_ids, seconds=30):
        """Until the group has claimed these: the transactions of their work are committed."""
        self.database.wait_for(
            "select count(*) from processed_events where consumer_name = %s and event_id = "
            "any(%s::uuid[])", len(event_ids), seconds,
            (f"{self.unique}.{group}", list(event_ids)))

    def dead_letters(self, count):
        """As `dlq list` tells them, once there are so many."""
        found = []

        def look():
            output = self.outboxd.done("dlq", "list", "--dead-letter-topic", self.dead,
                                       "--settled-too", "--output", "json")
            found[:] = json.loads(output)["items"]
            return len(found) >= count
        wait_until(look, 30, lambda: f"{len(found)} dead letters, expected {count}")
        return found


@pytest.fixture
def shop(outboxd, database, topics, unique):
    return Shop(outboxd, database, topics, unique)


def with_dead_letters(yaml):
    """The page relies on the default; a test has a topic of its own."""
    handlers = "    handlers:\n"
    return yaml.replace(handlers, "    dead-letter-topic: deadletter.events\n" + handlers)


def test_the_page_s_consumers_do_what_the_page_says(shop, outboxd, database, endpoint):
    tables, = blocks("consuming.md", "sql", THIS)
    database.execute(tables)
    yaml, = blocks("consuming.md", "yaml", THIS)
    shop.configure(with_dead_letters(yaml).replace(":8085/", f":{endpoint.port}/"))
    mailer = blocks("consuming.md", "python", THIS)[0]
    (outboxd.folder / "send_mail.py").write_text(mailer)
    assert "consume.stock" in outboxd.done("check-config")

    relay = outboxd.relay()
    consumers = outboxd.start("consume")
    first = shop.paid(7, (1, 2), (2, 3))
    restocked = shop.publish("RESTOCKED", {"product_id": 2, "qty": 5}, topic=shop.stock)
    for group, ids in [("stock-consumer", [first, restocked]), ("mail-consumer", [first]),
                       ("search-consumer", [first, restocked])]:
        shop.wait_claimed(group, *ids)
    assert shop.stocks() == {1: 8, 2: 12}
    assert database.rows("select event_id::text, order_id, product_id, delta from stock_history "
                         "order by product_id") == [(first, 7, 1, -2), (first, 7, 2, -3)]
    assert (outboxd.folder / "mails.txt").read_text() == f"{first} ORDER_PAID 7\n"
    assert sorted(endpoint.ids()) == sorted([first, restocked])
    assert all(isinstance(body, list) for _, body in endpoint.requests)

    # Too little stock: all of the event is undone, and it is dead-lettered with the reason.
    short = shop.paid(8, (1, 3), (2, 99))
    letter, = shop.dead_letters(1)
    assert letter["event_id"] == short and letter["attempts"] == 3
    consumers.wait_for_log(rf"the handler failed for event {short} \(ORDER_PAID\), attempt 1 of 3")
    assert letter["consumer"].endswith("stock-consumer") and letter["key"] == "8"
    assert "touched 0 rows, expected at least 1, for payload.items[1]" in letter["error"]
    assert shop.stocks() == {1: 8, 2: 12}
    shop.wait_claimed("mail-consumer", short)

    # Its cause mended it is replayed: it takes effect once, and only where it had not.
    database.execute("update products set stock = 200 where id = 2")
    outboxd.done("dlq", "replay", letter["id"])
    again = outboxd.run("dlq", "replay", letter["id"])
    assert again.returncode == 5 and "0 replayed" in again.stderr
    shop.wait_claimed("stock-consumer", short)
    last = shop.paid(8, (1, 1))  # Of the same key, so behind the replay.
    shop.wait_claimed("stock-consumer", last)
    shop.wait_claimed("mail-consumer", last)
    assert shop.stocks() == {1: 4, 2: 101}
    mails = (outboxd.folder / "mails.txt").read_text().splitlines()
    assert [line.split()[0] for line in mails] == [first, short, last]
    assert consumers.stop() == 0 and relay.stop() == 0
    assert "consumer stopped" in consumers.log()


def test_the_page_s_python_takes_each_event_once(outboxd, database, database_url):
    outboxd.migrate()
    database.execute("create table points (customer int primary key, points int not null)")
    names = {}
    exec(blocks("consuming.md", "python", THIS)[1], names)
    connection = psycopg2.connect(database_url)
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    payload = {"user_id": 1, "total_amount": 30}
    assert [names["handle"](connection, event, payload) for event in [one, one, two, one]] == [
        True, False, True, False]
    with pytest.raises(KeyError):
        names["handle"](connection, str(uuid.uuid4()), {})
    connection.close()
    assert database.rows("select customer, points from points") == [(1, 60)]
    assert database.value("select count(*) from processed_events") == 2


OUTSIDE = """\
consume:
  calls:
    group-id: search-consumer
    topics: order.events
    dead-letter-topic: deadletter.events
    retry: {max-attempts: 2, backoff-initial: 50ms}
    handlers:
      - event-type: INDEX
        http: http://127.0.0.1:PORT/index
      - event-type: SLOW
        http: http://127.0.0.1:PORT/slow
        timeout: 200ms
      - event-type: RUN
        command: [sh, -c, 'cat > ran.txt; test ! -f broken || { echo it is broken; exit 3; }']
      - event-type: WAIT
        command: [sh, -c, 'test -f ready || exit 75; cat >> waited.txt']
      - event-type: HANG
        command: [sleep, '60']
        timeout: 200ms
      - event-type: LINES
        command: [sh, -c, 'cat >> lines.txt']
        batch: true
"""


def test_an_endpoint_gets_the_event_and_its_key_and_its_refusal_is_the_reason(
        shop, outboxd, endpoint):
    shop.configure(OUTSIDE.replace("PORT", str(endpoint.port)))
    relay = outboxd.relay()
    consumers = outboxd.start("consume")
    event = shop.publish("INDEX", '{"price": 1.10, "big": 12345678901234567890}')
    shop.wait_claimed("search-consumer", event)
    (key, body), = endpoint.requests
    assert key == event == body["event_id"]
    assert body["event_type"] == "INDEX" and body["aggregate_id"] == "1"
    assert body["payload"]["big"] == 12345678901234567890 and body["attempt"] == 1

    endpoint.status = 422
    refused = shop.publish("INDEX", "{}")
    letter, = shop.dead_letters(1)
    assert letter["event_id"] == refused and letter["attempts"] == 2
    assert "answered 422: no such index" in letter["error"]

    # One that took the event and does not answer fails it; the connection is not in the way.
    endpoint.status = None
    slow = shop.publish("SLOW", "{}")
    letters = {one["event_id"]: one["error"] for one in shop.dead_letters(2)}
    assert "timeout" in letters[slow].lower()

    # Somebody who is busy is waited for, and no attempt is counted.
    endpoint.status = 503
    waiting = shop.publish("INDEX", "{}")
    consumers.wait_for_log("answered 503")
    endpoint.status = 200
    shop.wait_claimed("search-consumer", waiting)
    assert len(shop.dead_letters(2)) == 2
    assert consumers.stop() == 0 and relay.stop() == 0


def test_an_endpoint_that_is_away_is_waited_for(shop, outboxd, endpoint):
    shop.configure(OUTSIDE.replace("PORT", str(endpoint.port)))
    endpoint.shutdown()
    endpoint.server_close()
    relay = outboxd.relay()
    consumers = outboxd.start("consume")
    event = shop.publish("INDEX", "{}")
    consumers.wait_for_log("(?i)couldn.t connect")
    successor = http.server.ThreadingHTTPServer(endpoint.server_address, Handler)
    successor.status, successor.requests = 200, []
    threading.Thread(target=successor.serve_forever, daemon=True).start()
    shop.wait_claimed("search-consumer", event)
    successor.shutdown()
    successor.server_close()
    assert consumers.stop() == 0 and relay.stop() == 0


def test_a_command_gets_the_event_and_its_exit_code_counts(shop, outboxd):
    shop.configure(OUTSIDE.replace("PORT", "1"))
    folder = outboxd.folder
    relay = outboxd.relay()
    consumers = outboxd.start("consume")
    event = shop.publish("RUN", '{"n":\n  1.10}')
    shop.wait_claimed("search-consumer", event)
    line = (folder / "ran.txt").read_text()
    assert json.loads(line)["event_id"] == event and '"payload":{"n":   1.10}' in line

    waiting = shop.publish("WAIT", "{}")
    consumers.wait_for_log("exited with 75")
    (folder / "ready").touch()
    shop.wait_claimed("search-consumer", waiting)
    (folder / "broken").touch()
    broken = shop.publish("RUN", "{}")
    hanging = shop.publish("HANG", "{}")
    letters = {one["event_id"]: one["error"] for one in shop.dead_letters(2)}
    assert "sh exited with 3: it is broken" in letters[broken]
    assert "sleep did not end within 200ms" in letters[hanging]

    ids = [shop.publish("LINES", json.dumps({"n": n})) for n in range(5)]
    shop.wait_claimed("search-consumer", *ids)
    lines = (folder / "lines.txt").read_text().splitlines()
    assert [json.loads(one)["event_id"] for one in lines] == ids
    assert consumers.stop() == 0 and relay.stop() == 0


HARD = """\
consume:
  hard:
    group-id: stock-consumer
    topics: order.events
    dead-letter-topic: deadletter.events
    unknown-events: dead-letter
    retry: {max-attempts: 1}
    handlers:
      - event-type: KEEP
        sql: >
          INSERT INTO kept VALUES (:event_id, :payload.price::numeric, :payload.name,
          :payload.note?, :payload.tags.1, :payload.deep, :payload.yes, ':literal', :key);
          UPDATE kept SET twice = true -- not :a parameter
"""


def test_values_come_as_they_are_and_bad_events_are_dead_lettered_with_the_reason(
        shop, outboxd, database):
    database.execute("create table kept (id uuid, price numeric, name text, note text, tag text, "
                     "deep json, yes boolean, word text, key text, twice boolean)")
    shop.configure(HARD)
    relay = outboxd.relay()
    consumers = outboxd.start("consume")
    payload = ('{"price": 1.10, "name": "\\u00e9\\"", "tags": ["a", "b"], '
               '"deep": {"a":  1e400}, "yes": true}')
    event = shop.publish("KEEP", payload)
    shop.wait_claimed("stock-consumer", event)
    assert database.rows("select id::text, price::text, name, note, tag, deep::text, yes, word, "
                         "key, twice from kept") == [
        (event, "1.10", 'é"', None, "b", '{"a":  1e400}', True, ":literal", "1", True)]

    missing = shop.publish("KEEP", '{"price": 1}')
    no_number = shop.publish("KEEP", payload.replace("1.10", '"dear"'))
    unknown = shop.publish("DROP", "{}")
    letters = {one["event_id"]: one["error"] for one in shop.dead_letters(3)}
    assert "the event has no payload.name" in letters[missing]
    assert "outboxd.yaml:" in letters[missing]
    assert "dear" in letters[no_number] and "DROP" in letters[unknown]
    assert database.value("select count(*) from kept") == 1
    assert consumers.stop() == 0 and relay.stop() == 0


def test_a_killed_consumer_s_successor_goes_on_and_nothing_takes_effect_twice(
        shop, outboxd, database):
    database.execute("create table totals (n int); insert into totals values (0)")
    shop.configure("""\
consume:
  totals:
    group-id: stock-consumer
    instance-id: one  # Its successor need not wait for Kafka to notice that it is gone.
    topics: order.events
    batch-size: 10
    workers: 2
    handlers:
      - event-type: ADD
        sql: UPDATE totals SET n = n + :payload.n
""")
    lines = "".join(json.dumps({"aggregate_type": "order", "aggregate_id": n % 7,
                                "event_type": "ADD", "payload": {"n": 1}, "topic": shop.orders})
                    + "\n" for n in range(500))
    outboxd.done("publish", stdin=lines)
    relay = outboxd.relay()
    for wanted in [50, 150, 300]:
        consumers = outboxd.start("consume")
        wait_until(lambda: database.value("select n from totals") >= wanted, 60,
                   lambda: consumers.log()[-2000:])
        consumers.kill()
    consumers = outboxd.start("consume")
    # The one before may have done all the work, and this one must be there before it is stopped.
    wait_until(lambda: "consumer started" in consumers.log(), 60, lambda: consumers.log()[-2000:])
    database.wait_for("select n from totals", 500, 60)
    assert database.value("select count(*) from processed_events") == 500
    assert consumers.stop() == 0 and relay.stop() == 0


WORDS = '''\
consume:
  words:
    group-id: stock-consumer
    topics: order.events
    inbox-key: aggregate-version
    dead-letter-topic: "{topic}-dlq"
    ordered: false
    delay-topic: late.retry
    retry: {max-attempts: 2, backoff-initial: 100ms, backoff-jitter: 0}
    handlers:
      - event-type: ONCE
        sql: UPDATE totals SET n = n + 1
      - event-type: NEVER
        sql: UPDATE totals SET n = n / 0
'''


def test_versions_as_claims_a_delay_and_a_dead_letter_topic_for_each_topic(
        shop, outboxd, database, topics):
    database.execute("create table totals (n int); insert into totals values (0)")
    dead = topics.create(shop.orders + "-dlq")
    shop.configure(WORDS)
    relay = outboxd.relay()
    consumers = outboxd.start("consume")
    version = ["--header", "event_version=7"]
    never = shop.publish("NEVER", "{}", options=version)
    # The same aggregate, type and version: one is the other's duplicate (E3).
    for _ in range(2):
        shop.publish("ONCE", "{}", options=version)
    database.wait_for("select n from totals", 1)
    message, = topics.wait_for(dead, 1)
    assert message.headers["event_id"] == never
    assert message.headers["dead_letter_topic"] == shop.orders
    assert message.headers["dead_letter_attempts"] == "2"
    assert len(topics.read(f"{shop.unique}.late.retry")) == 1
    assert consumers.stop() == 0 and relay.stop() == 0
    assert "duplicates=1" in consumers.log()


def test_run_relays_and_consumes_in_one_process_also_on_sqlite(shop, outboxd):
    environment = {"DATABASE_CONN": f"sqlite:///{outboxd.folder / 'shop.db'}"}
    outboxd.done("migrate", environment=environment)
    shop.configure('''\
consume:
  flags:
    group-id: stock-consumer
    topics: order.events
    handlers:
      - event-type: SET
        sql: INSERT INTO flags VALUES (:payload.name, :payload.on, :payload.n)
''')
    database = sqlite3.connect(outboxd.folder / "shop.db", timeout=30)
    database.execute("create table flags (name text, is_on integer, n numeric)")
    database.commit()
    running = outboxd.start("run", environment=environment)
    outboxd.done("publish", "--aggregate-type", "flag", "--aggregate-id", "1", "--event-type",
                 "SET", "--payload", '{"name": "a", "on": true, "n": 1.5}', "--topic",
                 shop.orders, environment=environment)
    wait_until(lambda: database.execute("select * from flags").fetchall() == [("a", 1, 1.5)], 30,
               running.log)
    assert database.execute("select count(*) from processed_events").fetchone() == (1,)
    database.close()
    assert running.stop() == 0


BAD = {
    "a_table_that_is_not_there": ("UPDATE nowhere SET n = :payload.n", 3, "nowhere"),
    "no_sql": ("UPDAT totals", 3, "did you mean 'update'"),
    "an_unknown_parameter": ("SELECT :payloat.n", 3, "did you mean 'payload'"),
    "the_end_of_the_transaction": ("SELECT 1; COMMIT", 3, "commit"),
}


@pytest.mark.parametrize("sql, code, word", BAD.values(), ids=BAD)
def test_bad_sql_ends_the_start_with_its_line(shop, outboxd, sql, code, word):
    shop.configure("consume:\n  a:\n    topics: order.events\n    handlers:\n"
                   f"      - event-type: X\n        sql: {sql}\n")
    done = outboxd.run("consume")
    assert done.returncode == code and "outboxd.yaml:6" in done.stderr and word in done.stderr


def test_a_start_that_cannot_be_says_why(shop, outboxd, database):
    assert outboxd.run("consume").returncode == 3
    shop.configure(OUTSIDE.replace("[sleep, '60']", "[no-such-program]"))
    done = outboxd.run("consume")
    assert done.returncode == 3 and "no-such-program" in done.stderr
    shop.configure(OUTSIDE)
    unknown = outboxd.run("consume", "--consumer", "call")
    assert unknown.returncode == 3 and "did you mean 'calls'" in unknown.stderr
    database.execute("drop table processed_events")
    lost = outboxd.run("consume", start_timeout="2s")
    assert lost.returncode == 4 and "outboxd migrate" in lost.stderr
