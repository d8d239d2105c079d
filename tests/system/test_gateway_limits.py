# SPDX-License-Identifier: Apache-2.0
"""Who may use the gateway, and what nobody may do to it: bad input, slow clients, limits, start."""
import asyncio
import socket
import ssl
import subprocess

import pytest
import websockets
from push_clients import (EventStream, Gateway, RawWebSocket, close_code, produce, produce_text,
                          receive, receive_json, send_bytes)
from waiting import wait_until

TOKEN = "a-token-of-the-tests"
TEXT, CLOSE, PING = 0x81, 0x88, 0x89


@pytest.fixture
def servers(services):
    return services.kafka


@pytest.fixture
def gateway(outboxd, topic):
    return Gateway(outboxd, topic)


def refused(gateway, path="/ws", **options):
    """The status with which a handshake is refused."""
    async def run():
        with pytest.raises(websockets.InvalidStatusCode) as refusal:
            async with gateway.connect(path, **options):
                pass
        return refusal.value.status_code
    return asyncio.run(run())


def accepted(gateway, path="/ws", **options):
    async def run():
        async with gateway.connect(path, **options) as client:
            return client.subprotocol
    return asyncio.run(run())


def test_a_token_is_asked_for_and_taken_in_three_places(outboxd, topic):
    gateway = Gateway(outboxd, topic, gateway__token=f"older, {TOKEN}")
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    accepted(gateway, extra_headers=bearer)
    accepted(gateway, extra_headers={"Authorization": "Bearer older"})
    accepted(gateway, f"/ws?token={TOKEN}")
    assert accepted(gateway, subprotocols=["outbox", f"bearer.{TOKEN}"]) == "outbox"
    EventStream(gateway.port, headers=bearer).close()
    for wrong in ("", TOKEN[:-1], TOKEN + "x", "old"):
        assert refused(gateway, f"/ws?token={wrong}") == 401
        status, headers, body = gateway.get("/events", {"Authorization": f"Bearer {wrong}"})
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "token" in body
    assert refused(gateway) == 401
    assert gateway.get("/health")[0] == 200
    assert TOKEN not in gateway.running.log()


def test_a_token_may_stand_in_a_file(outboxd, topic, tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    gateway = Gateway(outboxd, topic, gateway__token_file=tmp_path / "token")
    accepted(gateway, f"/ws?token={TOKEN}")
    assert refused(gateway) == 401


def test_pages_of_other_origins_are_refused_unless_they_are_named(outboxd, topic):
    gateway = Gateway(outboxd, topic, gateway__allowed_origins="https://shop.example")
    accepted(gateway, origin="https://shop.example")
    accepted(gateway, origin=f"http://{gateway.address}")
    accepted(gateway)
    for origin in ("https://evil.example", "http://localhost:1", "null"):
        assert refused(gateway, origin=origin) == 403
        status, _, body = gateway.get("/events", {"Origin": origin})
        assert status == 403 and "gateway.allowed-origins" in body
    # A page whose name was pointed at us after it was loaded.
    rebound = {"Origin": "http://evil.example", "Host": "evil.example"}
    assert gateway.get("/events", rebound)[0] == 403
    stream = EventStream(gateway.port, headers={"Origin": "https://shop.example"})
    assert stream.answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    stream.close()


def test_tls_serves_both_kinds_of_clients(outboxd, topic, servers, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    key, "-out", certificate], check=True, capture_output=True)
    gateway = Gateway(outboxd, topic, gateway__tls_certificate=certificate, gateway__tls_key=key)
    trust = ssl.create_default_context(cafile=certificate)

    async def run():
        async with gateway.resume(ssl=trust) as client:
            large = "x" * 300000
            produce_text(servers, topic, large)
            frame, = await receive_json(client, 1)
            assert frame["value"] == large
            produce(servers, topic, range(200))
            assert len(await receive_json(client, 200)) == 200
    asyncio.run(run())
    with socket.create_connection(("127.0.0.1", gateway.port)) as plain:
        secured = trust.wrap_socket(plain, server_hostname="127.0.0.1")
        secured.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert secured.recv(100).startswith(b"HTTP/1.1 200")
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", gateway.port)) as old:
        context = ssl._create_unverified_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.wrap_socket(old)


