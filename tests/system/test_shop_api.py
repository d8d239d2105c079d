# SPDX-License-Identifier: Apache-2.0
"""The shop's HTTP API on PostgreSQL and SQLite: each change with its events (B1, B5, E4)."""
import concurrent.futures
import json
import signal
import socket
import subprocess
import urllib.parse

import pytest

from shops import Shop
from waiting import wait_until


@pytest.fixture(params=["postgres", "sqlite"])
def bare_shop(request, program, shop_program, tmp_path):
    """Migrated, and not serving yet."""
    url = (request.getfixturevalue("database_url") if request.param == "postgres"
           else f"sqlite:///{tmp_path}/shop.db")
    shop = Shop((program, shop_program), tmp_path, url)
    yield shop
    shop.end()


@pytest.fixture
def shop(bare_shop):
    return bare_shop.serve()


def test_an_order_and_its_three_events_are_one_transaction(shop):
    kettle, mug = shop.product(price=3490), shop.product(price=1250)
    order = shop.done("/api/orders", {"user_id": 7, "items": [{"product_id": mug, "qty": 3},
                                                              {"product_id": kettle, "qty": 1}]})
    assert order == {"order_id": 1, "user_id": 7, "status": "CREATED", "total_amount": 7240,
                     "items": [{"product_id": kettle, "qty": 1, "price": 3490},
                               {"product_id": mug, "qty": 3, "price": 1250}]}
    assert shop.get("/api/orders/1").body == order
    date = shop.events("order.events")[0][3]["date"]
    told = {"order_id": 1, "user_id": 7, "items": order["items"], "total_amount": 7240,
            "date": date}
    assert shop.events("order.events") == [("ORDER_CREATED", "order", "1", told, None)]
    metrics = {"orderId": 1, "userId": 7, "totalAmount": 7240,
               "items": [{"productId": kettle, "quantity": 1, "price": 3490},
                         {"productId": mug, "quantity": 3, "price": 1250}]}
    assert shop.events("order-events") == [("OrderCreatedEvent", "order", "1", metrics,
                                            {"event_version": "1"})]
    notice, = shop.events("realtime.events")
    assert notice[0] == "ORDER_CREATED"
    assert notice[3] == dict(told, type="order", status="CREATED")


def test_paying_and_canceling_are_told_in_their_order_with_a_version(shop):
    order = shop.order(shop.product())
    for step, status in [("pay", "PAID"), ("cancel", "CANCELED")]:
        answered = shop.done(f"/api/orders/{order}/{step}")
        assert (answered["status"], len(answered["paid_on"])) == (status, 10)
        assert shop.get(f"/api/orders/{order}").body == answered  # One object, however asked for.
    kinds = [(kind, payload["order_id"]) for kind, _, _, payload, _ in shop.events("order.events")]
    assert kinds == [("ORDER_CREATED", order), ("ORDER_PAID", order), ("ORDER_CANCELED", order)]
    assert [(kind, headers) for kind, _, _, _, headers in shop.events("order-events")] == [
        ("OrderCreatedEvent", {"event_version": "1"}),
        ("PaymentCompletedEvent", {"event_version": "2"}),
        ("OrderCancelledEvent", {"event_version": "3"})]
    assert shop.get(f"/api/orders/{order}").body["status"] == "CANCELED"


@pytest.mark.parametrize("event_type,path", [("ORDER_PAID", "pay"),
                                             ("PaymentCompletedEvent", "pay"),
                                             ("OrderCancelledEvent", "cancel")])
def test_an_event_that_the_database_refuses_takes_its_change_back(shop, event_type, path):
    order = shop.order(shop.product())
    before = shop.database.value("select count(*) from outbox_events")
    shop.refuse_events(event_type)
    answer = shop.post(f"/api/orders/{order}/{path}", key="k")
    assert (answer.status, answer.code) == (500, "internal")
    assert "refuse" not in answer.text and "refuse" in shop.server.log()
    assert shop.get(f"/api/orders/{order}").body["status"] == "CREATED"
    assert shop.database.value("select count(*) from outbox_events") == before
    assert shop.database.value("select count(*) from idempotency_keys") == 0


