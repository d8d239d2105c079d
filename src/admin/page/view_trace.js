// SPDX-License-Identifier: Apache-2.0
// Where is my event? One search, and its whole life with the times between.
import {ask_event} from "./dialogs.js";
import {h} from "./dom.js";
import {count, cut, duration, nothing, plural} from "./format.js";
import {headers_block, payload_block} from "./letter_sheet.js";
import {anchor, badge, button, missing_parts, moment, mono, pairs, panel, table, waiting}
  from "./parts.js";
import {resource} from "./resources.js";
import {go, link, with_query} from "./router.js";
import {state} from "./state.js";
import {pager} from "./view_letters.js";

const state_kinds = {pending: "accent", processing: "accent", retrying: "warn", published: "good",
                     dead: "bad"};
const states = ["pending", "processing", "retrying", "published", "dead"];

export function needs(route) {
  if (route.query.q) {
    return [{name: "trace", path: "/trace", query: {q: route.query.q}, is_exact: true}];
  }
  return [{name: "events", path: "/events", every: 5, is_exact: true,
           query: {limit: 50, state: route.query.state, cursor: route.query.cursor}}];
}

const words = {
  written: "Written to the outbox", published: "Published", dead_letter: "Dead letter of the relay",
  replayed: "Replayed", consumed: "Consumed", consumer_dead_letter: "Dead letter of a consumer",
  discarded: "Discarded", edited: "Edited",
};
const kinds = {written: "accent", published: "good", consumed: "good", replayed: "accent",
               dead_letter: "bad", consumer_dead_letter: "bad", discarded: "quiet",
               edited: "quiet"};

function place_of(entry) {
  const parts = [];
  if (entry.consumer) parts.push(`by ${entry.consumer}`);
  if (entry.topic) parts.push(anchor(link("topics", {}, entry.topic), entry.topic));
  if (entry.partition !== null && entry.partition !== undefined) {
    parts.push(`partition ${entry.partition}`);
  }
  if (entry.topic && entry.what === "published") {
    parts.push(entry.offset === null || entry.offset === undefined ? "offset not found"
                                                                   : `offset ${entry.offset}`);
  } else if (entry.offset !== null && entry.offset !== undefined) {
    parts.push(`offset ${entry.offset}`);
  }
  if (parts.length === 0 && entry.where) parts.push(entry.where);
  return parts.flatMap((part, i) => i === 0 ? [part] : [", ", part]);
}

function timeline(entries) {
  return h("ol", {class: "timeline"}, entries.slice(0, 200).map((entry, i) =>
    h("li", {key: i, class: kinds[entry.what] ?? "quiet"},
      h("div", {class: "when"}, moment(entry.at),
        entry.after_ms === null || entry.after_ms === undefined || i === 0 ? null
          : h("small", null, `+ ${duration(entry.after_ms)}`)),
      h("div", {class: "what"}, h("strong", null, words[entry.what] ?? entry.what),
        h("small", null, place_of(entry)),
        entry.error ? h("small", {class: "bad-text"}, entry.error) : null))));
}

function acts(event) {
  if (state.is_read_only || event.state !== "dead") return null;
  return [button({shape: "replay", text: "Retry", kind: "small",
                  onclick: () => ask_event("retry", event)}),
          button({shape: "discard", text: "Discard", kind: "small",
                  onclick: () => ask_event("discard", event)})];
}

function found_event({event, timeline: entries}) {
  return panel(event.event_type || "Event", {
    key: `${event.event_id ?? event.row} ${event.store}`, note: mono(event.event_id ?? event.row),
    name: `${event.event_type} ${event.event_id ?? event.row}`,
    side: [badge(state_kinds[event.state] ?? "quiet", event.state), acts(event)]},
    h("div", {class: "life"}, timeline(entries),
      h("div", null, pairs([
        ["Aggregate", `${event.aggregate_type} ${event.aggregate_id}`],
        ["Key", event.key ? mono(event.key) : null], ["Topic", event.topic],
        ["Store", event.store], ["Row", mono(event.row)], ["Status", event.status],
        ["Attempts", event.retry_count > 0 ? count(event.retry_count) : null],
        ["Next attempt", event.next_attempt_at && event.state === "retrying"
          ? moment(event.next_attempt_at) : null],
        ["Locked by", event.locked_by], ["Error", event.error]]),
        h("details", {class: "more"}, h("summary", null, "Payload and headers"),
          payload_block(event), headers_block(event.headers)))));
}

const matched = {event_id: "by its event id", row: "by the row's id",
                 aggregate_id: "by the aggregate's id", key: "by key"};

function search_result(route) {
  const held = resource("trace");
  const trace = held?.data;
  if (!trace) return panel("Search", {key: "found"}, waiting(held, "What the stores hold"));
  if (trace.events.length === 0) {
    return panel("Not found", {key: "found"}, h("p", {class: "empty"},
      `No event has the id, the aggregate id or the key “${cut(route.query.q, 80)}”.`,
      trace.complete ? "" : " Not all could be searched."));
  }
  return [h("p", {class: "hint", key: "hint", role: "status"},
            `${plural(trace.events.length, "event")} found ${matched[trace.matched_by] ?? ""}` +
            (trace.complete ? "." : "; the search ended at its limit, there may be more.")),
          missing_parts(trace),
          trace.events.slice(0, 50).map(found_event)];
}

function recent(route) {
  const held = resource("events");
  const side = h("div", {class: "chips", role: "group", "aria-label": "State"},
    [undefined, ...states].map(one => h("a", {
      key: one ?? "all", class: `chip${route.query.state === one ? " on" : ""}`,
      href: link("trace", {state: one}),
      "aria-current": route.query.state === one ? "true" : undefined}, one ?? "all")));
  return panel("Latest events", {key: "latest", side},
    missing_parts(held?.data), held?.data ? [table({
    caption: "Latest events", rows: held.data.items, empty: "No event.",
    key: row => `${row.store} ${row.row}`, columns: [
      {name: "at", title: "Written", cell: row => moment(row.created_at)},
      {name: "type", title: "Event", class: "key", cell: row =>
        anchor(link("trace", {q: row.event_id ?? row.row}), row.event_type || row.row)},
      {name: "aggregate", title: "Aggregate", class: "extra",
       cell: row => cut(`${row.aggregate_type} ${row.aggregate_id}`, 60)},
      {name: "key", title: "Key", class: "extra", cell: row => mono(cut(row.key ?? nothing, 40))},
      {name: "topic", title: "Topic", class: "extra", cell: row => row.topic ?? nothing},
      {name: "store", title: "Store", class: "extra", cell: row => row.store},
      {name: "state", title: "State",
       cell: row => badge(state_kinds[row.state] ?? "quiet", row.state)}]}),
    pager(route, held.data.next_cursor)] : waiting(held, "The list"));
}

export function show(route) {
  const search = event => {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get("q").trim();
    if (text) go("trace", {q: text});
  };
  return h("div", {class: "stack", key: "trace"},
    h("form", {class: "find", role: "search", onsubmit: search, key: "find",
               "aria-label": "Where is my event?"},
      h("label", {for: "find-event"}, "Where is my event?"),
      h("div", {class: "find-line"},
        h("input", {id: "find-event", name: "q", type: "search", value: route.query.q ?? "",
                    placeholder: "Event id, row, aggregate id or key", autocomplete: "off",
                    spellcheck: "false"}),
        button({text: "Find", kind: "primary", type: "submit", shape: "search"}),
        route.query.q ? h("a", {class: "button", href: with_query(route, {q: undefined})},
                          "Clear") : null)),
    route.query.q ? search_result(route) : recent(route));
}
