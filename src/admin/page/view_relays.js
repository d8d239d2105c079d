// SPDX-License-Identifier: Apache-2.0
// Stores, their relays, who holds which leases, and what does not move.
import {pause_of, resume} from "./actions.js";
import {ask_any_pause, ask_clean_up, ask_pause} from "./dialogs.js";
import {h} from "./dom.js";
import {bytes, count, duration, nothing, plural} from "./format.js";
import {age, anchor, badge, bar, button, icon, moment_ago, mono, pairs, panel, table}
  from "./parts.js";
import {link} from "./router.js";
import {state} from "./state.js";

export const needs = () => [];

export function pause_button(kind, name, store, is_paused) {
  if (state.is_read_only) return null;
  return is_paused
    ? button({shape: "play", text: "Resume", kind: "small", label: `Resume ${kind} ${name}`,
              onclick: () => resume(kind, name, store)})
    : button({shape: "pause", text: "Pause", kind: "small", label: `Pause ${kind} ${name}`,
              onclick: () => ask_pause(kind, name, store)});
}

/// One colour a member, the same on every screen.
function colours_of(members) {
  return new Map(members.map((member, i) => [member.id, `owner-${i % 6}`]));
}

function lease_strip(relay) {
  const slots = relay.slots ?? [];
  if (slots.length === 0) return null;
  const colours = colours_of(relay.members ?? []);
  const is_held = slot => slot.owner && slot.expires_in_ms > 0;
  const free = slots.filter(slot => !is_held(slot)).length;
  const words = `${plural(slots.length, "lease")}: ` + [...(relay.members ?? [])
    .map(member => `${member.id} holds ${member.slots?.length ?? 0}`), `${free} free`].join(", ");
  const kind = slot => is_held(slot) ? colours.get(slot.owner) ?? "owner-6" : "free";
  return h("div", {class: "leases", role: "img", "aria-label": words, key: "leases"},
    slots.slice(0, 256).map(slot => h("span", {key: slot.slot, class: `lease ${kind(slot)}`,
      title: is_held(slot) ? `slot ${slot.slot}: ${slot.owner}, epoch ${slot.epoch}, ` +
        `expires in ${duration(slot.expires_in_ms)}` : `slot ${slot.slot}: free`})));
}

function members_table(relay) {
  const members = relay.members ?? [];
  const colours = colours_of(members);
  return table({caption: `Instances of relay ${relay.name}`, rows: members, key: row => row.id,
    empty: "No instance has joined: start `outboxd relay`.", columns: [
      {name: "id", title: "Instance", class: "key", cell: row => h("span", {class: "owner"},
        h("span", {class: `lease ${colours.get(row.id)}`, "aria-hidden": "true"}), row.id)},
      {name: "host", title: "Host", class: "extra", cell: row => `${row.host}:${row.pid}`},
      {name: "state", title: "State", cell: row => row.live ? badge("good", "live")
                                                           : badge("bad", "gone")},
      {name: "heartbeat", title: "Heartbeat", class: "number extra",
       cell: row => h("span", {class: "figure"}, `${duration(row.heartbeat_age_ms)} ago`)},
      {name: "share", title: "", class: "wide extra", cell: row => bar(row.buckets_percent / 100)},
      {name: "slots", title: "Leases", class: "number", cell: row => count(row.slots?.length)},
      {name: "buckets", title: "Buckets", class: "number",
       cell: row => `${Math.round(row.buckets_percent)} %`}]});
}

function held_table(store, relay) {
  const topics = relay.backlog?.held_topics ?? [];
  if (topics.length === 0) return null;
  return h("div", {key: "held"}, h("h3", null, "Held topics"), table({
    caption: `Held topics of relay ${relay.name}`, rows: topics, is_cards: true,
    key: row => `${row.topic} ${row.member}`, columns: [
      {name: "topic", title: "Topic", class: "key",
       cell: row => anchor(link("topics", {}, row.topic), row.topic)},
      {name: "reason", title: "Reason", class: "wide", cell: row => row.reason},
      {name: "since", title: "Since", class: "number", cell: row => moment_ago(row.since_at)},
      {name: "member", title: "Instance", class: "extra", cell: row => row.member}]}));
}