def test_products_prices_and_restocks(shop):
    product = shop.product(stock=5, price=100)
    assert shop.done(f"/api/products/{product}/price", {"price": 120})["price"] == 120
    assert shop.post(f"/api/products/{product}/restock", {"qty": 40}).status == 202
    about = ("product", str(product), {"product_id": product}, None)
    assert shop.events("product.events") == [("PRODUCT_UPDATED", *about), ("PRICE_UPDATED", *about)]
    assert shop.events("stock.events") == [
        ("RESTOCKED", "product", str(product), {"product_id": product, "qty": 40}, None)]
    # The stock consumer adds it, not the API; what it began with stands in the history.
    assert shop.get(f"/api/products/{product}").body["stock"] == 5
    assert shop.database.rows("select stock_before, stock_after, delta from stock_history") == [
        (0, 5, 5)]
    assert [one["id"] for one in shop.get("/api/products?limit=1").body["products"]] == [product]
    assert shop.get(f"/api/products?after={product}").body["products"] == []


def test_a_like_is_told_once_however_often_it_is_clicked(shop):
    product = shop.product()
    for path, changed in [("like", True), ("like", False), ("unlike", True), ("unlike", False)]:
        done = shop.done(f"/api/products/{product}/{path}", {"user_id": 9})
        assert (done["liked"], done["changed"]) == (path == "like", changed)
    shop.done(f"/api/products/{product}/view", {"user_id": 9})
    events = shop.events("catalog-events")
    assert [event[0] for event in events] == ["LikeAddedEvent", "LikeRemovedEvent",
                                              "ProductViewEvent"]
    assert {json.dumps(event[3]) for event in events} == {
        json.dumps({"productId": product, "userId": 9})}
    versions = [int(event[4]["event_version"]) for event in events]
    assert versions == sorted(set(versions))


def test_the_queue_of_a_flash_sale_is_told_step_by_step(shop):
    place, who = "/api/flash-sales/3", {"user_id": 5}
    assert shop.post(place + "/admit", who).code == "not_in_queue"
    assert shop.post(place + "/join", who).status == 201
    assert shop.post(place + "/join", who).code == "wrong_status"
    assert shop.post(place + "/admit", who).status == 202
    assert shop.post(place + "/leave", who).status == 202
    payload = {"flash_sale_id": 3, "user_id": 5}
    assert shop.events("flashsale.events") == [
        (kind, "flash_sale", "3", payload, None)
        for kind in ("QUEUE_JOINED", "QUEUE_ADMITTED", "QUEUE_LEFT")]
    # By the flash-queue consumer, which does not run here, the entry would be LEFT.
    assert shop.get(place).body["entries"] == {"WAITING": 1, "ADMITTED": 0, "LEFT": 0}


