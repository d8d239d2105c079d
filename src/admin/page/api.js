// SPDX-License-Identifier: Apache-2.0
// /api/v1: requests, problems, the token, and the stream of updates. The token lives in this tab
// (sessionStorage) and travels in the Authorization header, never in an address; EventSource cannot
// send one, so the stream is read by fetch.
import {parse_exactly} from "./exact.js";

const base = "/api/v1";
const token_name = "outboxd-token";
const seconds_most = 15;

export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `the server answered ${status}`);
    this.status = status;
    this.title = problem.title || "";
    this.remedy = problem.remedy || "";
  }
}

export const token = {
  get: () => sessionStorage.getItem(token_name) ?? "",
  set: text => sessionStorage.setItem(token_name, text),
  forget: () => sessionStorage.removeItem(token_name),
};

function headers_of(more = {}) {
  const held = token.get();
  return held ? {...more, Authorization: `Bearer ${held}`} : more;
}

async function problem_of(answer) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch { /* No JSON: the status has to say it. */ }
  return new Problem(answer.status, problem ?? {});
}

export function address(path, query = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") words.set(name, value);
  }
  const text = words.toString();
  return `${base}${path}${text ? `?${text}` : ""}`;
}

export async function request(method, path, {query, body, signal, is_exact} = {}) {
  const limit = AbortSignal.timeout(seconds_most * 1_000);
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method, cache: "no-store", signal: signal ? AbortSignal.any([signal, limit]) : limit,
      headers: headers_of(body === undefined ? {} : {"Content-Type": "application/json"}),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, {title: "no answer", detail: error.name === "TimeoutError"
      ? `outboxd did not answer within ${seconds_most} s` : "outboxd cannot be reached"});
  }
  if (!answer.ok) throw await problem_of(answer);
  if (answer.status === 204) return null;
  return is_exact ? parse_exactly(await answer.text()) : answer.json();
}

export const get = (path, query, signal) => request("GET", path, {query, signal});
/// For what holds payloads: their numbers stay as they were written.
export const get_exact = (path, query, signal) =>
  request("GET", path, {query, signal, is_exact: true});
export const post = (path, body, query) => request("POST", path, {body, query});
export const patch = (path, body, query) => request("PATCH", path, {body, query});
export const remove = (path, query) => request("DELETE", path, {query});

const sample = /^(\w+)\{(.*)\} ([-+.\deE]+)$/;
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/// This instance's samples whose names begin so: [{name, labels, value}].
export async function metrics(beginning, signal) {
  const answer = await fetch("/metrics", {cache: "no-store", signal, headers: headers_of()});
  if (!answer.ok) throw await problem_of(answer);
  const found = [];
  for (const line of (await answer.text()).split("\n")) {
    const parts = line.startsWith(beginning) ? sample.exec(line) : null;
    if (!parts) continue;
    const labels = Object.fromEntries([...parts[2].matchAll(label)].map(([, name, text]) =>
      [name, text.replace(/\\(.)/g, (_, one) => one === "n" ? "\n" : one)]));
    found.push({name: parts[1], labels, value: Number(parts[3])});
  }
  return found;
}

/// The same request for a terminal.
export function curl(method, path, body) {
  const quoted = text => `'${text.replaceAll("'", "'\\''")}'`;
  const words = ["curl", "-X", method];
  if (token.get()) words.push("-H", '"Authorization: Bearer $OUTBOX_TOKEN"');
  if (body !== undefined) {
    words.push("-H", quoted("Content-Type: application/json"), "-d", quoted(JSON.stringify(body)));
  }
  return [...words, quoted(location.origin + base + path)].join(" ");
}

/// Takes text in any pieces and tells of each whole event: tell(name, data).
export function event_reader(tell) {
  let rest = "";
  return piece => {
    rest += piece;
    // Longer than any status: not ours.
    if (rest.length > 8 << 20) throw new Problem(0, {detail: "the stream sends no events"});
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      let name = "message";
      const data = [];
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
      if (data.length > 0) tell(name, data.join("\n"));
    }
  };
}

async function read_stream(tell, on_open, signal) {
  const answer = await fetch(`${base}/stream`, {
    cache: "no-store", signal, headers: headers_of({Accept: "text/event-stream"})});
  if (!answer.ok) throw await problem_of(answer);
  on_open();
  const take = event_reader(tell);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    take(value);
  }
}

const silence_most = 10_000;

/// Follows the stream until aborted. A stream that ends or says nothing for ten seconds is opened
/// again, later each time up to eight seconds. hears: {event(name, text), opened(), lost(problem)}.
export async function follow(hears, signal) {
  let wait = 500;
  while (!signal.aborted) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener("abort", stop, {once: true});
    let silence = setTimeout(stop, silence_most);
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(stop, silence_most);
    };
    let problem = null;
    try {
      await read_stream((name, text) => { heard(); hears.event(name, text); },
        () => { wait = 500; heard(); hears.opened(); }, attempt.signal);
    } catch (error) {
      problem = error;
    }
    clearTimeout(silence);
    signal.removeEventListener("abort", stop);
    if (signal.aborted) return;
    hears.lost(problem);
    if (problem?.status === 401) return;
    await new Promise(done => setTimeout(done, wait));
    wait = Math.min(2 * wait, 8_000);
  }
}