def test_more_clients_than_allowed_are_sent_away_and_others_stay(outboxd, topic, servers):
    gateway = Gateway(outboxd, topic, gateway__max_clients="2")

    async def run():
        async with gateway.connect() as first:
            stream = EventStream(gateway.port)
            with pytest.raises(websockets.InvalidStatusCode) as refusal:
                async with gateway.connect():
                    pass
            assert refusal.value.status_code == 503
            status, headers, _ = gateway.get("/events")
            assert status == 503 and int(headers["Retry-After"]) > 0
            assert gateway.get("/health")[0] == 200
            stream.close()
            produce(servers, topic, [1])
            assert await receive(first, 1) == ['{"n": 1}']
        wait_until(lambda: '"clients":0' in gateway.get("/health")[2], 10, "all have left")
        async with gateway.connect():
            pass
    asyncio.run(run())


def test_a_slow_client_is_sent_away_while_others_do_not_wait(outboxd, topic, servers):
    gateway = Gateway(outboxd, topic, gateway__max_queued_size="64KiB", gateway__max_lag="2s",
                      gateway__write_timeout="3s")
    slow = RawWebSocket(gateway.port, receive_bytes=4096)
    text = "x" * 50000

    async def run():
        async with gateway.connect() as other:
            for _ in range(5):  # Bursts that are far larger than a queue.
                await asyncio.to_thread(produce_text, servers, topic, "\n".join([text] * 20))
                assert await receive(other, 20) == [text] * 20
            wait_until(lambda: '"clients":1' in gateway.get("/health")[2], 10, "the slow one left")
            produce_text(servers, topic, "after")
            assert await receive(other, 1) == ["after"]
    asyncio.run(run())
    assert gateway.running.peak_memory_bytes() < 200 << 20
    # What was on its way arrives whole, then the end.
    frames = list(slow.frames())
    assert all(payload in (text.encode(), b"") or opcode == 8 for opcode, payload in frames[:-1])


def test_a_slow_client_that_still_reads_is_told_to_come_back(outboxd, topic, servers):
    gateway = Gateway(outboxd, topic, gateway__max_queued_size="64KiB", gateway__max_lag="1s",
                      gateway__write_timeout="30s")
    slow = RawWebSocket(gateway.port, receive_bytes=4096)
    for _ in range(5):
        produce_text(servers, topic, "\n".join(["x" * 50000] * 20))
    wait_until(lambda: '"clients":0' in gateway.get("/health")[2], 10, "it is given up")
    assert slow.close_code() == 1013


@pytest.mark.parametrize("send, code", [
    (lambda one: one.send(TEXT, b"unmasked", masked=False), 1002),
    (lambda one: one.send(0x83, b"a reserved opcode"), 1002),
    (lambda one: one.send(0xC1, b"a reserved bit"), 1002),
    (lambda one: one.send(0x80, b"a continuation of nothing"), 1002),
    (lambda one: one.send(PING, b"x" * 126), 1002),
    (lambda one: one.send(0x09, b"a ping in pieces"), 1002),
    (lambda one: one.send(TEXT, b"\xff\xfe"), 1007),
    (lambda one: one.send(TEXT, b"x" * 70000), 1009),
    (lambda one: one.send(TEXT, b"", length=1 << 30), 1009),
    (lambda one: one.socket.sendall(bytes(range(256)) * 4), 1002),
    (lambda one: [one.send(TEXT, b"x") for _ in range(2000)], 1008),
    (lambda one: [one.send(PING, b"x") for _ in range(2000)], 1008),
], ids=["unmasked", "opcode", "reserved bit", "continuation", "long ping", "ping in pieces",
        "no utf-8", "too large", "1 GiB", "garbage", "flood", "ping flood"])
def test_a_client_that_breaks_the_rules_is_closed_with_the_code_that_says_so(
        gateway, servers, topic, send, code):
    async def run():
        async with gateway.connect() as other:
            bad = RawWebSocket(gateway.port)
            try:
                send(bad)
            except (BrokenPipeError, ConnectionResetError):
                pass  # It was closed before all was sent.
            assert bad.close_code() in (code, None if code == 1008 else code)
            produce(servers, topic, [7])
            assert await receive(other, 1) == ['{"n": 7}']
    asyncio.run(run())


def test_messages_of_clients_mean_nothing(gateway, servers, topic):
    async def run():
        async with gateway.connect() as client:
            for text in ('{"subscribe": "all"}', "", "x" * 60000):
                await client.send(text)
            await client.send(b"\x00\xff")
            produce(servers, topic, [1])
            assert await receive(client, 1) == ['{"n": 1}']
    asyncio.run(run())


