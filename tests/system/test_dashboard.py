# SPDX-License-Identifier: Apache-2.0
"""The dashboard in real Chromium, on a real `outboxd run` with PostgreSQL and Kafka (E9).

With OUTBOXD_SCREENSHOTS=1 the pictures of docs/img are made anew.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import urllib.request

import pytest

from browsers import ROOT
from dashboards import Dashboard
from waiting import wait_until
from writers import Writers

PAGE = ROOT / "src" / "admin" / "page"
PICTURES = ROOT / "docs" / "img"
HOSTILE = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>"
VIEWS = ["#/overview", "#/trace", "#/dead-letters", "#/relays", "#/consumers", "#/topics",
         "#/health", "#/audit"]
DAY = 86_400
BEN, ANNA = "of-ben-0123456789", "of-anna-0123456789"  # Tokens.
HEAP_GROWTH_BYTES = 20 * 1024 * 1024


def event(topic, key="order-1", **columns):
    return {"aggregate_type": "order", "aggregate_id": key, "event_type": "ORDER_PAID",
            "payload": json.dumps({"total": 12.5, "note": HOSTILE}), "topic": topic, **columns}


@pytest.fixture
def dashboard(outboxd, database, topic):
    outboxd.migrate()
    running = Dashboard(outboxd)
    running.wait_for_leases()
    return running


def figure(page, name):
    return page.locator(f"[data-figure='{name}']").inner_text()


def wait_for_figure(page, name, expected):
    wait_until(lambda: page.wait_for_timeout(50) or figure(page, name) == expected, 20,
               lambda: f"{name} shows {figure(page, name)}, expected {expected}")


def reason(page, text, verb):
    """Fills the dialog that is open and sends it by its button."""
    page.locator("dialog input[name=reason]").last.fill(text)
    page.locator("dialog").last.get_by_role("button", name=verb, exact=True).click()


def dead_rows(database, topic, count=3):
    """Rows that the relay gives up at once: no topic has a blank in its name."""
    database.insert([event("no topic", f"order-{number}") for number in range(count)])
    database.wait_for("select count(*) from outbox_events where status = 'DEAD'", count)


def test_what_is_served_is_what_stands_in_the_sources(dashboard):
    served = dashboard.get("/")
    assert served.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert served.read() == (PAGE / "index.html").read_bytes()
    files = [path for path in PAGE.rglob("*") if path.suffix in (".js", ".css", ".svg")]
    for path in files:
        name = f"/assets/{path.relative_to(PAGE)}"
        answer = dashboard.get(name)
        assert answer.read() == path.read_bytes(), name
        again = urllib.request.Request(dashboard.url + name,
                                       headers={"If-None-Match": answer.headers["ETag"]})
        with pytest.raises(urllib.error.HTTPError, match="304"):
            urllib.request.urlopen(again, timeout=20)


@pytest.mark.parametrize("folder", [PAGE / "vendor", pathlib.Path(__file__).parent / "vendor"])
def test_a_file_of_others_is_the_one_whose_checksum_stands_beside_it(folder):
    lines = [line.split() for line in (folder / "CHECKSUMS").read_text().splitlines()]
    assert {name for _, name in lines} == {
        path.name for path in folder.iterdir() if path.name != "CHECKSUMS"}
    for checksum, name in lines:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum, name


def test_the_figures_are_those_of_the_api(dashboard, database, topic, tabs):
    database.insert([event(topic, f"order-{number}") for number in range(20)])
    dead_rows(database, topic)
    database.wait_settled()
    page = tabs(dashboard.url).open()
    # What /status says is a second old; what was settled in between is in the next one.
    wait_until(lambda: dashboard.relay()["backlog"]["dead"] == 3, 20, "it knows of the dead rows")
    relay = dashboard.relay()
    wait_for_figure(page, "Pending", str(relay["backlog"]["pending"]))
    groups = dashboard.api("/dead-letters/groups")
    wait_for_figure(page, "Dead letters", str(groups["letters"]))
    assert groups["letters"] == relay["backlog"]["dead"] == 3
    live = sum(member["live"] for member in relay["members"])
    assert figure(page, "Relays") == f"{live} live"
    assert figure(page, "Databases") == figure(page, "Broker") == "up"
    verdict = dashboard.api("/status")["verdict"]["text"]
    wait_until(lambda: page.locator("#verdict .words").inner_text() == verdict, 10, verdict)


def test_the_charts_take_a_point_a_second_from_the_stream(dashboard, tabs):
    page = tabs(dashboard.url).open()
    length = "import('/assets/state.js').then(({state}) => state.series.length)"
    wait_until(lambda: page.wait_for_timeout(200) or page.evaluate(length) >= 3, 20, "3 points")
    assert page.locator("canvas").count() == 2
    assert page.locator(".link").inner_text() == "Live"


def test_a_dead_letter_is_edited_and_replayed_and_reaches_its_topic(dashboard, database, topics,
                                                                    topic, tabs):
    dead_rows(database, topic, 1)
    tab = tabs(dashboard.url)
    page = tab.open("#/dead-letters")
    page.get_by_role("link", name="ORDER_PAID").click()
    page.get_by_role("button", name="Edit", exact=True).click()
    payload = page.locator("textarea[name=payload]")
    payload.fill(payload.input_value().replace("12.5", "9007199254740993"))
    assert page.locator(".diff .new").inner_text().strip().startswith("+")
    page.locator("dialog.wide input[name=topic]").fill(topic)
    reason(page, "the topic had a blank", "Save")
    page.wait_for_selector("dialog.wide", state="detached")
    page.locator("dialog.sheet").get_by_role("button", name="Replay").click()
    page.wait_for_selector("text=Dry run: 1 letter")
    reason(page, "the topic is mended", "Replay")
    page.wait_for_selector("dialog.sheet", state="detached")
    [message] = topics.wait_for(topic, 1)
    assert json.loads(message.text)["total"] == 9007199254740993
    tab.go("#/audit")
    page.wait_for_selector("text=the topic is mended")


def test_all_letters_of_a_filter_are_replayed_with_progress_or_discarded(dashboard, database,
                                                                         topic, tabs):
    dead_rows(database, topic, 5)
    tab = tabs(dashboard.url)
    page = tab.open("#/dead-letters?key=order-3")
    page.wait_for_selector("text=ORDER_PAID")
    assert page.get_by_role("link", name="ORDER_PAID").count() == 1
    page.get_by_role("button", name="Discard all matching").click()
    page.wait_for_selector("text=Dry run: 1 letter")
    reason(page, "nobody waits for it", "Discard")
    wait_until(lambda: dashboard.api("/dead-letters/groups")["letters"] == 4, 20, "one is gone")
    tab.go("#/dead-letters")
    page.get_by_label("Select all letters of this page").wait_for()
    page.get_by_label("Select letter").first.check()
    page.get_by_role("button", name="Replay 1 selected").click()
    page.wait_for_selector("text=Dry run: 1 letter")
    page.locator("dialog input[name=rate]").fill("5")
    reason(page, "once more", "Replay")
    page.wait_for_selector(".jobs progress")


def test_a_paused_relay_publishes_nothing_until_it_is_resumed(dashboard, database, topic, tabs):
    tab = tabs(dashboard.url)
    page = tab.open("#/relays")
    page.get_by_role("button", name="Pause relay default").click()
    reason(page, "a look at it", "Pause")
    page.get_by_role("button", name="Resume relay default").first.wait_for()
    assert dashboard.api("/pauses")["items"][0]["reason"] == "a look at it"
    assert dashboard.relay()["paused"]
    tab.go("#/overview")

    def is_heeded():
        """The relay hears of it with its next heartbeat; what came before that is published."""
        database.insert([event(topic)])
        page.wait_for_timeout(500)
        return figure(page, "Pending") != "0"
    wait_until(is_heeded, 30, "an event that waits")
    wait_for_figure(page, "Pending", str(dashboard.relay()["backlog"]["pending"]))
    tab.go("#/relays")
    page.get_by_role("button", name="Resume relay default").first.click()
    database.wait_settled()
    tab.go("#/overview")
    wait_for_figure(page, "Pending", "0")


def test_the_keyboard_alone_pauses_a_relay(dashboard, tabs):
    page = tabs(dashboard.url).open("#/relays")
    button = page.get_by_role("button", name="Pause relay default")
    button.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(30):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.locator("dialog").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert button.evaluate("element => element === document.activeElement")
    page.keyboard.press("Enter")
    page.locator("dialog input[name=reason]").wait_for()
    page.keyboard.type("by the keyboard")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Resume relay default").first.wait_for()
    assert dashboard.api("/pauses")["items"][0]["reason"] == "by the keyboard"


def test_an_event_is_found_by_its_key_with_its_whole_life(dashboard, database, topic, tabs):
    database.insert([event(topic, "order-4711")])
    database.wait_settled()
    page = tabs(dashboard.url).open("#/overview")
    page.keyboard.press("/")
    page.wait_for_selector("#find-event:focus")
    page.keyboard.type("order-4711")
    page.keyboard.press("Enter")
    page.wait_for_selector(".timeline li")
    told = page.locator(".timeline strong").all_inner_texts()
    timeline = dashboard.api("/trace", q="order-4711")["events"][0]["timeline"]
    assert told[:2] == ["Written to the outbox", "Published"]
    assert len(told) == len(timeline)
    published = next(entry for entry in timeline if entry["what"] == "published")
    assert f"offset {published['offset']}" in page.locator(".timeline").inner_text()
    assert "q=order-4711" in page.url


def test_a_hostile_payload_is_text_wherever_it_is_shown(dashboard, database, topic, tabs):
    database.insert([event(topic, HOSTILE), event("no topic", HOSTILE)])
    database.wait_settled()
    tab = tabs(dashboard.url)
    page = tab.open(f"#/topics/{topic}")
    page.locator(".message").first.click()
    page.locator(".message pre").first.wait_for()
    assert "onerror" in page.locator(".message pre").first.inner_text()
    for place in ("#/dead-letters", "#/trace", "#/relays", "#/overview"):
        tab.go(place)
        page.wait_for_timeout(300)  # What is injected would have run by now.
    page.goto(f"{dashboard.url}/#/dead-letters")
    page.get_by_role("link", name="ORDER_PAID").click()
    page.locator("dialog.sheet pre").wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator("#view img, #dialogs img, #view script").count() == 0


def test_a_token_is_asked_for_and_one_that_reads_changes_nothing(outboxd, database, topic, tabs):
    outboxd.migrate()
    dashboard = Dashboard(outboxd, token=BEN, admin__read_tokens=f"ben:{BEN}",
                          admin__operate_tokens=f"anna:{ANNA}")
    tab = tabs(dashboard.url)
    page = tab.page
    page.goto(dashboard.url)
    page.locator("input[name=token]").fill(BEN)
    assert tab.violations() == []
    page.keyboard.press("Enter")
    page.wait_for_selector("text=read only")
    page.wait_for_selector(".tile")
    tab.go("#/relays")
    page.wait_for_selector(".leases")
    assert page.get_by_role("button", name="Pause relay default").count() == 0
    assert page.evaluate("JSON.stringify({...localStorage})").find(BEN) == -1
    page.get_by_role("button", name="Forget the token").click()
    page.locator("input[name=token]").fill(ANNA)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause relay default").wait_for()
    # The browser itself says so of each answer 401; nothing else may be said.
    assert [line for line in tab.complaints if "401" not in line] == []
    tab.complaints.clear()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_view_has_a_violation_or_is_wider_than_its_window(dashboard, database, topic, tabs,
                                                             width, theme):
    dead_rows(database, topic)
    database.insert([event(topic, f"order-{number}") for number in range(30)])
    database.wait_settled()
    letter = dashboard.api("/dead-letters")["items"][0]["id"]
    tab = tabs(dashboard.url, width=width, height=844, theme=theme)
    tab.open()
    rules = ["color-contrast"] if theme == "dark" else []  # Nothing else differs by theme.
    found = {}
    for place in [*VIEWS, f"#/topics/{topic}", "#/trace?q=order-1",
                  f"#/dead-letters?letter={letter}"]:
        tab.go(place)
        tab.page.wait_for_timeout(400)  # Its resources have come; axe judges what is there.
        found[place] = tab.violations(*rules)
        if tab.is_wider_than_its_window():
            found[place].append("too wide")
    assert {place: lines for place, lines in found.items() if lines} == {}


# Buttons, links and fields whose middle is outside the window or outside what scrolls around them.
OUT_OF_REACH = """() => [...document.querySelectorAll('a, button, input, select')].filter(one => {
  const box = one.getBoundingClientRect();
  if (box.width === 0 || one.closest('.skip, .unseen')) return false;
  const middle = (box.left + box.right) / 2;
  const around = one.closest('.scroll, #menu')?.getBoundingClientRect();
  return middle < 0 || middle > innerWidth
    || around && (middle < around.left || middle > around.right);
}).map(one => one.getAttribute('aria-label') ?? one.textContent)"""


def test_on_a_phone_all_that_acts_is_in_sight_without_scrolling_sideways(dashboard, database, topic,
                                                                         tabs):
    dead_rows(database, topic)
    tab = tabs(dashboard.url, width=390, height=844)
    page = tab.open("#/relays")
    for kind, name in (("Topic", f"{topic}-of-a-rather-long-name"), ("Key", "order-" + 40 * "7")):
        page.get_by_role("button", name="Pause a topic or key").click()
        page.locator("dialog select[name=kind]").select_option(kind.lower())
        page.locator("dialog input[name=name]").fill(name)
        reason(page, "because of a very long story that somebody has to read on a phone", "Pause")
        page.get_by_role("button", name=f"Resume {kind.lower()} {name}").wait_for()
    found = {}
    for place in [*VIEWS, f"#/topics/{topic}"]:
        tab.go(place)
        page.wait_for_timeout(400)  # Its resources have come.
        found[place] = page.evaluate(OUT_OF_REACH)
    assert {place: names for place, names in found.items() if names} == {}
    tab.go("#/relays")
    page.get_by_role("button", name="Resume key").click()
    wait_until(lambda: len(dashboard.api("/pauses")["items"]) == 1, 10, "one pause is left")


def test_a_verdict_of_many_words_is_read_whole(dashboard, tabs):
    page = tabs(dashboard.url).open()
    page.wait_for_selector(".tile")
    page.evaluate("""import('/assets/state.js').then(({state, changed}) => {
      state.status.verdict = {state: 'degraded', text: 'so many words about it '.repeat(20)};
      changed();
    })""")
    # Evaluated again and again in the page, which its own security policy would forbid.
    words = page.locator("#verdict .words")
    wait_until(lambda: len(words.inner_text()) > 400, 10, "the words stand there")
    assert page.evaluate("""(() => {
      const words = document.querySelector('#verdict .words');
      return words.scrollWidth <= words.clientWidth && getComputedStyle(words).overflow;
    })()""") == "visible"


def test_a_page_that_is_loaded_again_keeps_its_charts_and_says_since_when(dashboard, tabs):
    page = tabs(dashboard.url).open()
    length = "import('/assets/state.js').then(({state}) => state.series.length)"
    wait_until(lambda: page.wait_for_timeout(200) or page.evaluate(length) >= 4, 20, "4 points")
    since = page.locator(".legend small").first.inner_text()
    assert since.startswith("since ")
    page.reload()
    page.wait_for_selector(".tile")
    assert page.evaluate(length) >= 4
    assert page.locator(".legend small").first.inner_text() == since


REPLAY_A_DAY = """async count => {
  const {state, reduce, changed} = await import('/assets/state.js');
  const text = JSON.stringify(state.status);
  let now = Date.now();
  for (let i = 0; i < count; ++i) {
    const data = JSON.parse(text);
    for (const store of data.stores) {
      for (const relay of store.relays) relay.backlog.pending = (i * 7919) % 100000;
    }
    data.rates = {written_per_second: i % 1000, published_per_second: i % 900};
    reduce(state, {name: 'status', data}, now += 1000);
    if (i % 200 === 0) {
      changed();
      await new Promise(done => requestAnimationFrame(done));
    }
  }
  return state.series.length;
}"""


def test_a_day_of_updates_grows_the_heap_by_less_than_20_mb(dashboard, tabs):
    tab = tabs(dashboard.url)
    page = tab.open()
    page.wait_for_selector(".tile")
    page.evaluate(REPLAY_A_DAY, 1_000)  # The series are full, and the code is compiled.
    before = tab.heap_bytes()
    # The real stream goes on beside it, at another time, which begins the series anew.
    assert 0 < page.evaluate(REPLAY_A_DAY, DAY) <= 900
    grown = tab.heap_bytes() - before
    print(f"{DAY} updates: the heap was {before / 1e6:.1f} MB and grew by {grown / 1e6:.1f} MB")
    assert grown < HEAP_GROWTH_BYTES


def test_it_says_that_the_broker_is_away_and_is_live_again_after_the_outage(
        dashboard, services, database, topic, tabs):
    page = tabs(dashboard.url).open()
    wait_for_figure(page, "Broker", "up")
    with Writers(database, topic):
        linger(page)
        services.command("pause", "kafka")
        try:
            wait_for_figure_within(page, "Broker", "down", 60)
            assert page.locator("#verdict").get_attribute("class") != "verdict good"
            wait_until(lambda: page.wait_for_timeout(100) or dashboard.relay()["backlog"]["pending"]
                       > 1_000, 60, "a backlog")
        finally:
            services.command("resume", "kafka")
        wait_for_figure_within(page, "Broker", "up", 60)
        wait_until(lambda: page.wait_for_timeout(200) or dashboard.relay()["backlog"]["pending"]
                   < 1_000, 60, "it catches up")
        linger(page)
        picture(page, "dashboard-outage.png")


def linger(page):
    """For the pictures alone: lines of some length."""
    if os.environ.get("OUTBOXD_SCREENSHOTS") == "1":
        page.wait_for_timeout(20_000)


def wait_for_figure_within(page, name, expected, seconds):
    wait_until(lambda: page.wait_for_timeout(100) or figure(page, name) == expected, seconds,
               lambda: f"{name} shows {figure(page, name)}, expected {expected}")


def test_a_server_that_ended_is_told_and_the_page_comes_back_with_it(outboxd, database, topic,
                                                                    tabs):
    outboxd.migrate()
    dashboard = Dashboard(outboxd)
    tab = tabs(dashboard.url)
    page = tab.open()
    page.wait_for_selector(".link.live")
    dashboard.running.kill()
    page.wait_for_selector(".link.lost")
    outboxd.start("run", admin__address=dashboard.address)
    page.wait_for_selector(".link.live", timeout=40_000)
    tab.complaints.clear()  # The browser's own words about connections that were refused.


def picture(page, name):
    if os.environ.get("OUTBOXD_SCREENSHOTS") == "1":
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=str(PICTURES / name))
        shrink(PICTURES / name)


def shrink(path):
    """Fewer colours, where the tool for it is installed: a picture of a page has few."""
    try:
        subprocess.run(["pngquant", "--force", "--output", str(path), str(path)], check=False)
    except FileNotFoundError:
        pass


def test_under_load_it_stays_readable_on_a_desk_and_in_a_hand(dashboard, database, topic, tabs):
    dead_rows(database, topic, 4)
    wide = tabs(dashboard.url).open()
    phone = tabs(dashboard.url, width=390, height=844).open()
    dark = tabs(dashboard.url, theme="dark").open()
    with Writers(database, topic) as writers:
        seconds = 75 if os.environ.get("OUTBOXD_SCREENSHOTS") == "1" else 5
        wide.wait_for_timeout(1_000 * seconds)
        assert writers.rows > 100
        for page, name in ((wide, "dashboard-load.png"), (phone, "dashboard-phone.png"),
                           (dark, "dashboard-dark.png")):
            wait_until(lambda: page.wait_for_timeout(100) or figure(page, "Published") != "0", 20,
                       "events are published")
            picture(page, name)
