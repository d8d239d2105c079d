// SPDX-License-Identifier: Apache-2.0
// The first look: is all well, and if not, where.
import {chart_panels} from "./charts.js";
import {h} from "./dom.js";
import {count, nothing, plural, rate, short_count, short_duration} from "./format.js";
import {age, anchor, badge, bar, choice, icon, panel, table, waiting} from "./parts.js";
import {resource} from "./resources.js";
import {go, link} from "./router.js";
import {state, totals_of} from "./state.js";
import {findings_of} from "./status_words.js";

const backlog_kinds = [["type", "aggregate type"], ["topic", "topic"], ["key", "key"],
                       ["age", "age"]];

export function needs(route) {
  return [
    {name: "alerts", path: "/alerts", every: 15},
    {name: "backlog", path: "/backlog", query: {by: route.query.by ?? "type"}, every: 5},
  ];
}

function tile({name, text, sub, kind = "", href}) {
  const inner = [h("span", {class: "tile-name"}, name),
                 h("b", {"data-figure": name}, text), h("small", null, sub ?? "\u00a0")];
  return href ? h("a", {class: `tile ${kind}`, href, key: name}, ...inner)
              : h("div", {class: `tile ${kind}`, key: name}, ...inner);
}

function flow_tiles(status, totals) {
  const rates = state.rates ?? {};
  const letters = resource("total")?.data;
  const dead = letters?.letters ?? totals.dead;
  return [
    tile({name: "Pending", sub: "events wait", href: link("relays"),
          text: `${totals.is_exact ? "" : "\u2265 "}${short_count(totals.pending)}`}),
    tile({name: "Oldest", text: totals.oldest_ms === null ? "\u2013"
            : short_duration(totals.oldest_ms),
          sub: totals.oldest_ms === null ? "nothing waits" : "age of the first",
          kind: totals.oldest_ms > 60_000 ? "warn" : ""}),
    tile({name: "Written", text: rate(rates.written_per_second), sub: "events a second"}),
    tile({name: "Published", text: rate(rates.published_per_second), sub: "events a second"}),
    tile({name: "Held up", text: short_count(totals.blocked + totals.held), href: link("relays"),
          sub: `${plural(totals.blocked, "key")}, ${plural(totals.held, "topic")}`,
          kind: totals.blocked + totals.held > 0 ? "warn" : ""}),
    tile({name: "Dead letters", text: short_count(dead), href: link("dead-letters"),
          sub: letters ? `of ${plural(letters.items.length, "cause")}` : "of relays",
          kind: dead > 0 ? "bad" : ""}),
  ];
}

function part_tiles(status, totals) {
  const stores = status.stores ?? [];
  const up = stores.filter(store => store.state !== "down").length;
  const broker = status.broker ?? {};
  const is_up = broker.state === "up";
  const free = totals.slots - totals.owned;
  return [
    tile({name: "Relays", text: `${totals.live} live`, href: link("relays"),
          sub: totals.slots === 0 ? "no leases yet"
            : `${totals.owned}/${totals.slots} leases`,
          kind: totals.live === 0 || free > 0 ? "warn" : ""}),
    tile({name: "Databases", text: up === stores.length ? "up" : `${stores.length - up} down`,
          sub: plural(stores.length, "store"), kind: up === stores.length ? "good" : "bad",
          href: link("relays")}),
    tile({name: "Broker", text: is_up ? "up" : broker.state ?? "\u2013", href: link("topics"),
          sub: is_up ? plural(broker.brokers?.length ?? 0, "broker") : "not reached",
          kind: is_up ? "good" : "bad"}),
  ];
}

function attention(status) {
  const found = findings_of(status, resource("total")?.data?.items,
                            resource("alerts")?.data?.items);
  if (found.length === 0) {
    return panel("Needs attention", {key: "attention"},
      h("p", {class: "calm"}, icon("check"), "Nothing. Events flow."));
  }
  return panel("Needs attention", {key: "attention", note: plural(found.length, "matter")},
    h("ul", {class: "matters"}, found.slice(0, 12).map((one, i) =>
      h("li", {key: i, class: one.kind}, icon(one.kind === "bad" ? "bad" : "warn"),
        h("div", null, one.href ? anchor(one.href, one.what) : h("strong", null, one.what),
          one.why ? h("small", null, one.why) : null)))),
    found.length > 12 ? h("p", {class: "empty"}, `and ${found.length - 12} more`) : null);
}

