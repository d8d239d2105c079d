# SPDX-License-Identifier: Apache-2.0
"""The dashboard's modules by themselves, in the browser that runs them; no server of ours."""
import functools
import http.server
import threading

import pytest

from browsers import ROOT, chromium


class Files(http.server.SimpleHTTPRequestHandler):
    """The page's folder under /assets, as outboxd serves it."""

    def do_GET(self):
        self.path = self.path.removeprefix("/assets")
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def page():
    folder = str(ROOT / "src" / "admin" / "page")
    handler = functools.partial(Files, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, \
            chromium() as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opened = browser.new_page()
        opened.goto(f"http://127.0.0.1:{server.server_port}/assets/icon.svg")
        yield opened
        server.shutdown()


def of(page, module, code):
    """What the code gives, which has the module's names as `m`."""
    return page.evaluate(
        f"import('/assets/{module}.js').then(m => {{ {code} }})")


def test_the_stream_is_read_in_any_pieces(page):
    assert of(page, "api", """
      const text = 'event: status\\ndata: {"a":\\ndata: 1}\\n\\n: hello\\n\\nevent: rates\\r\\n' +
                   'data: {}\\r\\n\\r\\ndata: cut';
      return [1, 2, 7, 1000].map(size => {
        const told = [], take = m.event_reader((name, data) => told.push(name, data));
        for (let i = 0; i < text.length; i += size) take(text.slice(i, i + size));
        return told;
      });""") == [["status", '{"a":\n1}', "rates", "{}"]] * 4


def test_a_stream_that_sends_no_events_is_given_up(page):
    assert of(page, "api", """
      const take = m.event_reader(() => {});
      try { for (let i = 0; i < 20; ++i) take('x'.repeat(1 << 20)); } catch (error) {
        return error.message;
      }""") == "the stream sends no events"


def test_series_keep_900_points_and_break_the_line_after_a_silence(page):
    assert of(page, "series", """
      const series = new m.Series(['a']);
      for (let i = 0; i < 2000; ++i) series.push(i, {a: i});
      const full = series.columns('a');
      series.push(2100, {a: 7});
      const after = series.columns('a');
      return [full[0].length, full[1][0], full[1][899], after[0].length, after[1].slice(-3)];
    """) == [900, 1100, 1999, 900, [1999, None, 7]]


def test_a_clock_that_was_set_back_begins_the_series_anew(page):
    assert of(page, "series", """
      const series = new m.Series(['a']);
      series.push(100, {a: 1});
      series.push(50, {a: 2});
      return series.columns('a');""") == [[50], [2]]


def test_numbers_of_a_payload_stay_as_they_were_written(page):
    text = '{"a":9007199254740993,"b":12.50,"c":1e3,"d":[1,-0.0],"e":"12.50"}'
    assert of(page, "exact", f"""
      return JSON.stringify(m.parse_exactly({text!r}));""") == text


def test_a_difference_shows_what_goes_and_what_comes(page):
    assert of(page, "diff", """
      return m.diff_lines('a\\nb\\nc', 'a\\nx\\nc\\nd').map(one => one.kind + ' ' + one.text);
    """) == ["same a", "gone b", "new x", "same c", "new d"]


def test_texts_too_long_to_compare_are_not_compared(page):
    assert of(page, "diff", "return m.diff_lines('x\\n'.repeat(5000), 'y');") is None


def test_a_place_in_the_page_survives_its_address(page):
    assert of(page, "router", """
      const text = m.link('topics', {key: 'a&b=c#d/é', none: ''}, 'a/b%');
      return [text, m.read_route(text)];""") == [
        "#/topics/a%2Fb%25?key=a%26b%3Dc%23d%2F%C3%A9",
        {"view": "topics", "rest": ["a/b%"], "query": {"key": "a&b=c#d/é"}}]


def test_text_is_never_markup_and_nodes_that_stay_are_the_same(page):
    assert of(page, "dom", """
      const root = document.implementation.createHTMLDocument('').body;
      const draw = rows => m.patch(root, rows.map(row => m.h('p', {key: row, title: row}, row)));
      draw(['<b>1</b>', '2', '3']);
      const [first, second] = root.children;
      draw(['2', '<b>1</b>']);
      return [root.querySelectorAll('b').length, root.children[0] === second,
              root.children[1] === first, root.textContent];
    """) == [0, True, True, "2<b>1</b>"]


@pytest.mark.parametrize("milliseconds, words", [
    (0.4, "0.4 ms"), (999, "999 ms"), (1500, "1.5 s"), (61_000, "1 min 1 s"),
    (3_700_000, "1 h 1 min"), (200_000_000, "2 d 7 h"), (None, "\u2013")])
def test_durations_are_words(page, milliseconds, words):
    value = "null" if milliseconds is None else milliseconds
    assert of(page, "format", f"return m.duration({value});") == words


def test_other_names_of_a_view_lead_to_it(page):
    assert of(page, "router", """
      return ['#/events?q=7', '#/letters', '#/relays'].map(text => m.read_route(text).view);
    """) == ["trace", "dead-letters", "relays"]


def test_a_page_that_is_loaded_again_goes_on_with_the_points_of_its_charts(page):
    assert of(page, "series", """
      const before = new m.Series(['a', 'b']);
      for (let i = 0; i < 4; ++i) before.push(i, {a: i});
      const after = new m.Series(['a', 'b']);
      after.take(before.kept(), 2);
      for (const nothing of ['', '{', '[]', 'null', '[[1]]', '[{}, 1, 2]']) after.take(nothing, 0);
      return after.columns('a', 'b');""") == [[2, 3], [2, 3], [None, None]]


def test_a_cause_is_told_in_the_words_of_a_letter_with_what_varies_marked(page):
    assert of(page, "format", """
      const cause = 'row \u2026: the topic \u2026 has a blank';
      return [m.varying_parts(cause, "row 7: the topic 'a b' has a blank"),
              m.varying_parts('touched \u2026', 'touched 0'),
              m.varying_parts(cause, 'something else'), m.varying_parts('no dots', 'no dots')];
    """) == [[["row ", False], ["7", True], [": the topic ", False], ["'a b'", True],
              [" has a blank", False]], [["touched ", False], ["0", True]], None, None]


def test_steps_of_an_axis_are_told_in_parts_of_a_minute(page):
    assert of(page, "format", """
      return [30_000, 60_000, 90_000, 7_200_000].map(m.axis_duration);
    """) == ["30 s", "1 min", "1.5 min", "2 h"]
