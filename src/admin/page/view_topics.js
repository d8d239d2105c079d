// SPDX-License-Identifier: Apache-2.0
// Topics, their partitions and offsets, and the last messages of one.
import {h} from "./dom.js";
import {pause_of} from "./actions.js";
import {bytes, count, cut, plural, pretty} from "./format.js";
import {headers_block, payload_block} from "./letter_sheet.js";
import {anchor, badge, bar, button, choice, icon, moment, mono, pairs, panel, problem_box, table,
        waiting} from "./parts.js";
import {reload, resource} from "./resources.js";
import {link, with_query} from "./router.js";
import {state} from "./state.js";
import {pause_button} from "./view_relays.js";

const last_messages = 50;

export function needs(route) {
  const [name] = route.rest;
  if (!name) return [{name: "topics", path: "/topics", every: 10}];
  const path = `/topics/${encodeURIComponent(name)}`;
  return [
    {name: "topic", path, every: 5},
    {name: "messages", path: `${path}/messages`, is_exact: true,
     query: {limit: last_messages, partition: route.query.partition}},
  ];
}

const is_paused = name => Boolean(pause_of("topic", name));

function broker_line() {
  const broker = state.status?.broker;
  if (!broker) return null;
  if (broker.state !== "up") {
    return h("div", {class: "box bad", key: "broker"}, icon("bad"),
      h("div", null, h("strong", null, "The broker is not reached. "), broker.error));
  }
  return h("p", {class: "hint", key: "broker"},
    `${plural(broker.brokers?.length ?? 0, "broker")}: ${(broker.brokers ?? []).join(", ")}` +
    (broker.cluster_id ? `, cluster ${broker.cluster_id}` : ""));
}

function all_topics() {
  const held = resource("topics");
  const rows = held?.data?.items ?? [];
  const most = Math.max(1, ...rows.map(row => row.messages ?? 0));
  return panel("Topics", {key: "topics", note: held?.data ? plural(rows.length, "topic") : ""},
    held?.data ? table({caption: "Topics", rows, key: row => row.name,
      empty: "The broker shows no topic.", columns: [
        {name: "name", title: "Topic", class: "key", cell: row => [
          anchor(link("topics", {}, row.name), row.name),
          is_paused(row.name) ? badge("warn", "paused") : null,
          row.error ? [badge("bad", "error"), h("small", {class: "error"}, row.error)] : null,
          row.configured === false ? badge("quiet", "not configured") : null]},
        {name: "share", title: "", class: "wide extra",
         cell: row => bar((row.messages ?? 0) / most)},
        {name: "messages", title: "Messages", class: "number", cell: row => count(row.messages)},
        {name: "partitions", title: "Partitions", class: "number extra",
         cell: row => count(row.partitions)},
        {name: "replicas", title: "Replicas", class: "number extra",
         cell: row => count(row.replication_factor)},
        {name: "size", title: "Largest message", class: "number extra",
         cell: row => bytes(row.message_bytes_max)},
        {name: "act", title: "Actions", class: "act",
         cell: row => pause_button("topic", row.name, undefined, is_paused(row.name))}]})
      : waiting(held, "The list of topics"));
}

function partitions_panel(topic, name) {
  const config = Object.entries(topic.config ?? {});
  return panel(name, {key: "topic", note: plural(topic.partitions.length, "partition"),
    side: [is_paused(name) ? badge("warn", "paused") : null,
           pause_button("topic", name, undefined, is_paused(name))]},
    topic.error ? h("p", {class: "box bad"}, topic.error) : null,
    table({caption: `Partitions of ${name}`, rows: topic.partitions, key: row => row.partition,
      columns: [
        {name: "partition", title: "Partition", class: "number first",
         cell: row => row.partition},
        {name: "first", title: "First offset", class: "number", cell: row => count(row.first)},
        {name: "end", title: "End offset", class: "number", cell: row => count(row.end)},
        {name: "messages", title: "Messages", class: "number",
         cell: row => count(row.end - row.first)}]}),
    config.length > 0 ? h("details", {class: "more"}, h("summary", null, "Configuration"),
      pairs(config.map(([key, value]) => [key, mono(value)]))) : null);
}

function message_row(message) {
  const text = message.payload_base64 ?? (message.payload === null ? "" : pretty(message.payload));
  return h("details", {class: "message", key: `${message.partition} ${message.offset}`},
    h("summary", null,
      h("span", {class: "place"}, `${message.partition}:${message.offset}`),
      moment(message.at), h("code", {class: "message-key"}, cut(message.key ?? "no key", 40)),
      h("span", {class: "glance"}, cut(text.replace(/\s+/g, " "), 160) || "no value")),
    h("div", {class: "message-body"}, payload_block(message), headers_block(message.headers)));
}

function messages_panel(route, topic) {
  const held = resource("messages");
  const partitions = (topic?.partitions ?? []).slice(0, 200)
    .map(one => [String(one.partition), `partition ${one.partition}`]);
  const side = [
    choice("partition", route.query.partition ?? "", [["", "all partitions"], ...partitions],
      event => { location.hash = with_query(route, {partition: event.target.value}); },
      "Partition"),
    button({shape: "replay", label: "Read the last messages again", kind: "small",
            onclick: () => reload("messages")})];
  const rows = held?.data?.items ?? [];
  return panel("Last messages", {key: "messages", side, note: held?.data
    ? `${plural(rows.length, "message")}, the newest first` : ""},
    held?.problem ? problem_box(held.problem) : null,
    !held?.data ? held?.problem ? null : waiting(held, "The topic")
      : rows.length === 0 ? h("p", {class: "empty"}, "The topic is empty.")
      : h("div", {class: "messages"}, rows.slice(0, 200).map(message_row)));
}

export function show(route) {
  const [name] = route.rest;
  if (!name) return h("div", {class: "stack", key: "topics"}, broker_line(), all_topics());
  const held = resource("topic");
  return h("div", {class: "stack", key: `topic ${name}`},
    h("p", {class: "trail", key: "trail"}, anchor(link("topics"), "Topics"), icon("next"), name),
    held?.data ? partitions_panel(held.data, name)
               : panel(name, {key: "topic"}, waiting(held, "The topic")),
    messages_panel(route, held?.data));
}
