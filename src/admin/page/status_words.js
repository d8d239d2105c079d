// SPDX-License-Identifier: Apache-2.0
// What of the status wants a person's attention, in their words.
import {duration, plural} from "./format.js";
import {link} from "./router.js";

export const verdict_kinds = {ok: "good", degraded: "warn", down: "bad"};
export const verdict_words = {ok: "Healthy", degraded: "Degraded", down: "Down"};

function of_store(store, found) {
  if (store.state === "down") {
    found.push({kind: "bad", what: `Store ${store.name} is down`, why: store.error,
                href: link("relays")});
    return;
  }
  for (const relay of store.relays ?? []) of_relay(store, relay, found);
  const untaken = store.types_without_relay;
  if (untaken) {
    found.push({kind: "warn", what: "Events that no relay takes", href: link("relays"),
                why: `They wait: ${untaken}`});
  }
}

function of_relay(store, relay, found) {
  const where = `${relay.name} in ${store.name}`;
  if (relay.backlog?.dead > 0) {
    found.push({kind: "warn", what: `${plural(relay.backlog.dead, "dead row")} of relay ${where}`,
                href: link("dead-letters", {source: "relay", store: store.name})});
  }
  if (!(relay.members ?? []).some(member => member.live)) {
    found.push({kind: relay.backlog?.pending > 0 ? "bad" : "warn",
                what: `No instance works for relay ${where}`, href: link("relays"),
                why: "Nothing is published until one joins."});
  }
  for (const topic of relay.backlog?.held_topics ?? []) {
    found.push({kind: "warn", what: `Topic ${topic.topic} is held`, why: topic.reason,
                href: link("relays")});
  }
  const keys = relay.backlog?.blocked_keys ?? [];
  if (keys.length > 0) {
    const [first] = keys;
    found.push({kind: "warn", what: `${plural(keys.length, "blocked key")} of relay ${where}`,
                why: `${first.key} for ${duration(first.blocked_for_ms)}: ${first.reason}`,
                href: link("relays")});
  }
}

/// Of relays the status tells; what consumers gave up stands in their topics alone.
function of_letters(groups, found) {
  const letters = new Map();
  for (const group of groups ?? []) {
    if (group.source !== "consumer") continue;
    letters.set(group.consumer, (letters.get(group.consumer) ?? 0) + group.letters);
  }
  for (const [consumer, number] of letters) {
    found.push({kind: "warn", what: `${plural(number, "dead letter")} of consumer ${consumer}`,
                href: link("dead-letters", {source: "consumer", consumer})});
  }
}

/// [{kind, what, why, href}], the worst first; `groups` are those of the dead letters.
export function findings_of(status, groups, alerts) {
  const found = [];
  if (status.broker?.state === "down") {
    found.push({kind: "bad", what: "The broker is down", why: status.broker.error,
                href: link("topics")});
  }
  for (const store of status.stores ?? []) of_store(store, found);
  for (const one of status.consumers ?? []) {
    if (one.error) found.push({kind: "warn", what: `Consumer ${one.group_id}`, why: one.error,
                               href: link("consumers")});
  }
  for (const pause of status.pauses ?? []) {
    found.push({kind: "warn", what: `Paused: ${pause.kind} ${pause.name}`,
                why: [pause.reason, pause.who && `by ${pause.who}`].filter(Boolean).join(", "),
                href: link(pause.kind === "consumer" ? "consumers" : "relays")});
  }
  for (const alert of alerts ?? []) {
    if (alert.state === "firing") found.push({kind: "bad", what: `Alert ${alert.name} fires`,
                                              href: link("health")});
  }
  of_letters(groups, found);
  return found.sort((one, other) => Number(other.kind === "bad") - Number(one.kind === "bad"));
}

export const finding_kinds = {ok: "good", notice: "quiet", warning: "warn", problem: "bad"};
