// SPDX-License-Identifier: Apache-2.0
// Dead letters: why they died, which they are, and what becomes of them. All filters stand in the
// URL.
import {cancel_job} from "./actions.js";
import {h} from "./dom.js";
import {count, cut, nothing, plural, varying_parts} from "./format.js";
import {ask_discard, ask_replay} from "./letter_dialogs.js";
import {show_letter} from "./letter_sheet.js";
import {badge, button, field, missing_parts, moment, moment_ago, mono, panel, table, waiting}
  from "./parts.js";
import {resource} from "./resources.js";
import {go, link, with_query} from "./router.js";
import {changed, state} from "./state.js";

const filters = ["source", "store", "consumer", "topic", "event_type", "key", "group", "since",
                 "until"];
const labels = {source: "Source", store: "Store", consumer: "Consumer", topic: "Topic",
                event_type: "Event type", key: "Key", group: "Cause", since: "Since",
                until: "Until"};
const page_rows = 50;

const filter_of = query =>
  Object.fromEntries(filters.filter(name => query[name]).map(name => [name, query[name]]));

/// The same as requests with a body take it.
function filter_body({event_type, ...filter}) {
  if (!event_type) return filter;
  return {...filter, event_types: event_type.split(",").map(one => one.trim()).filter(Boolean)};
}

/// What an <input type=datetime-local> shows, and back.
const local_time = at => {
  const date = new Date(at ?? NaN);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - 60_000 * date.getTimezoneOffset()).toISOString().slice(0, 16);
};
const exact_time = text => {
  const date = new Date(text || NaN);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
};

export function needs(route) {
  const filter = filter_of(route.query);
  const {group, ...all_causes} = filter;
  const found = [
    {name: "groups", path: "/dead-letters/groups", query: all_causes, every: 10},
    {name: "letters", path: "/dead-letters", every: 10, is_exact: true,
     query: {...filter, limit: page_rows, cursor: route.query.cursor}},
    {name: "jobs", path: "/jobs", every: 5},
  ];
  if (route.query.letter) {
    found.push({name: "letter", path: `/dead-letters/${encodeURIComponent(route.query.letter)}`,
                is_exact: true});
  }
  return found;
}

const without_place = {cursor: undefined, letter: undefined};

function filter_bar(route) {
  const apply = event => {
    event.preventDefault();
    state.selected.clear();
    const values = Object.fromEntries(new FormData(event.currentTarget));
    const query = Object.fromEntries(filters.map(name => [name, values[name]?.trim()]));
    go("dead-letters", {...query, since: exact_time(values.since), until: exact_time(values.until),
                        group: route.query.group});
  };
  const text = name => field(labels[name], h("input", {name, value: route.query[name] ?? "",
                                                       autocomplete: "off"}));
  const day = name => field(labels[name], h("input", {name, type: "datetime-local",
                                                      value: local_time(route.query[name])}));
  return h("form", {class: "filters", onsubmit: apply, key: "filters", role: "search",
                    "aria-label": "Filter dead letters"},
    field(labels.source, h("select", {name: "source", value: route.query.source ?? ""},
      h("option", {value: ""}, "all"), h("option", {value: "relay"}, "relay"),
      h("option", {value: "consumer"}, "consumer"))),
    ["topic", "event_type", "key", "consumer", "store"].map(text), ["since", "until"].map(day),
    h("div", {class: "filter-acts"}, button({text: "Filter", kind: "primary", type: "submit"}),
      Object.keys(filter_of(route.query)).length > 0
        ? h("a", {class: "button", href: link("dead-letters"),
                  onclick: () => state.selected.clear()}, "Clear") : null));
}

/// In the words of one of its letters, whose own part is told from what all of them share.
function cause_of(row) {
  const parts = varying_parts(row.cause, row.example?.error ?? "");
  if (!parts) return cut(row.cause, 300) || "no reason is known";
  return parts.map(([text, varies]) => varies ? h("em", {class: "varies"}, text) : text);
}

