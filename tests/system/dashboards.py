# SPDX-License-Identifier: Apache-2.0
"""`outboxd run` with its dashboard, and the same questions put to its API."""
import json
import urllib.error
import urllib.parse
import urllib.request

from pages import free_address
from waiting import wait_until


class Dashboard:
    """A running `outboxd run` on a port of its own."""

    def __init__(self, outboxd, token=None, **settings):
        self.address = free_address()
        self.url = f"http://{self.address}"
        self.token = token
        self.running = outboxd.start("run", admin__address=self.address, **settings)
        wait_until(self.answers, 30, lambda: f"an answer from\n{self.running.log()[-3000:]}")

    def answers(self):
        assert self.running.alive(), self.running.log()[-3000:]
        try:
            return self.get("/livez").status == 200
        except urllib.error.HTTPError as error:
            return error.code in (401, 403)
        except OSError:
            return False

    def get(self, path, **query):
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self.url + path + words, headers=headers)
        return urllib.request.urlopen(request, timeout=20)

    def api(self, path, **query):
        return json.load(self.get(f"/api/v1{path}", **query))

    def relay(self):
        return self.api("/status")["stores"][0]["relays"][0]

    def wait_for_leases(self):
        def look():
            slots = self.relay()["slots"]
            return slots and all(slot["owner"] for slot in slots)
        wait_until(look, 30, "all leases are held")
