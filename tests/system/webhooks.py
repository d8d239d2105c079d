# SPDX-License-Identifier: Apache-2.0
"""A server that webhooks are posted to, and the last look at /metrics."""
import http.server
import json
import threading
import urllib.request


class Webhook:
    """Keeps the bodies; answers 500 while `refuses`. Used as a context."""

    def __init__(self):
        self.messages = []
        self.refused = 0
        self.refuses = False
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if webhook.refuses:
                    webhook.refused += 1
                else:
                    webhook.messages.append(json.loads(body))
                self.send_response(500 if webhook.refuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def states(self, alert):
        return [one["state"] for one in self.messages if one["alert"] == alert]


def metrics_of(running):
    """The text at /metrics of a process that says in its log where it listens."""
    url = running.wait_for_log(r"the admin server listens url=(\S+)").group(1)
    with urllib.request.urlopen(url + "metrics", timeout=10) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]
