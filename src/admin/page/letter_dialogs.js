// SPDX-License-Identifier: Apache-2.0
// Replay, discard and edit of dead letters. Replay and discard say first, by a dry run, how many
// letters they mean.
import * as api from "./api.js";
import {attempt, refuse, take_job} from "./actions.js";
import {ask, reason_field} from "./dialogs.js";
import {diff_lines} from "./diff.js";
import {h} from "./dom.js";
import {parse_exactly} from "./exact.js";
import {count, cut, plural, pretty} from "./format.js";
import {code_block, field, icon} from "./parts.js";
import {forget} from "./resources.js";
import {with_query} from "./router.js";
import {changed, state} from "./state.js";

/// A scope is {ids} or {filter}, with words for people.
const body_of = (scope, more) =>
  ({...(scope.ids ? {ids: scope.ids} : {filter: scope.filter}), ...more});

/// What a job has taken on is selected no longer, nor open at the side: it is a letter no longer,
/// and the job tells what becomes of it. What was selected meanwhile stays so.
function begin(scope, job) {
  for (const id of scope.ids ?? []) state.selected.delete(id);
  if (scope.ids?.includes(state.route.query.letter)) {
    forget("letter");
    location.hash = with_query(state.route, {letter: undefined});
  }
  take_job(job);
}

async function count_first(dialog, path) {
  const body = body_of(dialog.scope, {dry_run: true, reason: "dry run"});
  try {
    dialog.dry = await api.post(path, body);
  } catch (problem) {
    dialog.dry_problem = problem;
    if (problem.status === 401 || problem.status === 403) refuse(problem);
  }
  changed();
}

const number_of = dry => dry.would_replay ?? dry.would_discard ?? dry.letters ?? dry.total;

function dry_words(dialog, verb) {
  if (dialog.dry_problem) {
    return h("p", {class: "box bad", role: "alert"}, icon("bad"), dialog.dry_problem.message);
  }
  if (!dialog.dry) return h("p", {class: "box quiet"}, "Counting what that means\u2026");
  const number = number_of(dialog.dry);
  return h("p", {class: "box accent", role: "status"}, icon("check"),
    h("span", null, "Dry run: ", h("strong", null, plural(number, "letter")),
      ` would be ${verb}`, dialog.scope.words ? ` (${dialog.scope.words})` : "",
      dialog.dry.would_fail > 0 ? `, ${count(dialog.dry.would_fail)} would fail` : "",
      dialog.dry.would_skip > 0 ? `, ${count(dialog.dry.would_skip)} are done already` : "",
      dialog.dry.exact === false ? "; there may be more." : "."));
}

function edit_fields(dialog) {
  return h("details", {class: "more"}, h("summary", null, "Change them on the way"),
    field("JSON merge patch of the payload", h("textarea", {
      name: "merge_patch", rows: "4", spellcheck: "false", class: "mono",
      placeholder: "{\"currency\": \"EUR\"}",
      oninput: event => { dialog.patch_error = patch_error(event.target.value); changed(); }}),
      "Fields named here are set in every payload; null removes one."),
    dialog.patch_error ? h("p", {class: "bad-text", role: "alert"}, dialog.patch_error) : null,
    field("Send to another topic", h("input", {name: "topic", autocomplete: "off"})));
}

function json_error(text) {
  if (text.trim() === "") return "";
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `This is no JSON: ${error.message}`;
  }
}

function patch_error(text) {
  const error = json_error(text);
  if (error || text.trim() === "") return error;
  const read = JSON.parse(text);
  return typeof read === "object" && read !== null && !Array.isArray(read) ? ""
    : "A merge patch is an object: {\"field\": value}.";
}

function edit_of(values) {
  const edit = {};
  if (values.merge_patch?.trim()) edit.merge_patch = parse_exactly(values.merge_patch);
  if (values.topic?.trim()) edit.topic = values.topic.trim();
  return Object.keys(edit).length > 0 ? {edit} : {};
}

function replay_body(dialog, values) {
  const per_second = Number(values.rate);
  return body_of(dialog.scope, {
    ...edit_of(values), ...(per_second > 0 ? {rate: per_second} : {}), reason: values.reason});
}