def test_clients_that_answer_no_ping_are_dropped_and_silent_ones_that_do_stay(outboxd, topic,
                                                                              servers):
    gateway = Gateway(outboxd, topic, gateway__ping_interval="200ms", gateway__idle_timeout="1s")

    async def run():
        async with gateway.connect(ping_interval=None) as silent:
            dead = await asyncio.to_thread(RawWebSocket, gateway.port)
            assert await asyncio.to_thread(dead.is_closed)
            await asyncio.sleep(2)  # Twice the time after which it would be dropped.
            produce(servers, topic, [1])
            assert await receive(silent, 1) == ['{"n": 1}']
    asyncio.run(run())


@pytest.mark.parametrize("request_bytes, status", [
    (b"garbage\r\n\r\n", 400),
    (b"GET /ws HTTP/9.9\r\n\r\n", 400),
    (b"GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    (b"GET /ws?event_type=%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20000 + b"\r\n\r\n", 431),
    (b"POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
    (b"POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0"
     b"\r\n\r\n", 400),
    (b"DELETE /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
    (b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    (b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 426),
], ids=["garbage", "version", "target", "encoding", "header", "body", "smuggling", "method", "path",
        "no websocket"])
def test_a_bad_request_is_answered_with_what_is_wrong(gateway, request_bytes, status):
    assert send_bytes(gateway.port, request_bytes).startswith(f"HTTP/1.1 {status} ")


@pytest.mark.parametrize("query, word", [
    ("resume=latest", "position"), ("resume=0:-5", "position"),
    ("aggregat_type=order", "aggregate_type")])
def test_a_bad_parameter_is_refused_and_named(gateway, query, word):
    assert refused(gateway, f"/ws?{query}") == 400
    status, _, body = gateway.get(f"/events?{query}")
    assert status == 400 and word in body


def test_one_who_begins_a_request_and_never_ends_it_does_not_keep_others_out(gateway):
    held = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(300)]
    for one in held:
        one.sendall(b"GET /ws HT")
    assert gateway.get("/health")[0] == 200
    for one in held:
        one.close()


def test_a_port_that_is_taken_is_named_with_the_remedy(outboxd, topic, gateway):
    done = outboxd.run("gateway", gateway__topics=topic, gateway__address=gateway.address)
    assert done.returncode == 5
    assert f"gateway.address is {gateway.address}, where another program listens" in done.stderr
    assert "set gateway.address to another port" in done.stderr


def test_a_missing_topic_and_missing_brokers_are_named(outboxd, unique):
    done = outboxd.run("gateway", gateway__topics=unique, gateway__address="127.0.0.1:0")
    assert done.returncode == 4 and unique in done.stderr and "topics create" in done.stderr
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        done = outboxd.run("gateway", kafka__bootstrap_servers=address, start_timeout="1s",
                           gateway__address="127.0.0.1:0")
    assert done.returncode == 6 and address in done.stderr


@pytest.mark.parametrize("settings, words", [
    ({"gateway__address": "nowhere"}, ["gateway.address", "host:port"]),
    ({"gateway__address": "127.0.0.1:99999"}, ["gateway.address"]),
    ({"gateway__address": "192.0.2.1:0"}, ["gateway.address", "nobody may listen"]),
    ({"gateway__tls_key": "/dev/null"}, ["gateway.tls-key", "only one half"]),
    ({"gateway__tls_key": "/dev/null", "gateway__tls_certificate": "/dev/null"},
     ["gateway.tls-certificate", "PEM"]),
    ({"gateway__idle_timeout": "5s"}, ["gateway.idle-timeout", "ping-interval"]),
    ({"gateway__allowed_origins": "shop.example"}, ["gateway.allowed-origins", "https://"]),
    ({"gateway__topics": "a topic"}, ["gateway.topics"]),
    ({"gateway__max_clients": "0"}, ["gateway.max-clients", "from 1"]),
], ids=str)
def test_a_bad_setting_is_named_with_the_remedy(outboxd, settings, words):
    done = outboxd.run("gateway", **settings)
    assert done.returncode == 3
    for word in words:
        assert word in done.stderr, done.stderr


def test_a_gateway_that_everybody_reaches_warns_without_a_token(outboxd, topic):
    gateway = Gateway(outboxd, topic, gateway__address="0.0.0.0:0")
    assert "whoever reaches that port can read" in gateway.running.log()
