# SPDX-License-Identifier: Apache-2.0
"""The shop under 100,000 events, on real servers: consumers killed, paused and joined by others,
messages sent twice; in the end everything is what the orders say (issue 4, Shows; E7, E8)."""
import json
import os
import pathlib
import signal
import subprocess
import time

import psycopg2
import pytest

import kafka_wire
from databases import Database
from programs import Outboxd
from shop_events import PRODUCTS, write_wave
from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONSUMERS = ["stock", "analytics", "cache", "flash-queue", "product-metrics"]
WAVES, ORDERS_PER_WAVE = 10, 2150
SCARCE = PRODUCTS + 1


class Shop:
    """One shop for all tests of this file: its topics have the names that the shop gives them."""

    def __init__(self, services, program, shop_program, folder):
        connection = psycopg2.connect(services.postgres)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"create database shop_{os.getpid()}")
        connection.close()
        url = services.postgres.rpartition("/")[0] + f"/shop_{os.getpid()}"
        self.outboxd = Outboxd(program, folder, url, services.kafka)
        self.shop = Outboxd(shop_program, folder, url, services.kafka)
        self.shop.environment["REDIS_URL"] = services.redis
        self.kafka = services.kafka
        self.outboxd.migrate()
        self.outboxd.done("topics", "apply", "--file", str(ROOT / "examples/shop/topics.yaml"))
        self.shop.done("seed", "--products", str(PRODUCTS), "--stock", "1000000")
        self.database = Database(url)
        self.members = {}

    def consume(self, name, member="first"):
        """The first one is a static member: it goes on where it was when it is killed and comes
        back. Others leave the group when they end; a static one would keep its partitions for
        Kafka's 45 s."""
        words = ["--instance", f"{name}-first"] if member == "first" else []
        self.members[name, member] = self.shop.start("consume", name, *words, "--output", "json")
        return self.members[name, member]

    def check(self, wait="120s"):
        done = self.shop.run("check", "--output", "json", "--wait", wait, timeout=300)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(done.stdout)

    def assert_consistent(self, wait="120s"):
        code, report = self.check(wait)
        assert report["differences"] == {} and report["consistent"] and code == 0
        return report

    def copy_into_itself(self, topic):
        """All messages once more, without headers: the standard envelope says which they are."""
        # Read whole before it is written, or it would be copied for ever.
        reading = subprocess.run(
            ["kcat", "-C", "-q", "-e", "-b", self.kafka, "-t", topic, "-o", "beginning",
             "-f", "%k\t%s\n"], stdout=subprocess.PIPE, check=True, timeout=120)
        subprocess.run(["kcat", "-P", "-b", self.kafka, "-t", topic, "-K", "\t",
                        "-X", "topic.partitioner=murmur2_random"],
                       input=reading.stdout, check=True, timeout=120)

    def send_again(self, topic):
        """Every third row once more, by the relay, headers and all."""
        self.database.execute("update outbox_events set status = 'PENDING', published_at = null "
                              "where status = 'PUBLISHED' and topic = %s and id %% 3 = 0", topic)

    def end(self):
        self.outboxd.end_all()
        self.shop.end_all()
        self.database.connection.close()


def raise_a_storm(shop):
    relay = shop.outboxd.relay(relay__envelope="standard")
    for name in CONSUMERS:
        shop.consume(name)
    for wave in range(WAVES):
        write_wave(shop.database, 1 + wave * ORDERS_PER_WAVE, ORDERS_PER_WAVE)
        victim = CONSUMERS[wave % len(CONSUMERS)]
        shop.members[victim, "first"].kill()
        shop.consume(victim)
        paused = shop.members[CONSUMERS[(wave + 2) % len(CONSUMERS)], "first"]
        paused.signal(signal.SIGSTOP)
        second = CONSUMERS[(wave + 1) % len(CONSUMERS)]
        if (second, "second") in shop.members:
            shop.members.pop((second, "second")).signal(signal.SIGTERM)
        else:
            shop.consume(second, "second")
        if wave == WAVES // 2:  # Half of all that will be, however slow the machine is.
            shop.database.wait_for(
                "select count(*) from outbox_events where status <> 'PUBLISHED'", 0, 120)
            for topic in ("order.events", "stock.events", "flashsale.events", "product.events"):
                shop.copy_into_itself(topic)
            shop.send_again("order-events")
            shop.send_again("catalog-events")
        time.sleep(1)  # The pause itself: it has to last.
        paused.signal(signal.SIGCONT)
    assert relay.alive()


@pytest.fixture(scope="module")
def shop(services, program, shop_program, tmp_path_factory):
    made = Shop(services, program, shop_program, tmp_path_factory.mktemp("shop"))
    try:
        raise_a_storm(made)
        yield made
    finally:
        made.end()


def test_after_the_storm_every_aggregate_is_what_the_orders_say(shop):
    report = shop.assert_consistent()
    assert report["events"] >= 100_000 and report["orders"] == WAVES * ORDERS_PER_WAVE
    assert report["sent_twice"] > 20_000
    assert report["refused"] == []
    for one in report["consumers"]:
        # Five groups, each of which got everything; the inbox counts distinct events.
        assert one["handled"] == one["expected"] == one["inbox"] > 0
        assert 0 < one["fresh_p50_ms"] <= one["fresh_p99_ms"]


