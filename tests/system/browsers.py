# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium driven by Playwright, and what is asked of every page in it.

Playwright is no package of Debian 12: tools/fetch-python brings the version that
tools/python-packages.txt names. axe-core stands in vendor/, with its licence and checksums.
"""
import contextlib
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Until the page has heard of it and has drawn it: what was there before is no answer.
GO = """async place => {
  if (location.hash !== place) {
    const heard = new Promise(done => addEventListener("hashchange", done, {once: true}));
    location.hash = place;
    await heard;
  }
  for (let i = 0; i < 2; ++i) await new Promise(done => requestAnimationFrame(done));
}"""
AXE = HERE / "vendor" / "axe.js"


def load_playwright():
    folder = subprocess.run([str(ROOT / "tools" / "fetch-python")], check=True, text=True,
                            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout.strip()
    if folder not in sys.path:
        sys.path.append(folder)
    from playwright.sync_api import sync_playwright
    return sync_playwright()


@contextlib.contextmanager
def chromium():
    with load_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"])
        yield browser
        browser.close()


class Tab:
    """One page in a context of its own; `complaints` is what its console and scripts said."""

    def __init__(self, browser, url, width=1280, height=800, theme="light"):
        self.url = url
        self.complaints = []
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, timezone_id="UTC",
            locale="en-GB", reduced_motion="reduce")
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, place="#/overview"):
        self.page.goto(f"{self.url}/{place}")
        self.page.wait_for_selector("#verdict .words")
        return self.page

    def go(self, place):
        self.page.evaluate(GO, place)
        self.page.wait_for_selector("#view > *")

    def violations(self, *rules):
        """What axe-core finds, a line each: WCAG and its own best practices, or these rules."""
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("rules => axe.run(rules.length ? {runOnly: rules} : {})",
                                   rules)["violations"]
        return [f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
                for one in found for node in one["nodes"]]

    def is_wider_than_its_window(self):
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth")

    def heap_bytes(self):
        """Of JavaScript, after all garbage is gone."""
        session = self.context.new_cdp_session(self.page)
        for _ in range(2):
            session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")["usedSize"]
        session.detach()
        return used

    def close(self):
        self.context.close()