function backlog(route) {
  const by = route.query.by ?? "type";
  const held = resource("backlog");
  const rows = held?.data?.items ?? [];
  const most = Math.max(1, ...rows.map(row => row.rows));
  const side = h("label", {class: "inline"}, "by ",
    choice("by", by, backlog_kinds, event => go("overview", {by: event.target.value})));
  return panel("What waits", {key: "backlog", side},
    held?.data ? table({
      caption: `Pending events by ${by}`, rows: rows.slice(0, 10), key: row => row.name,
      empty: "Nothing waits.", columns: [
        {name: "name", title: "Name", class: "key", cell: row => row.name},
        {name: "share", title: "", class: "wide", cell: row => bar(row.rows / most)},
        {name: "rows", title: "Events", class: "number", cell: row => count(row.rows)},
        ...(rows.some(row => typeof row.oldest_pending_age_ms === "number")
          ? [{name: "oldest", title: "Oldest", class: "number",
              cell: row => age(row.oldest_pending_age_ms)}] : [])]})
      : waiting(held, "The backlog"));
}

function stores_panel(status) {
  const rows = (status.stores ?? []).flatMap(store => (store.relays ?? [{}])
    .map(relay => ({store, relay})));
  return panel("Stores and relays", {key: "stores", side: anchor(link("relays"), "Details")},
    table({caption: "Stores and relays", rows, empty: "No store is configured.",
      key: row => `${row.store.name} ${row.relay.name}`, columns: [
        {name: "store", title: "Store", class: "key", cell: row => row.store.name},
        {name: "relay", title: "Relay", cell: row => row.relay.name ?? "\u2013"},
        {name: "state", title: "State", cell: row => row.store.state === "down"
          ? badge("bad", "down") : row.relay.paused ? badge("warn", "paused")
          : badge("good", "up")},
        {name: "pending", title: "Pending", class: "number",
         cell: row => count(row.relay.backlog?.pending)},
        {name: "oldest", title: "Oldest", class: "number extra",
         cell: row => row.relay.backlog?.pending > 0
           ? age(row.relay.backlog.oldest_pending_age_ms) : nothing},
        {name: "dead", title: "Dead", class: "number",
         cell: row => count(row.relay.backlog?.dead)}]}));
}

function consumers_panel(status) {
  const rows = status.consumers ?? [];
  const most = Math.max(1, ...rows.map(row => row.lag ?? 0));
  return panel("Consumers", {key: "consumers", side: anchor(link("consumers"), "Details")},
    table({caption: "Consumers", rows, key: row => row.group_id,
      empty: "No consumer group is known.", columns: [
        {name: "group", title: "Group", class: "key", cell: row => row.group_id},
        {name: "state", title: "State", cell: row => consumer_badge(row)},
        {name: "share", title: "", class: "wide extra",
         cell: row => bar((row.lag ?? 0) / most, row.lag > 1_000 ? "warn" : "")},
        {name: "lag", title: "Lag", class: "number", cell: row => count(row.lag)},
        {name: "members", title: "Members", class: "number",
         cell: row => count(row.members?.length)}]}));
}

export function consumer_badge(row) {
  if (row.error) return badge("bad", "error", row.error);
  if (row.paused) return badge("warn", "paused");
  const state_word = String(row.state ?? "unknown").toLowerCase();
  return badge(state_word === "stable" ? "good" : state_word === "empty" ? "quiet" : "warn",
               state_word);
}

export function show(route) {
  const status = state.status;
  if (!status) return h("p", {class: "empty"}, "Waiting for the first figures\u2026");
  const totals = totals_of(status);
  return h("div", {class: "grid", key: "overview"},
    h("div", {class: "tiles", role: "group", "aria-label": "Key figures"},
      flow_tiles(status, totals), part_tiles(status, totals)),
    chart_panels(),
    attention(status), backlog(route), stores_panel(status), consumers_panel(status));
}
