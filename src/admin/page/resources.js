// SPDX-License-Identifier: Apache-2.0
// What views read besides the stream: loaded when a view needs it, again after its time and after
// each action, dropped when no view needs it any more.
import * as api from "./api.js";
import {changed, state} from "./state.js";

const running = new Map();  // By name: AbortController
let on_refused = () => {};
let needed = [];

export function refused_by(handler) {
  on_refused = handler;
}

async function load(need) {
  const {name, path, query, is_exact} = need;
  running.get(name)?.abort();
  const attempt = new AbortController();
  running.set(name, attempt);
  const address = api.address(path, query);
  const before = state.resources.get(name);
  const entry = before?.address === address ? before : {address, data: null, problem: null};
  entry.is_loading = true;
  entry.at = Date.now();
  state.resources.set(name, entry);
  try {
    const read = need.read ?? (is_exact ? api.get_exact : api.get);
    entry.data = await read(path, query, attempt.signal);
    entry.problem = null;
  } catch (problem) {
    if (attempt.signal.aborted) return;
    entry.problem = problem;
    if (problem.status === 401) on_refused(problem);
  }
  entry.is_loading = false;
  entry.at = Date.now();
  if (running.get(name) === attempt) running.delete(name);
  changed();
}

function is_due(need) {
  const entry = state.resources.get(need.name);
  if (!entry || entry.address !== api.address(need.path, need.query)) return true;
  if (entry.is_loading || state.is_paused || !need.every) return false;
  return Date.now() - entry.at >= need.every * 1_000;
}

/// needs: [{name, path, query, every (seconds; none: once), is_exact, read (instead of api.get)}]
export function need(needs) {
  needed = needs;
  const names = new Set(needs.map(one => one.name));
  for (const name of [...state.resources.keys()]) {
    if (names.has(name)) continue;
    running.get(name)?.abort();
    running.delete(name);
    state.resources.delete(name);
  }
  refresh();
}

/// What is there no longer is not asked for again.
export function forget(name) {
  needed = needed.filter(one => one.name !== name);
  running.get(name)?.abort();
  running.delete(name);
  state.resources.delete(name);
}

export function refresh() {
  if (state.needs_token || document.hidden) return;
  for (const one of needed) if (is_due(one)) load(one);
}

export function reload(...names) {
  for (const one of needed) {
    if (names.length === 0 || names.includes(one.name)) load(one);
  }
}

export const resource = name => state.resources.get(name);
export const items = name => state.resources.get(name)?.data?.items ?? [];
