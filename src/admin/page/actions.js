// SPDX-License-Identifier: Apache-2.0
// What the page does to the system, and how it tells what came of it.
import * as api from "./api.js";
import {plural} from "./format.js";
import {reload} from "./resources.js";
import {changed, state} from "./state.js";

const toasts_most = 4;
const toast_ms = 6_000;
let numbers = 0;

export function toast(kind, text, remedy = "") {
  const one = {id: ++numbers, kind, text, remedy};
  state.toasts = [...state.toasts, one].slice(-toasts_most);
  if (kind !== "bad") setTimeout(() => drop_toast(one), toast_ms);
  changed();
}

export function drop_toast(one) {
  state.toasts = state.toasts.filter(other => other !== one);
  changed();
}

export function open_dialog(dialog) {
  dialog.id = `dialog-${++numbers}`;
  state.dialogs.push(dialog);
  changed();
  return dialog;
}

export function close_dialog(dialog) {
  state.dialogs = state.dialogs.filter(one => one !== dialog);
  dialog.on_close?.();
  changed();
}

/// Every refusal ends here: 401 asks for a token, 403 makes the page one that only reads.
export function refuse(problem) {
  if (problem.status === 401) {
    state.needs_token = true;
  } else if (problem.status === 403) {
    state.is_read_only = true;
    toast("bad", "This token may only read, so the page is read-only now.", problem.remedy);
  } else {
    toast("bad", problem.message, problem.remedy);
  }
  changed();
}

/// True if it was done; what was not is told.
export async function attempt(work, done) {
  try {
    const result = await work();
    if (done) toast("good", typeof done === "function" ? done(result) : done);
    return true;
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    refuse(problem);
    return false;
  } finally {
    reload();
  }
}

export const pause_of = (kind, name, store) => (state.status?.pauses ?? []).find(pause =>
  pause.kind === kind && pause.name === name && (!store || !pause.store || pause.store === store));

export const pause = (kind, name, store, reason) =>
  attempt(() => api.post("/pauses", {kind, name, ...(store ? {store} : {}), reason}),
          `The ${kind} ${name} is paused.`);

export const resume = (kind, name, store) =>
  attempt(() => api.remove(`/pauses/${kind}/${encodeURIComponent(name)}`, {store}),
          `The ${kind} ${name} goes on.`);

/// A job that runs is followed until its end.
export function take_job(job) {
  state.jobs.set(job.id, job);
  while (state.jobs.size > 20) state.jobs.delete(state.jobs.keys().next().value);
  changed();
}

export async function follow_jobs() {
  if (document.hidden || state.needs_token) return;
  for (const job of [...state.jobs.values()].filter(one => one.state === "running")) {
    try {
      const now = await api.get(`/jobs/${encodeURIComponent(job.id)}`);
      take_job(now);
      if (now.state !== "running") tell_end(now);
    } catch (problem) {
      if (problem.status === 404) state.jobs.delete(job.id);
    }
  }
}

function tell_end(job) {
  const words = `${plural(job.done, "item")} done, ${job.failed} failed, ${job.skipped} skipped`;
  const kind = job.state === "done" && job.failed === 0 ? "good" : "bad";
  toast(kind, `${job.action} ${job.state}: ${words}`, job.error ?? "");
  reload();
}

export const cancel_job = job =>
  attempt(() => api.remove(`/jobs/${encodeURIComponent(job.id)}`), "The job is being cancelled.");