NEW_ORDER = {"user_id": 1, "items": [{"product_id": 1, "qty": 1}]}
BAD_BODIES = [
    ("no JSON", "/api/orders", "{", 400, "no_json", "byte 1"),
    ("no UTF-8", "/api/orders", b'{"user_id":"\xff"}', 400, "no_json", "UTF-8"),
    ("a megabyte of nesting", "/api/orders", "[" * 1_000_000, 400, "no_json", "nested too deep"),
    ("an array", "/api/orders", "[]", 422, "invalid_field", "no JSON object"),
    ("nothing", "/api/orders", {}, 422, "invalid_field", "user_id is missing"),
    ("no items", "/api/orders", dict(NEW_ORDER, items=[]), 422, "invalid_field", "items"),
    ("items that are none", "/api/orders", dict(NEW_ORDER, items=[7]), 422, "invalid_field",
     "items[0]"),
    ("a field too many", "/api/orders", dict(NEW_ORDER, item=1), 422, "invalid_field",
     "item is not known"),
    ("a misspelt field", "/api/orders", {"user": 1, "items": NEW_ORDER["items"]}, 422,
     "invalid_field", "user is not known"),
    ("a misspelt field of an item", "/api/orders", {"user_id": 1, "items": [{"product": 1}]}, 422,
     "invalid_field", "items[0].product is not known"),
    ("a field where none belongs", "/api/orders/1/pay", {"card": 1}, 422, "invalid_field",
     "card is not known"),
    ("a text for a number", "/api/orders", dict(NEW_ORDER, user_id="1"), 422, "invalid_field",
     "user_id is no whole number"),
    ("a fraction", "/api/orders", dict(NEW_ORDER, user_id=1.5), 422, "invalid_field", "user_id"),
    ("a truth value", "/api/orders", dict(NEW_ORDER, user_id=True), 422, "invalid_field",
     "user_id"),
    ("above 64 bits", "/api/orders", '{"user_id":18446744073709551615,"items":[]}', 422,
     "invalid_field", "user_id"),
    ("a quantity of none", "/api/orders",
     dict(NEW_ORDER, items=[{"product_id": 1, "qty": 0}]), 422, "invalid_field", "items[0].qty"),
    ("the same product twice", "/api/orders", dict(NEW_ORDER, items=NEW_ORDER["items"] * 2), 422,
     "invalid_field", "product 1 stands twice"),
    ("a product that is not there", "/api/orders",
     dict(NEW_ORDER, items=[{"product_id": 999, "qty": 1}]), 422, "unknown_product", "999"),
    ("more than there is", "/api/orders",
     dict(NEW_ORDER, items=[{"product_id": 1, "qty": 11}]), 409, "too_little_stock", "has 10 left"),
    ("a name without letters", "/api/products", {"name": "", "price": 1}, 422, "invalid_field",
     "name"),
    ("a number for a name", "/api/products", {"name": 7, "price": 1}, 422, "invalid_field",
     "name is no text"),
    ("a zero character", "/api/products", '{"name":"a\\u0000b","price":1}', 422, "invalid_field",
     "control characters"),
    ("a negative price", "/api/products", {"name": "x", "price": -1}, 422, "invalid_field",
     "price"),
    ("money as a fraction", "/api/products/1/price", {"price": 19.99}, 422, "invalid_field",
     "price"),
    ("a restock of nothing there", "/api/products/999/restock", {"qty": 1}, 404,
     "unknown_product", "999"),
    ("a like of nothing there", "/api/products/999/like", {"user_id": 1}, 404, "unknown_product",
     "999"),
    ("a payment of nothing there", "/api/orders/999/pay", {}, 404, "unknown_order", "999"),
    ("a number that is none", "/api/orders/99999999999999999999/pay", {}, 404, "not_found", ""),
    ("a path that is none", "/api/order", {}, 404, "not_found", "openapi"),
]


def test_bad_requests_get_an_answer_that_says_why_and_change_nothing(shop):
    shop.product(stock=10)
    before = shop.database.value("select count(*) from outbox_events")
    for what, path, body, status, code, part in BAD_BODIES:
        answer = shop.post(path, body, key=what)
        assert (answer.status, answer.code) == (status, code), f"{what}: {answer.text}"
        assert part in answer.body["error"]["message"], f"{what}: {answer.text}"
    assert shop.database.value("select count(*) from outbox_events") == before
    assert shop.database.value("select count(*) from orders") == 0
    assert shop.server.log().count("\n") == 1, shop.server.log()


def test_requests_that_are_no_json_or_too_large_are_refused(shop):
    answer = shop.post("/api/orders", NEW_ORDER, headers={"Content-Type": "text/plain"})
    assert (answer.status, answer.code) == (415, "no_json_type")
    answer = shop.post("/api/orders", "x" * (1 << 20) + "x")
    assert (answer.status, answer.code) == (413, "too_large")
    assert shop.get("/api/orders?limit=many").status == 422
    assert shop.get("/api/products").status == 200


def raw_post(shop, path):
    """As `curl -X POST` sends it: without a body and without its length."""
    place = urllib.parse.urlsplit(shop.address)
    with socket.create_connection((place.hostname, place.port), timeout=4) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
        return connection.recv(4096).decode()


def test_a_post_without_a_body_pays_and_cancels(shop):
    order = shop.order(shop.product())
    assert raw_post(shop, f"/api/orders/{order}/pay").startswith("HTTP/1.1 200")
    assert raw_post(shop, f"/api/orders/{order}/cancel").startswith("HTTP/1.1 200")
    assert raw_post(shop, "/api/orders").startswith("HTTP/1.1 422")


def test_an_order_is_paid_once_and_canceled_once(shop):
    order = shop.order(shop.product())
    shop.done(f"/api/orders/{order}/pay")
    again = shop.post(f"/api/orders/{order}/pay")
    assert (again.status, again.code) == (409, "wrong_status")
    assert "is PAID" in again.body["error"]["message"]
    shop.done(f"/api/orders/{order}/cancel")
    assert shop.post(f"/api/orders/{order}/cancel").status == 409
    assert shop.post(f"/api/orders/{order}/pay").status == 409
    assert len(shop.events("order.events")) == 3


