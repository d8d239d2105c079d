# SPDX-License-Identifier: Apache-2.0
"""What the dashboard says of consumers that lag or give up, of held topics and of blocked keys:
all of it real, and the same as the API's (E9)."""
import json

import pytest

from dashboards import Dashboard
from waiting import wait_until

YAML = """\
consume:
  stock:
    group-id: GROUP
    topics: TOPIC
    dead-letter-topic: DEAD
    retry: {max-attempts: 1}
    handlers:
      - event-type: ORDER_PAID
        sql: UPDATE products SET stock = stock - 1 WHERE id = :payload.product AND stock > 0
        expect-rows: 1
"""


def paid(topic, product, key="order-1", note=""):
    return {"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
            "payload": json.dumps({"product": product, "note": note}), "topic": topic}


class Stock:
    """A shop's stock: a consumer that takes a product of each order."""

    def __init__(self, outboxd, database, topics, unique):
        outboxd.migrate()
        self.database, self.topics = database, topics
        self.group, self.topic = f"{unique}.stock", topics.create(f"{unique}.orders")
        dead = topics.create(f"{unique}.dead", partitions=1)
        database.execute("create table products (id int primary key, stock int)")
        database.execute("insert into products values (1, 1000000), (2, 0)")
        (outboxd.folder / "outboxd.yaml").write_text(
            YAML.replace("GROUP", self.group).replace("TOPIC", self.topic).replace("DEAD", dead))
        # A topic's limit is learnt once: what it refuses later is refused by the broker alone.
        self.dashboard = Dashboard(
            outboxd, relay__max_attempts="1000", relay__backoff="fixed",
            relay__backoff_initial="300ms", relay__topic_refresh_interval="1h")
        self.dashboard.wait_for_leases()

    def order(self, product, count=1, topic=None):
        self.database.insert([paid(topic or self.topic, product, f"order-{number}")
                              for number in range(count)])

    def consumer(self):
        return self.dashboard.api("/status")["consumers"][0]


@pytest.fixture
def stock(outboxd, database, topics, unique):
    return Stock(outboxd, database, topics, unique)


def told(page, selector, text):
    wait_until(lambda: page.wait_for_timeout(100) or text in " ".join(
        page.locator(selector).all_inner_texts()), 30,
        lambda: f"'{text}' in {page.locator(selector).all_inner_texts()}")


def fact(page, name):
    """The figure below a name in the panel of the consumer."""
    return page.locator(".pairs div", has=page.locator(f"dt:text-is('{name}')")).locator("dd")


def test_a_consumer_that_gives_up_and_one_that_is_paused_are_told_with_their_figures(stock, tabs):
    stock.order(1, 20)
    stock.order(2)
    tab = tabs(stock.dashboard.url)
    page = tab.open("#/consumers")
    wait_until(lambda: page.wait_for_timeout(200) or fact(page, "Handled").count() == 1
               and fact(page, "Handled").inner_text() in ("20", "21"), 30, "20 are handled")
    wait_until(lambda: page.wait_for_timeout(200) or fact(page, "Dead letters").inner_text() == "1",
               30, "one is given up")
    told(page, "tbody", f"outboxd-{stock.group}")  # Who works a partition.
    tab.go("#/overview")
    told(page, ".matters", f"1 dead letter of consumer {stock.group}")
    page.get_by_role("link", name=f"1 dead letter of consumer {stock.group}").click()
    told(page, "tbody", "touched 0 rows, expected at least 1")

    tab.go("#/consumers")
    page.get_by_role("button", name=f"Pause consumer {stock.group}").click()
    told(page, "dialog", "within 3 s")
    page.locator("dialog input[name=reason]").fill("stock-taking")
    page.keyboard.press("Enter")
    told(page, ".panel-side", "paused")

    def is_heeded():
        stock.order(1, 5)
        page.wait_for_timeout(500)
        return stock.consumer()["lag"] >= 5
    wait_until(is_heeded, 30, "messages that wait")
    stock.database.wait_settled()
    wait_until(lambda: page.wait_for_timeout(200)
               or fact(page, "Lag").inner_text() == str(stock.consumer()["lag"]) != "0", 20,
               lambda: f"{fact(page, 'Lag').inner_text()} is {stock.consumer()['lag']}")
    page.get_by_role("button", name=f"Resume consumer {stock.group}").click()
    wait_until(lambda: page.wait_for_timeout(200) or fact(page, "Lag").inner_text() == "0", 30,
               "it catches up")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_held_topic_and_a_blocked_key_are_told_with_their_reasons(stock, topics, unique, tabs,
                                                                    width):
    small = topics.create(f"{unique}.small")
    stock.order(1, topic=small)
    stock.database.wait_settled()
    topics.limit(small, 400)
    stock.database.insert([paid(small, 1, "order-7", "x" * 1_000), paid(small, 1, "order-7")])
    stock.order(1, topic=f"{unique}.missing")
    tab = tabs(stock.dashboard.url, width=width, height=844)
    page = tab.open("#/relays")
    told(page, "tbody", "max.message.bytes")
    told(page, "tbody", f"{unique}.missing")
    told(page, "tbody", "UNKNOWN_TOPIC_OR_PART")
    blocked = page.locator(".panel", has=page.locator("h2:text-is('Blocked keys')"))
    blocked.get_by_role("link", name="order-7").wait_for()
    assert tab.violations() == [] and not tab.is_wider_than_its_window()
    tab.go("#/overview")
    told(page, ".matters", f"Topic {unique}.missing is held")
    wait_until(lambda: page.wait_for_timeout(100) or page.locator(
        "[data-figure='Held up']").inner_text() == "2", 20, "a key and a topic")
    wait_until(lambda: [row["key"] for row in stock.dashboard.api("/blocked-keys")["items"]]
               == ["order-7"], 20, "the key")
