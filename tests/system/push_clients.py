# SPDX-License-Identifier: Apache-2.0
"""Clients of the gateway: well-behaved ones, and sockets that send what no library would."""
import asyncio
import http.client
import json
import os
import socket
import struct
import subprocess
import threading
import urllib.parse

import websockets

SECONDS = 20


def produce(servers, topic, numbers, headers=(), keys=10):
    """Values {"n": number} under the keys k0 to k9; returns when the broker has them all."""
    flags = [word for header in headers for word in ("-H", header)]
    lines = "".join(f'k{number % keys}:{{"n": {number}}}\n' for number in numbers)
    subprocess.run(["kcat", "-P", "-b", servers, "-t", topic, "-K", ":", *flags], check=True,
                   input=lines.encode(), capture_output=True, timeout=60)


def produce_text(servers, topic, text, headers=(), key="k"):
    flags = [word for header in headers for word in ("-H", header)]
    subprocess.run(["kcat", "-P", "-b", servers, "-t", topic, "-k", key, *flags], check=True,
                   input=text.encode(), capture_output=True, timeout=60)


class Gateway:
    """A running `outboxd gateway` on a port of its own."""

    def __init__(self, outboxd, topic, **settings):
        settings.setdefault("gateway__address", "127.0.0.1:0")
        self.running = outboxd.start("gateway", gateway__topics=topic, **settings)
        self.address = self.running.wait_for_log(r"gateway listens address=(\S+)").group(1)
        self.port = int(self.address.rsplit(":", 1)[1])
        scheme = "wss" if "gateway__tls_certificate" in settings else "ws"
        self.url = f"{scheme}://{self.address}"

    def connect(self, path="/ws", **options):
        options.setdefault("compression", None)
        return websockets.connect(self.url + path, **options)

    def resume(self, position="", query="", **options):
        path = "/ws?resume=" + urllib.parse.quote(position) + query
        return self.connect(path, **options)

    def get(self, path, headers=None, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def stop(self):
        return self.running.stop()


async def receive(client, count):
    """So many frames, as text."""
    return [await asyncio.wait_for(client.recv(), SECONDS) for _ in range(count)]


async def receive_json(client, count):
    return [json.loads(frame) for frame in await receive(client, count)]


async def receive_until(client, is_last):
    """All frames up to one for which is_last is true, with it."""
    frames = []
    while not frames or not is_last(frames[-1]):
        frames += await receive_json(client, 1)
    return frames


async def nothing_comes(client, seconds=0.5):
    try:
        frame = await asyncio.wait_for(client.recv(), seconds)
    except asyncio.TimeoutError:
        return
    raise AssertionError(f"unexpected: {frame!r}")


async def close_code(client):
    """The code that the server closes with; what still comes before it is passed over."""
    try:
        while True:
            await asyncio.wait_for(client.recv(), SECONDS)
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def numbers(frames):
    """The n of values in frames of /ws?resume=."""
    return [frame["value"]["n"] for frame in frames if "value" in frame]


def assert_each_once(found, expected, keys=10):
    """All numbers, none twice, and those of a key in their order."""
    assert sorted(found) == sorted(expected)
    for key in range(keys):
        of_key = [number for number in found if number % keys == key]
        assert of_key == sorted(of_key), f"key k{key}: {of_key}"


class EventStream:
    """Reads server-sent events as the standard says, on a thread of its own."""

    def __init__(self, port, path="/events", last_event_id=None, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        headers = dict(headers or {})
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self.connection.request("GET", path, headers=headers)
        self.socket = self.connection.sock  # Which getresponse() may take away from it.
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self.last_event_id = last_event_id
        self.events = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        event, data = "message", []
        while True:
            try:
                line = self.answer.fp.readline()
            except (OSError, ValueError, AttributeError):
                return
            if not line:
                return
            field, _, value = line.decode().rstrip("\n").partition(":")
            value = value[1:] if value.startswith(" ") else value
            with self.changed:
                if field == "id":
                    self.last_event_id = value
                elif field == "event":
                    event = value
                elif field == "data":
                    data.append(value)
                elif not field and not value:
                    if data:
                        self.events.append((event, "\n".join(data), self.last_event_id))
                    event, data = "message", []
                    self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.events) >= count, SECONDS), self.events
            return list(self.events)

    def wait_for_id(self):
        """A position is there, though no event was."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.last_event_id is not None, SECONDS)
            return self.last_event_id

    def close(self):
        """What reads ends at once: closing an answer that is being read waits for its time-out."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The gateway was faster.
        self.thread.join()
        self.answer.close()


class RawWebSocket:
    """A WebSocket by hand: nothing is checked, nothing answered."""

    def __init__(self, port, path="/ws", receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(SECONDS)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        assert head.startswith(b"HTTP/1.1 101"), head

    def send(self, first_byte, payload, masked=True, length=None):
        size = len(payload) if length is None else length
        mask = os.urandom(4) if masked else b""
        bit = 0x80 if masked else 0
        head = (struct.pack(">BB", first_byte, bit | size) if size < 126
                else struct.pack(">BBH", first_byte, bit | 126, size) if size < 65536
                else struct.pack(">BBQ", first_byte, bit | 127, size))
        body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if masked else payload
        self.socket.sendall(head + mask + body)

    def frames(self):
        """(opcode, payload) until the server closes the connection."""
        with self.socket.makefile("rb") as stream:
            while True:
                try:
                    head = stream.read(2)
                    if len(head) < 2:
                        return
                    size = head[1] & 127
                    if size == 126:
                        size, = struct.unpack(">H", stream.read(2))
                    elif size == 127:
                        size, = struct.unpack(">Q", stream.read(8))
                    yield head[0] & 15, stream.read(size)
                except ConnectionResetError:
                    return

    def close_code(self):
        for opcode, payload in self.frames():
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0]
        return None

    def is_closed(self):
        for opcode, _ in self.frames():
            assert opcode == 9, "only pings before the end"
        return True


def send_bytes(port, data):
    """What comes back for bytes that may be no HTTP at all."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(data)
        answer = b""
        while True:
            part = connection.recv(65536)
            if not part:
                return answer.decode()
            answer += part
