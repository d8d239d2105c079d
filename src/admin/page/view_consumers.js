// SPDX-License-Identifier: Apache-2.0
// Consumer groups: how far behind, by partition, and who works them.
import * as api from "./api.js";
import {h} from "./dom.js";
import {count, nothing, plural} from "./format.js";
import {anchor, bar, pairs, panel, table} from "./parts.js";
import {resource} from "./resources.js";
import {link} from "./router.js";
import {state} from "./state.js";
import {consumer_badge} from "./view_overview.js";
import {pause_button} from "./view_relays.js";

const counters = {
  Handled: "outbox_consumer_events_handled_total",
  Duplicates: "outbox_consumer_events_duplicate_total",
  Errors: "outbox_consumer_handler_failures_total",
  "Dead letters": "outbox_consumer_events_dead_lettered_total",
  Rebalances: "outbox_consumer_rebalances_total",
};

export const needs = () => [{name: "samples", path: "/metrics", every: 3,
  read: (_, __, signal) => api.metrics("outbox_consumer_", signal)}];

function member_of(consumer, topic, partition) {
  const member = (consumer.members ?? []).find(one => (one.partitions ?? []).some(held =>
    held.topic === topic && held.partition === partition));
  return member ? member.client_id || member.id : nothing;
}

function partitions_table(consumer) {
  const rows = consumer.partitions ?? [];
  const most = Math.max(1, ...rows.map(row => row.lag ?? 0));
  return table({caption: `Partitions of ${consumer.group_id}`, rows,
    key: row => `${row.topic} ${row.partition}`, empty: "It has committed nothing yet.", columns: [
      {name: "topic", title: "Topic", class: "key",
       cell: row => anchor(link("topics", {}, row.topic), row.topic)},
      {name: "partition", title: "Partition", class: "number", cell: row => row.partition},
      {name: "committed", title: "Committed", class: "number extra",
       cell: row => count(row.committed)},
      {name: "end", title: "End", class: "number extra", cell: row => count(row.end)},
      {name: "share", title: "", class: "wide extra", cell: row => bar((row.lag ?? 0) / most)},
      {name: "lag", title: "Lag", class: "number", cell: row => count(row.lag)},
      {name: "member", title: "Worked by", class: "extra",
       cell: row => member_of(consumer, row.topic, row.partition)}]});
}

/// What this instance counted since it started; nothing for a group that works elsewhere.
function counted(consumer) {
  const samples = (resource("samples")?.data ?? [])
    .filter(one => one.labels.group === consumer.group_id);
  return Object.entries(counters).map(([text, name]) => {
    const own = samples.filter(one => one.name === name);
    if (own.length === 0) return [text, null];
    const sum = count(own.reduce((total, one) => total + one.value, 0));
    return [text, text !== "Dead letters" ? sum : anchor(
      link("dead-letters", {source: "consumer", consumer: consumer.group_id}), sum)];
  });
}

const figures_of = consumer => [
  ["Lag", count(consumer.lag)], ["Members", count(consumer.members?.length)],
  ["Partitions", count(consumer.partitions?.length)], ...counted(consumer)];

function consumer_panel(consumer) {
  return panel(consumer.group_id, {key: consumer.group_id,
    note: plural(consumer.members?.length ?? 0, "member"),
    side: [consumer_badge(consumer),
           pause_button("consumer", consumer.group_id, undefined, consumer.paused)]},
    consumer.error ? h("p", {class: "box bad"}, consumer.error) : null,
    pairs(figures_of(consumer)), partitions_table(consumer));
}

export function show() {
  const consumers = state.status?.consumers;
  if (!consumers) return h("p", {class: "empty"}, "Waiting for the first figures\u2026");
  if (consumers.length === 0) {
    return panel("Consumers", {}, h("p", {class: "empty"},
      "No consumer is configured (consume.NAME), and no group is known."));
  }
  return h("div", {class: "stack", key: "consumers"}, consumers.slice(0, 100).map(consumer_panel));
}