def test_the_same_key_and_body_get_the_first_answer_and_are_done_once(shop):
    body = {"user_id": 1, "items": [{"product_id": shop.product(), "qty": 1}]}
    first = shop.post("/api/orders", body, key="wish-1")
    second = shop.post("/api/orders", body, key="wish-1")
    assert (first.status, first.text) == (second.status, second.text)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert shop.database.value("select count(*) from orders") == 1
    assert len(shop.events("order.events")) == 1
    assert shop.post("/api/orders", body, key="wish-2").body["order_id"] != first.body["order_id"]


def test_a_key_with_another_request_is_refused(shop):
    product = shop.product()
    body = {"user_id": 1, "items": [{"product_id": product, "qty": 1}]}
    shop.done("/api/orders", body, key="wish")
    for path, other in [("/api/orders", dict(body, user_id=2)),
                        (f"/api/products/{product}/like", {"user_id": 1})]:
        answer = shop.post(path, other, key="wish")
        assert (answer.status, answer.code) == (422, "key_reused")
    assert shop.post("/api/orders", body, key="k" * 256).code == "invalid_key"


def test_a_refused_request_may_be_sent_again_with_its_key(shop):
    product = shop.product(stock=1)
    body = {"user_id": 1, "items": [{"product_id": product, "qty": 2}]}
    assert shop.post("/api/orders", body, key="wish").code == "too_little_stock"
    shop.database.execute("update products set stock = 2")
    assert shop.post("/api/orders", body, key="wish").status == 201


def in_parallel(threads, work):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))


