# SPDX-License-Identifier: Apache-2.0
"""A page in a real browser: its WebSocket and EventSource, from another origin, with a token."""
import http.server
import json
import queue
import subprocess
import threading

import pytest
from push_clients import Gateway, produce

TOKEN = "browser-token"
SECONDS = 60
# Follows by both ways; cuts its WebSocket after the fifth message and comes back.
PAGE = """<!doctype html><script>
const gateway = "%(gateway)s", found = {socket: [], events: [], closed: []};
const tell = (path, what) => fetch(path, {method: "POST", body: JSON.stringify(what)});
let position = "";
function follow() {
  const socket = new WebSocket(`ws://${gateway}/ws?resume=${encodeURIComponent(position)}`,
                               ["outbox", "bearer.%(token)s"]);
  socket.onopen = () => tell("/ready", socket.protocol);
  socket.onmessage = ({data}) => {
    const frame = JSON.parse(data);
    position = frame.position;
    found.socket.push(frame.value.n);
    if (found.socket.length == 5) socket.close();
    report();
  };
  socket.onclose = ({code}) => { found.closed.push(code); if (found.closed.length == 1) follow(); };
}
follow();
const events = new EventSource(`http://${gateway}/events?token=%(token)s`);
events.onopen = () => tell("/ready", "events");
events.onmessage = ({data}) => { found.events.push(JSON.parse(data).n); report(); };
function report() {
  if (found.socket.length >= 30 && found.events.length >= 30) tell("/done", found);
}
new WebSocket(`ws://${gateway}/ws`).onerror = () => tell("/refused", true);
</script>"""


class PageServer(http.server.ThreadingHTTPServer):
    def __init__(self):
        self.told = queue.Queue()
        self.page = ""
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server_port}"

    def wait_for(self, count):
        """What the page told, by path: each waits at most a minute."""
        return [self.told.get(timeout=SECONDS) for _ in range(count)]


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(self.server.page.encode())

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.put((self.path, json.loads(text)))
        self.answer(b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def pages():
    with PageServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def browse(tmp_path):
    """Opens a page in a browser that ends with the test."""
    opened = []

    def start(url):
        log = open(tmp_path / "browser.log", "wb")
        opened.append(subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-extensions", "--remote-debugging-port=0",
             f"--user-data-dir={tmp_path / 'browser'}", url],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log))
    yield start
    for process in opened:
        process.terminate()
        process.wait(20)


def test_a_page_gets_each_message_once_by_websocket_and_by_events(outboxd, topic, services, pages,
                                                                  browse):
    gateway = Gateway(outboxd, topic, gateway__token=TOKEN, gateway__allowed_origins=pages.origin)
    pages.page = PAGE % {"gateway": gateway.address, "token": TOKEN}
    browse(pages.origin)
    told = pages.wait_for(3)
    assert sorted(told, key=str) == [("/ready", "events"), ("/ready", "outbox"), ("/refused", True)]
    produce(services.kafka, topic, range(30), keys=1)
    told = dict(pages.wait_for(2))
    assert told["/ready"] == "outbox"  # It came back.
    found = told["/done"]
    assert found["socket"] == list(range(30))
    assert found["events"] == list(range(30))
    assert found["closed"] == [1000]


def test_a_page_of_an_origin_that_is_not_named_gets_nothing(outboxd, topic, pages, browse):
    gateway = Gateway(outboxd, topic, gateway__allowed_origins="https://shop.example")
    pages.page = PAGE % {"gateway": gateway.address, "token": TOKEN}
    browse(pages.origin)
    assert pages.wait_for(1) == [("/refused", True)]
    assert '"clients":0' in gateway.get("/health")[2]