export function ask_replay(scope) {
  const dialog = ask({
    title: scope.ids?.length === 1 ? "Replay a dead letter" : "Replay dead letters",
    verb: "Replay", scope,
    is_refused: one => Boolean(one.patch_error) || (one.dry && number_of(one.dry) === 0),
    fields: one => [
      dry_words(one, "sent again"),
      field("At most, per second", h("input", {name: "rate", type: "number", min: "1",
        step: "1", inputmode: "numeric", placeholder: "the server's cap"}),
        "Letters of one key keep their order."),
      edit_fields(one), reason_field(),
      h("details", {class: "more"}, h("summary", null, "As a command"),
        code_block(api.curl("POST", "/dead-letters/replay",
                            body_of(scope, {reason: "why"})), "curl command"))],
    send: values => attempt(async () => {
      const answer = await api.post("/dead-letters/replay", replay_body(dialog, values));
      begin(scope, answer.job);
      return answer.job;
    }, job => `Replay of ${plural(job.total ?? number_of(dialog.dry ?? {}), "letter")} began.`),
  });
  count_first(dialog, "/dead-letters/replay");
}

export function ask_discard(scope) {
  const dialog = ask({
    title: scope.ids?.length === 1 ? "Discard a dead letter" : "Discard dead letters",
    text: "Discarded letters are never sent again. This cannot be undone.",
    verb: "Discard", is_danger: true, scope,
    is_refused: one => one.dry && number_of(one.dry) === 0,
    fields: one => [dry_words(one, "discarded"), reason_field()],
    send: values => attempt(async () => {
      const answer = await api.post("/dead-letters/discard",
                                    body_of(scope, {reason: values.reason}));
      begin(scope, answer.job);
    }, "The discard began."),
  });
  count_first(dialog, "/dead-letters/discard");
}

function show_diff(dialog) {
  const lines = diff_lines(dialog.before, dialog.after);
  if (dialog.before === dialog.after) return h("p", {class: "empty"}, "Nothing is changed yet.");
  if (!lines) return h("p", {class: "empty"}, "Too long to be compared here.");
  const marks = {same: " ", gone: "\u2212", new: "+"};
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - 2), i + 3).some(line => line.kind !== "same"));
  return h("pre", {class: "diff", tabindex: "0", "aria-label": "What changes"},
    lines.map((line, i) => near[i] ? h("span", {class: line.kind, key: i},
      `${marks[line.kind]} ${cut(line.text, 400)}\n`) : null));
}

const payload_text = letter => letter.payload_base64 ?? pretty(letter.payload);

/// What was typed, as the payload that goes over the wire: JSON where it was JSON before.
function payload_of(letter, text) {
  return typeof letter.payload === "string" || letter.payload_base64 !== undefined
    ? text : parse_exactly(text);
}

const is_json = letter => letter.payload !== undefined && typeof letter.payload !== "string";

function edit_form(letter, dialog) {
  const topic = h("input", {name: "topic", value: letter.topic ?? "", autocomplete: "off"});
  return [
    field("Payload", h("textarea", {
      name: "payload", rows: "14", class: "mono", spellcheck: "false", value: dialog.before,
      oninput: event => {
        dialog.after = event.target.value;
        dialog.error = is_json(letter) ? json_error(dialog.after) : "";
        changed();
      }})),
    dialog.error ? h("p", {class: "bad-text", role: "alert"}, dialog.error) : null,
    field("Topic", topic),
    h("h3", null, "What changes"), show_diff(dialog), reason_field()];
}

function changes_of(letter, dialog, values) {
  const edit = {};
  if (dialog.after !== dialog.before) edit.payload = payload_of(letter, dialog.after);
  if (values.topic.trim() !== (letter.topic ?? "")) edit.topic = values.topic.trim();
  return edit;
}

/// A relay's row is changed where it lies; a consumer's letter is replayed as a changed copy.
export function ask_edit(letter) {
  const text = payload_text(letter);
  const is_row = letter.source === "relay";
  const path = `/dead-letters/${encodeURIComponent(letter.id)}`;
  const dialog = ask({
    title: is_row ? "Edit a dead letter" : "Edit and replay a dead letter", shape: "dialog wide",
    first: "textarea",
    text: is_row ? "The row in the outbox is changed; replay it afterwards."
      : "A changed copy is sent to the topic; the letter itself stays as it is.",
    verb: is_row ? "Save" : "Send the copy", before: text, after: text,
    is_refused: one => Boolean(one.error),
    fields: one => edit_form(letter, one),
    send: values => attempt(async () => {
      const edit = changes_of(letter, dialog, values);
      if (is_row) return api.patch(path, {...edit, reason: values.reason});
      const answer = await api.post("/dead-letters/replay",
                                    {ids: [letter.id], edit, reason: values.reason});
      take_job(answer.job);
    }, is_row ? "The letter is changed." : "The changed copy is on its way."),
  });
}