function groups_panel(route) {
  const held = resource("groups");
  const chosen = route.query.group;
  const side = chosen ? h("a", {class: "button small", href: with_query(route,
    {group: undefined, ...without_place})}, "All causes") : null;
  const total = held?.data ? `${held.data.exact === false ? "at least " : ""}${
    plural(held.data.letters, "letter")}` : "";
  return panel("By cause", {key: "groups", note: total, side},
    missing_parts(held?.data),
    held?.data ? table({
      caption: "Dead letters by cause", rows: held.data.items, key: row => row.group,
      empty: "No dead letters. Every event arrived.", is_cards: true,
      row_of: row => ({class: row.group === chosen ? "chosen" : ""}),
      columns: [
        {name: "cause", title: "Cause", class: "wide key", cell: row => h("a", {
          href: with_query(route, {group: row.group === chosen ? undefined : row.group,
                                   ...without_place}),
          "aria-current": row.group === chosen ? "true" : undefined, title: row.cause,
          onclick: () => state.selected.clear()}, cause_of(row))},
        {name: "source", title: "Source", class: "extra",
         cell: row => row.source === "relay" ? `relay, ${row.store}` : row.consumer ?? row.source},
        {name: "topic", title: "Topic", class: "extra", cell: row => row.topic ?? nothing},
        {name: "last", title: "Last", class: "number extra", cell: row => moment_ago(row.last_at)},
        {name: "letters", title: "Letters", class: "number",
         cell: row => h("strong", null, count(row.letters))},
        {name: "act", title: "Actions", class: "act", cell: row => group_acts(route, row)}]})
      : waiting(held, "The causes"));
}

function group_acts(route, row) {
  if (state.is_read_only) return null;
  const scope = {filter: {...filter_body(filter_of(route.query)), group: row.group},
                 words: cut(row.cause, 80)};
  return h("span", {class: "acts"},
    button({shape: "replay", label: `Replay all of: ${cut(row.cause, 60)}`, kind: "small",
            onclick: () => ask_replay(scope)}),
    button({shape: "discard", label: `Discard all of: ${cut(row.cause, 60)}`, kind: "small",
            onclick: () => ask_discard(scope)}));
}

const state_kinds = {dead: "bad", replaying: "accent", replayed: "good", discarded: "quiet"};

function select_box(row) {
  return h("input", {type: "checkbox", "aria-label": `Select letter ${row.id}`,
    checked: state.selected.has(row.id), onchange: event => {
      if (event.target.checked) state.selected.add(row.id);
      else state.selected.delete(row.id);
      changed();
    }});
}

function select_all(rows) {
  const chosen = rows.filter(row => state.selected.has(row.id)).length;
  return h("input", {type: "checkbox", "aria-label": "Select all letters of this page",
    checked: chosen > 0 && chosen === rows.length,
    indeterminate: chosen > 0 && chosen < rows.length, onchange: event => {
      for (const row of rows) {
        if (event.target.checked) state.selected.add(row.id);
        else state.selected.delete(row.id);
      }
      changed();
    }});
}

function letters_table(route, rows) {
  const columns = [
    {name: "at", title: "When", cell: row => moment(row.at)},
    {name: "type", title: "Event", class: "key", cell: row => h("a", {
      href: with_query(route, {letter: row.id})}, row.event_type || row.event_id || row.id)},
    {name: "key", title: "Key", class: "extra", cell: row => mono(cut(row.key ?? nothing, 40))},
    {name: "topic", title: "Topic", class: "extra", cell: row => row.topic ?? nothing},
    {name: "error", title: "Error", class: "brief extra",
     cell: row => h("span", {title: cut(row.error, 1_000)}, cut(row.error, 200))},
    {name: "attempts", title: "Attempts", class: "number extra",
     cell: row => count(row.attempts)},
    {name: "state", title: "State", cell: row => badge(state_kinds[row.state] ?? "quiet",
                                                       row.state)}];
  if (!state.is_read_only) {
    columns.unshift({name: "select", class: "select", title: select_all(rows), cell: select_box});
  }
  return table({caption: "Dead letters", rows, key: row => row.id,
                empty: "No letter matches.", columns});
}