def test_sixteen_clicks_at_once_with_one_key_make_one_order(shop):
    body = {"user_id": 1, "items": [{"product_id": shop.product(), "qty": 1}]}
    answers = in_parallel(16, lambda _: shop.post("/api/orders", body, key="wish"))
    assert {(answer.status, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert shop.database.value("select count(*) from orders") == 1
    assert len(shop.events("order.events")) == 1


def test_of_sixteen_payments_at_once_one_is_taken(shop):
    order = shop.order(shop.product())
    answers = in_parallel(16, lambda number: shop.post(f"/api/orders/{order}/pay",
                                                       key=f"click-{number}"))
    assert sorted(answer.status for answer in answers) == [200] + 15 * [409]
    assert [event[0] for event in shop.events("order.events")] == ["ORDER_CREATED", "ORDER_PAID"]


def test_sixteen_shoppers_leave_as_many_events_as_changes(shop):
    shop.run(shop.program, "seed", "--products=8", "--stock=500")
    figures = json.loads(shop.run(shop.program, "load", f"--url={shop.address}", "--count=400",
                                  "--shoppers=16", "--output=json"))
    assert figures["actions"] == 400
    assert (figures["failed"], figures["contradicted"]) == (0, 0), shop.server.log()
    assert figures["repeated"] > 0
    rows = dict(shop.database.rows("select status, count(*) from orders group by status"))
    assert sum(rows.values()) == figures["orders_created"]
    kinds = [event[0] for event in shop.events("order.events")]
    for kind, figure in [("ORDER_CREATED", "orders_created"), ("ORDER_PAID", "orders_paid"),
                         ("ORDER_CANCELED", "orders_canceled")]:
        assert kinds.count(kind) == figures[figure], kind
    assert len(shop.events("stock.events")) == figures["restocks"]
    assert len(shop.events("flashsale.events")) == figures["queue_steps"]
    prices = [event for event in shop.events("product.events") if event[0] == "PRICE_UPDATED"]
    assert len(prices) == figures["price_changes"]
    # Every order's events stand in the order of its versions, none twice.
    seen = {}
    for _, _, order, _, headers in shop.events("order-events"):
        seen.setdefault(order, []).append(int(headers["event_version"]))
    assert all(versions == list(range(1, len(versions) + 1)) for versions in seen.values())


def test_a_load_ends_on_time_and_says_what_it_did(shop):
    shop.run(shop.program, "seed")
    printed = shop.run(shop.program, "load", f"--url={shop.address}", "--for=1s", "--rate=50")
    actions = int(printed.split(" actions")[0])
    assert 10 <= actions <= 60, printed
    nobody = shop.tried(shop.program, "load", "--url=http://127.0.0.1:1", "--for=1s")
    assert nobody.returncode == 6 and "does not answer" in nobody.stderr


def test_the_document_names_every_route_and_the_page_needs_nothing_else(shop):
    paths = shop.get("/openapi.json").body["paths"]
    assert len(paths) >= 15
    for path, operations in paths.items():
        for method in operations:
            if method == "parameters":
                continue
            real = path.replace("{id}", "1")
            answer = shop.request(method.upper(), real, None if method == "get" else "{}")
            assert "see /openapi.json" not in answer.text, f"{method} {path}: {answer.text}"
            assert str(answer.status) in operations[method]["responses"], (path, answer.text)
    page = shop.get("/")
    assert page.status == 200 and "text/html" in page.headers["Content-Type"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("// ", ""), "the page loads something from elsewhere"


def test_the_page_is_told_where_the_gateway_is(bare_shop):
    bare_shop.serve("--gateway=ws://127.0.0.1:9/ws")
    assert bare_shop.get("/api/settings").body == {"gateway": "ws://127.0.0.1:9/ws"}


def test_a_second_shop_on_the_same_port_says_that_it_is_taken(shop):
    address = urllib.parse.urlsplit(shop.address).netloc
    second = shop.tried(shop.program, "serve", f"--listen={address}")
    assert second.returncode == 5
    assert f"--listen is {address}, where another program listens" in second.stderr
    host = shop.tried(shop.program, "serve", "--listen=192.0.2.1:1")
    assert host.returncode == 3 and "cannot listen on 192.0.2.1:1" in host.stderr
    # The port is free again the moment that the first one has ended.
    shop.get("/api/products")
    shop.server.signal(signal.SIGTERM)
    assert shop.server.wait(5) == 0
    shop.serve(f"--listen={address}")


def test_a_signal_ends_the_shop(shop):
    shop.product()
    for number in (signal.SIGTERM, signal.SIGINT):
        shop.server.signal(number)
        assert shop.server.wait(5) == 0
        shop.serve()


def test_the_command_line_says_what_is_wrong(bare_shop, tmp_path):
    program = bare_shop.program

    def refused(code, part, *words, environment=None):
        done = bare_shop.tried(program, *words, environment=environment)
        assert done.returncode == code and part in done.stderr, (words, done)
    refused(2, "there is no command buy", "buy")
    refused(2, "shop serve has no flag --port", "serve", "--port=1")
    refused(2, "--listen=nowhere is no address", "serve", "--listen=nowhere")
    refused(2, "--for=soon is no duration", "load", "--for=soon")
    refused(2, "--shoppers=0 is no number from 1", "load", "--shoppers=0")
    refused(2, "set DATABASE_CONN", "serve",
            environment={name: value for name, value in bare_shop.environment.items()
                         if name != "DATABASE_CONN"})
    refused(3, "unknown scheme", "seed", "--database=ftp://host/shop")
    refused(4, "outboxd migrate", "seed", f"--database={tmp_path}/other.db")
    refused(4, "outboxd migrate", "consume", "stock", "--kafka=127.0.0.1:1",
            f"--database={tmp_path}/none.db")
    for command in ("serve", "seed", "load"):
        assert bare_shop.run(program, command, "--help").startswith(f"shop {command}")
    assert bare_shop.run(program, "seed") == "20 products made.\n"
    assert "nothing to do" in bare_shop.run(program, "seed")


def test_while_the_database_is_away_a_client_is_told_to_try_again(
        program, shop_program, services, database_url, tmp_path):
    shop = Shop((program, shop_program), tmp_path, database_url).serve()
    try:
        order = shop.order(shop.product())
        services.command("stop", "postgres")
        away = shop.post(f"/api/orders/{order}/pay", key="wish")
        assert (away.status, away.code) == (503, "try_again")
        assert away.headers["Retry-After"] == "1"
        services.up("postgres")
        wait_until(lambda: shop.post(f"/api/orders/{order}/pay", key="wish").status == 200, 20,
                   "the payment")
        assert shop.post(f"/api/orders/{order}/pay", key="wish").status == 200
        shop.database.reconnect()
        assert [event[0] for event in shop.events("order.events")] == ["ORDER_CREATED",
                                                                       "ORDER_PAID"]
    finally:
        services.up("postgres")
        shop.end()


def test_six_shops_may_start_on_a_new_database_at_once(bare_shop):
    command = [bare_shop.program, "seed"]
    started = [subprocess.Popen(command, cwd=bare_shop.folder, env=bare_shop.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for _ in range(6)]
    for process in started:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert bare_shop.database.value("select count(*) from products") == 20
