# SPDX-License-Identifier: Apache-2.0
"""`outboxd run` with its admin server, and clients that speak to it: well-behaved ones by HTTP,
others byte by byte."""
import http.client
import json
import socket
import ssl
import threading
import time
import urllib.parse

from waiting import wait_until

READER = "reader-of-the-tests-0123"
OPERATOR = "operator-of-the-tests-0123"
TOKENS = {"admin__read_tokens": f"rita:{READER}", "admin__operate_tokens": f"olga:{OPERATOR}"}


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"


class AdminServer:
    """A running `outboxd run`, its admin server on any free port."""

    def __init__(self, outboxd, command="run", trust=None, token=None, **settings):
        settings = dict({"admin__address": "127.0.0.1:0"}, **settings)
        self.running = outboxd.start(command, **settings)
        url = self.running.wait_for_log(r"admin server listens url=(\S+)", 30).group(1)
        self.url = urllib.parse.urlsplit(url)
        self.port = self.url.port
        self.trust = trust
        self.token = token

    def connect(self, timeout=30):
        if self.trust:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                               context=self.trust)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, token=None):
        headers = dict(headers or {})
        if token or self.token:
            headers.setdefault("Authorization", f"Bearer {token or self.token}")
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))
        finally:
            connection.close()

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def api(self, path):
        """The document under /api/v1, which has to be there."""
        answer = self.get("/api/v1" + path)
        assert answer.status == 200, answer
        return answer.json

    def post(self, path, body, **options):
        return self.ask("POST", "/api/v1" + path, body, **options)

    def wait_for_job(self, answer):
        assert answer.status == 202, answer
        job = answer.json["job"]["id"]
        return wait_until(lambda: (lambda now: now if now["state"] != "running" else None)(
            self.api(f"/jobs/{job}")), 30, f"job {job} ends")

    def raw(self, receive_seconds=30):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=receive_seconds)
        return client


def read_all(client):
    """Until the server closes."""
    received = b""
    try:
        while True:
            part = client.recv(65536)
            if not part:
                return received
            received += part
    except ConnectionResetError:
        return received


class Stream:
    """Server-sent events, as a browser's EventSource has them."""

    def __init__(self, admin, path="/api/v1/stream", headers=None):
        self.connection = admin.connect()
        self.connection.request("GET", path, headers=headers or {})
        self.answer = self.connection.getresponse()

    def next(self):
        """The next event's name and document."""
        event, data = None, []
        while True:
            line = self.answer.readline().decode()
            assert line, "the stream ended"
            if line == "\n" and data:
                return event, json.loads("\n".join(data))
            if line.startswith("event: "):
                event = line[7:].strip()
            if line.startswith("data: "):
                data.append(line[6:].rstrip("\n"))

    def close(self):
        self.connection.close()


class Hammer:
    """Asks the same paths at a rate, from threads, until it is told to end."""

    def __init__(self, admin, paths, per_second, threads=4):
        self.admin, self.paths = admin, paths
        self.pause = threads / per_second
        self.statuses, self.seconds = [], []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in
                        range(threads)]

    def _run(self, number):
        connection = self.admin.connect()
        turn = number
        while not self.ended.wait(self.pause):
            begun = time.monotonic()
            connection.request("GET", self.paths[turn % len(self.paths)])
            answer = connection.getresponse()
            answer.read()
            self.statuses.append(answer.status)
            self.seconds.append(time.monotonic() - begun)
            turn += 1
        connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def trust_of(certificate):
    return ssl.create_default_context(cafile=certificate)
