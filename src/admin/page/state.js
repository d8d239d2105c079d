// SPDX-License-Identifier: Apache-2.0
// All that the page knows, and the one function by which an update of the stream changes it. What
// is kept is bounded: the newest status, and Series; nothing grows with the number of updates.
import {read_route} from "./router.js";
import {Series} from "./series.js";

export const state = {
  status: null,
  rates: null,
  series: new Series(["pending", "age_seconds", "written", "published"]),
  updated_at: null,       // When the newest update came, in ms.
  link: "connecting",     // connecting, live, lost
  link_problem: "",
  is_paused: false,
  is_read_only: false,
  needs_token: false,
  route: read_route(""),
  resources: new Map(),   // By name: {address, data, problem, is_loading, at}
  dialogs: [],            // Open ones, the last on top.
  toasts: [],
  jobs: new Map(),        // That this page started or found running.
  selected: new Set(),    // Ids of dead letters.
  theme: "auto",
};

const listeners = new Set();
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
export function changed() {
  for (const listener of listeners) listener();
}

/// Sums over all relays of all stores that answered.
export function totals_of(status) {
  const totals = {pending: 0, is_exact: true, retrying: 0, dead: 0, oldest_ms: null,
                  blocked: 0, held: 0, relays: 0, members: 0, live: 0, slots: 0, owned: 0};
  for (const store of status?.stores ?? []) {
    for (const relay of store.relays ?? []) add_relay(totals, relay);
  }
  return totals;
}

function add_relay(totals, relay) {
  const backlog = relay.backlog ?? {};
  totals.relays += 1;
  totals.pending += backlog.pending ?? 0;
  totals.retrying += backlog.retrying ?? 0;
  totals.dead += backlog.dead ?? 0;
  totals.blocked += backlog.blocked_keys?.length ?? 0;
  totals.held += relay.backlog?.held_topics?.length ?? 0;
  if (backlog.exact === false) totals.is_exact = false;
  const age = backlog.pending > 0 ? backlog.oldest_pending_age_ms : null;
  if (typeof age === "number") totals.oldest_ms = Math.max(totals.oldest_ms ?? 0, age);
  for (const member of relay.members ?? []) {
    totals.members += 1;
    if (member.live) totals.live += 1;
  }
  for (const slot of relay.slots ?? []) {
    totals.slots += 1;
    if (slot.owner && slot.expires_in_ms > 0) totals.owned += 1;
  }
}

/// An update of the stream: {name: status | rates, data}, at the time `now` in ms.
export function reduce(into, update, now) {
  if (update.name === "status") {
    into.status = update.data;
    if (update.data.rates) into.rates = update.data.rates;
    const totals = totals_of(update.data);
    const has_stores = (update.data.stores ?? []).some(store => store.state !== "down");
    into.series.push(now / 1_000, {
      pending: has_stores ? totals.pending : NaN,
      age_seconds: has_stores ? (totals.oldest_ms ?? 0) / 1_000 : NaN,
      written: into.rates?.written_per_second ?? NaN,
      published: into.rates?.published_per_second ?? NaN,
    });
  } else if (update.name === "rates") {
    into.rates = update.data;
  } else {
    return;
  }
  into.updated_at = now;
}