def test_the_check_finds_what_is_wrong(shop):
    shop.assert_consistent()
    shop.database.execute("update daily_sales set total_orders = total_orders + 1 "
                          "where date = '2026-11-03'")
    code, report = shop.check("0s")
    assert code == 1 and list(report["differences"]) == ["daily_sales"]
    line, = report["differences"]["daily_sales"]["first"]
    assert line.startswith("2026-11-03: total_orders is ")
    shop.database.execute("update daily_sales set total_orders = total_orders - 1 "
                          "where date = '2026-11-03'")


def write_scarce_order(shop, order_id):
    told = {"order_id": order_id, "user_id": 7, "total_amount": 500, "date": "2026-11-05",
            "items": [{"product_id": SCARCE, "qty": 5, "price": 100}]}
    lines = {"orderId": order_id, "userId": 7, "totalAmount": 500,
             "items": [{"productId": SCARCE, "quantity": 5, "price": 100}]}
    with shop.database.connect(autocommit=False) as connection:
        with connection.cursor() as cursor:
            cursor.execute("insert into orders (id, user_id, status, total_amount, paid_on) values "
                           "(%s, 7, 'PAID', 500, '2026-11-05')", (order_id,))
            cursor.execute("insert into order_items values (%s, %s, 5, 100)", (order_id, SCARCE))
            for kind, topic, payload, headers in (
                    ("ORDER_CREATED", "order.events", told, None),
                    ("ORDER_PAID", "order.events", told, None),
                    ("OrderCreatedEvent", "order-events", lines, '{"event_version":"1"}')):
                cursor.execute("insert into outbox_events (aggregate_type, aggregate_id, "
                               "event_type, topic, payload, headers) values ('order', %s, %s, %s, "
                               "%s, %s)", (str(order_id), kind, topic, json.dumps(payload),
                                           headers))
    connection.close()


def test_a_dead_letter_whose_cause_is_mended_is_replayed_and_takes_effect_once(shop):
    shop.assert_consistent()
    shop.database.execute("insert into products (id, name, price, stock, is_sold_out) "
                          "values (%s, 'Scarce', 100, 0, true)", SCARCE)
    shop.database.execute("insert into outbox_events (aggregate_type, aggregate_id, event_type, "
                          "topic, payload) values ('product', %s, 'PRODUCT_UPDATED', "
                          "'product.events', %s)", str(SCARCE), json.dumps({"product_id": SCARCE}))
    order_id = 1_000_000
    write_scarce_order(shop, order_id)
    report = shop.assert_consistent()
    refused, = report["refused"]
    assert "stock refused ORDER_PAID" in refused and "0 left" in refused
    assert shop.database.value("select stock from products where id = %s", SCARCE) == 0

    shop.database.execute("insert into outbox_events (aggregate_type, aggregate_id, event_type, "
                          "topic, payload) values ('product', %s, 'RESTOCKED', 'stock.events', %s)",
                          str(SCARCE), json.dumps({"product_id": SCARCE, "qty": 8}))
    shop.database.wait_for("select stock from products where id = %s", 8, 60, (SCARCE,))
    shop.outboxd.done("dlq", "replay", "--all", "--consumer", "stock-consumer")
    shop.database.wait_for("select stock from products where id = %s", 3, 60, (SCARCE,))
    again = shop.outboxd.run("dlq", "replay", "--all", "--consumer", "stock-consumer")
    assert again.returncode == 4 and "0 replayed" in again.stderr, again
    report = shop.assert_consistent()
    assert report["refused"] == []
    assert shop.database.value("select count(*) from stock_history where order_id = %s",
                               order_id) == 1


def test_two_members_of_one_group_share_the_partitions(shop):
    count = "select count(*) from processed_events where consumer_name = 'stock-consumer'"
    before = shop.database.value(count)
    products = shop.database.value("select count(*) from products")
    for name, member in [key for key in shop.members if key[0] == "stock"]:
        shop.members.pop((name, member)).stop(20)
    pair = [shop.consume("stock", member) for member in ("first", "second")]
    wait_until(lambda: kafka_wire.members_at_work(shop.kafka, "stock-consumer") == 2, 90,
               "both have partitions")
    for wave in range(1, 5):
        shop.database.execute(
            "insert into outbox_events (aggregate_type, aggregate_id, event_type, topic, payload) "
            "select 'product', id::text, 'RESTOCKED', 'stock.events', "
            "json_build_object('product_id', id, 'qty', 1) from products")
        shop.database.wait_for(count, before + wave * products, 90)
    shares = []
    for member in pair:
        assert member.stop(20) == 0
        shares.append(json.loads(member.output())["handled"])
    assert sum(shares) == 4 * products and min(shares) > 0


def test_redis_away_is_waited_for_and_the_others_go_on(shop, services):
    shop.consume("stock")
    services.command("pause", "redis")
    try:
        stock = shop.database.value("select stock from products where id = 1")
        shop.database.execute(
            "insert into outbox_events (aggregate_type, aggregate_id, event_type, topic, payload) "
            "values ('product', '1', 'RESTOCKED', 'stock.events', '{\"product_id\":1,\"qty\":3}')")
        shop.database.wait_for("select stock from products where id = 1", stock + 3, 60)
        shop.members["cache", "first"].wait_for_log(r"Redis at .*REDIS_URL or --redis", 30)
    finally:
        services.command("resume", "redis")
    assert shop.assert_consistent()["refused"] == []