function relay_part(store, relay) {
  const backlog = relay.backlog ?? {};
  const is_paused = relay.paused || Boolean(pause_of("relay", relay.name, store.name));
  const types = Object.entries(backlog.pending_by_type ?? {});
  return h("div", {class: "relay", key: relay.name},
    h("div", {class: "relay-head"}, h("h3", null, `Relay ${relay.name}`),
      is_paused ? badge("warn", "paused") : badge("good", "runs"),
      h("span", {class: "push"}), pause_button("relay", relay.name, store.name, is_paused)),
    pairs([["Pending", `${backlog.exact === false ? "\u2265 " : ""}${count(backlog.pending)}`],
           ["Oldest", backlog.pending > 0 ? duration(backlog.oldest_pending_age_ms) : nothing],
           ["Retrying", count(backlog.retrying)],
           ["Dead", backlog.dead > 0 ? anchor(link("dead-letters",
             {source: "relay", store: store.name}), count(backlog.dead)) : count(backlog.dead)],
           ["Waiting types", types.slice(0, 6).map(([name, rows]) =>
             `${name} ${count(rows)}`).join(", ") || nothing]]),
    lease_strip(relay), members_table(relay), held_table(store, relay));
}

function store_panel(store) {
  const size = store.table ? `${store.table.name ?? ""}: about ` +
    `${plural(store.table.rows_estimate ?? 0, "row")}, ${bytes(store.table.bytes)}` : "";
  const is_down = store.state === "down";
  return panel(`Store ${store.name}`, {
    key: store.name, note: h("span", null, mono(store.database), size ? ` \u00b7 ${size}` : ""),
    side: is_down ? badge("bad", "down") : badge("good", "up")},
    is_down ? h("div", {class: "box bad"}, icon("bad"), h("div", null, store.error)) : null,
    (store.relays ?? []).map(relay => relay_part(store, relay)));
}

function blocked_panel(status) {
  const rows = (status.stores ?? []).flatMap(store => (store.relays ?? []).flatMap(relay =>
    (relay.backlog?.blocked_keys ?? []).map(key => ({...key, store: store.name,
                                                     relay: relay.name}))));
  return panel("Blocked keys", {key: "blocked", note: "wait behind a row that fails, in order"},
    table({caption: "Blocked keys", rows, key: row => `${row.store} ${row.relay} ${row.key}`,
      empty: "No key is blocked.", is_cards: true, columns: [
        {name: "key", title: "Key", class: "key",
         cell: row => anchor(link("trace", {q: row.key}), row.key)},
        {name: "topic", title: "Topic", class: "extra", cell: row => row.topic},
        {name: "reason", title: "Reason", class: "wide", cell: row => row.reason},
        {name: "attempts", title: "Attempts", class: "number extra",
         cell: row => count(row.attempts)},
        {name: "for", title: "Blocked for", class: "number", cell: row => age(row.blocked_for_ms)},
        {name: "row", title: "Row", class: "number extra", cell: row => mono(row.row)},
        {name: "act", title: "Actions", class: "act",
         cell: row => pause_button("key", row.key, row.store,
                                   Boolean(pause_of("key", row.key, row.store)))}]}));
}

function pauses_panel(status) {
  const rows = status.pauses ?? [];
  const stores = (status.stores ?? []).map(store => store.name);
  const side = state.is_read_only ? null : button({shape: "pause", text: "Pause a topic or key",
    kind: "small", onclick: () => ask_any_pause(stores)});
  return panel("Pauses", {key: "pauses", side}, table({
    caption: "Pauses", rows, key: row => `${row.store} ${row.kind} ${row.name}`,
    empty: "Nothing is paused.", is_cards: true, columns: [
      {name: "kind", title: "What", cell: row => row.kind},
      {name: "name", title: "Name", class: "key", cell: row => row.name},
      {name: "store", title: "Store", class: "extra", cell: row => row.store ?? nothing},
      {name: "reason", title: "Reason", class: "wide", cell: row => row.reason ?? nothing},
      {name: "who", title: "By", class: "extra", cell: row => row.who ?? nothing},
      {name: "since", title: "Since", class: "number", cell: row => moment_ago(row.since_at)},
      {name: "act", title: "Actions", class: "act",
       cell: row => pause_button(row.kind, row.name, row.store, true)}]}));
}

export function show() {
  const status = state.status;
  if (!status) return h("p", {class: "empty"}, "Waiting for the first figures\u2026");
  return h("div", {class: "stack", key: "relays"},
    (status.stores ?? []).map(store_panel), blocked_panel(status), pauses_panel(status),
    state.is_read_only ? null : h("div", {class: "tools", key: "tools"},
      button({shape: "discard", text: "Clean up now", onclick: ask_clean_up})));
}
