# SPDX-License-Identifier: Apache-2.0
"""The shop as a client has it: `shop serve` on PostgreSQL or SQLite, and requests to it."""
import http.client
import json
import re
import sqlite3
import subprocess
import urllib.parse

from databases import Database
from programs import Running, clean_environment


class SqliteFile:
    """The questions of databases.Database, put to a file."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path, timeout=30, isolation_level=None)

    def execute(self, sql):
        self.connection.execute(sql)

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def value(self, sql):
        return self.rows(sql)[0][0]


class Answer:
    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def code(self):
        """Of what went wrong."""
        return self.body["error"]["code"]


class Shop:
    """A migrated database with a shop on it, and the running server."""

    def __init__(self, programs, folder, url):
        self.outboxd, self.program = programs
        self.folder = folder
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.environment = dict(clean_environment(), DATABASE_CONN=url)
        self.run(self.outboxd, "migrate")
        self.database = SqliteFile(folder / "shop.db") if self.is_sqlite else Database(url)
        self.server = None
        self.address = None

    def run(self, *command):
        done = self.tried(*command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def tried(self, *command, environment=None):
        return subprocess.run(command, cwd=self.folder, env=environment or self.environment,
                              text=True, capture_output=True, timeout=120)

    def serve(self, *flags):
        self.server = Running([self.program, "serve", "--listen=127.0.0.1:0", *flags],
                              self.environment, self.folder, "serve")
        self.address = self.server.wait_for_log(r"listening on (http://\S+)").group(1)
        return self

    def connect(self):
        place = urllib.parse.urlsplit(self.address)
        return http.client.HTTPConnection(place.hostname, place.port, timeout=60)

    def request(self, method, path, body=None, key=None, headers=None):
        """A body that is no text is sent as JSON."""
        sent = {} if body is None else {"Content-Type": "application/json"}
        if key is not None:
            sent["Idempotency-Key"] = key
        sent.update(headers or {})
        text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        connection = self.connect()
        try:
            connection.request(method, path, text, sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read().decode())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body=None, **options):
        return self.request("POST", path, {} if body is None else body, **options)

    def done(self, path, body=None, **options):
        """A POST that has to be done; its body."""
        answer = self.post(path, body, **options)
        assert answer.status in (200, 201, 202), f"{path}: {answer.status} {answer.text}"
        return answer.body

    def product(self, stock=100, price=1999, name="Kettle"):
        made = self.done("/api/products", {"name": name, "price": price, "stock": stock})
        return made["id"]

    def order(self, product, qty=1, user=1):
        items = [{"product_id": product, "qty": qty}]
        return self.done("/api/orders", {"user_id": user, "items": items})["order_id"]

    def events(self, topic):
        """(type, aggregate type, aggregate id, payload, headers) in their order."""
        rows = self.database.rows(
            "select event_type, aggregate_type, aggregate_id, payload, headers from outbox_events "
            f"where topic = '{topic}' order by id")
        parsed = []
        for kind, aggregate, number, payload, headers in rows:
            as_value = [json.loads(text) if isinstance(text, str) else text
                        for text in (payload, headers)]
            parsed.append((kind, aggregate, number, *as_value))
        return parsed

    def refuse_events(self, event_type):
        """From now on the database takes no event of this type."""
        if self.is_sqlite:
            self.database.execute(
                "create trigger refuse before insert on outbox_events when new.event_type = "
                f"'{event_type}' begin select raise(abort, 'refused for a test'); end")
        else:
            self.database.execute("alter table outbox_events add constraint refuse check "
                                  f"(event_type <> '{event_type}')")

    def openapi_paths(self):
        return [re.sub(r"\{id\}", "1", path) for path in self.get("/openapi.json").body["paths"]]

    def end(self):
        if self.server is not None and self.server.alive():
            self.server.kill()
        self.database.connection.close()