function acts(route) {
  if (state.is_read_only) return null;
  const ids = [...state.selected];
  const filter = filter_of(route.query);
  const scope = ids.length > 0 ? {ids, words: `${ids.length} selected`}
    : {filter: filter_body(filter),
       words: Object.keys(filter).length > 0 ? "all that match the filter" : "all of them"};
  const words = ids.length > 0 ? `${ids.length} selected` : "all matching";
  // Other elements for another scope: a click that is under way never hits what it did not mean.
  const scoped = ids.length > 0 ? "selected" : "matching";
  return [button({shape: "replay", text: `Replay ${words}`, kind: "small primary",
                  key: `replay ${scoped}`, onclick: () => ask_replay(scope)}),
          button({shape: "discard", text: `Discard ${words}`, kind: "small",
                  key: `discard ${scoped}`, onclick: () => ask_discard(scope)})];
}

/// Most lists begin with what is newest.
export function pager(route, next, words = {first: "Newest", next: "Older"}) {
  if (!route.query.cursor && !next) return null;
  return h("nav", {class: "pager", "aria-label": "Pages", key: "pager"},
    route.query.cursor ? h("a", {class: "button small",
      href: with_query(route, {cursor: undefined})}, words.first) : null,
    next ? h("a", {class: "button small", href: with_query(route, {cursor: next})}, words.next)
         : null);
}

/// They come in the order in which they would be replayed, partition by partition.
const by_time = letters => [...letters].sort((one, other) =>
  String(one.at).localeCompare(String(other.at)));

function letters_panel(route) {
  const held = resource("letters");
  return panel("Letters", {key: "letters", side: acts(route),
                           note: held?.data?.complete === false ? "not all could be searched" : ""},
    missing_parts(held?.data),
    held?.data ? [letters_table(route, by_time(held.data.items)),
                  pager(route, held.data.next_cursor, {first: "Back to the first", next: "More"})]
               : waiting(held, "The list"));
}

function job_line(job) {
  const part = job.total > 0 ? (job.done + job.failed + job.skipped) / job.total : 0;
  const words = `${count(job.done)} of ${count(job.total)}` +
    (job.failed ? `, ${count(job.failed)} failed` : "") +
    (job.skipped ? `, ${count(job.skipped)} skipped` : "");
  const kinds = {running: "accent", done: "good", cancelled: "quiet", failed: "bad"};
  return h("li", {key: job.id}, badge(kinds[job.state] ?? "quiet", job.state),
    h("strong", null, job.action),
    h("progress", {max: "1", value: job.state === "done" ? 1 : part,
                   "aria-label": `${job.action}: ${words}`}),
    h("span", {class: "figure"}, words),
    h("small", null, [job.reason, job.who && `by ${job.who}`].filter(Boolean).join(", ")),
    job.state === "running" && !state.is_read_only
      ? button({text: "Cancel", kind: "small", onclick: () => cancel_job(job)}) : null);
}

function jobs_panel() {
  const known = new Map((resource("jobs")?.data?.items ?? []).map(job => [job.id, job]));
  for (const [id, job] of state.jobs) known.set(id, job);
  const rows = [...known.values()]
    .sort((one, other) => String(other.started_at).localeCompare(String(one.started_at)))
    .slice(0, 5);
  if (rows.length === 0) return null;
  return panel("Jobs", {key: "jobs"}, h("ul", {class: "jobs"}, rows.map(job_line)));
}

export function show(route) {
  return h("div", {class: "stack", key: "letters"}, filter_bar(route), jobs_panel(),
    groups_panel(route), letters_panel(route),
    route.query.letter ? show_letter(route) : null);
}
