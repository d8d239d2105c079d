// SPDX-License-Identifier: Apache-2.0
// Dialogs are the browser's own: they hold the focus, Escape closes them, and the focus goes back
// to where it was.
import * as api from "./api.js";
import {attempt, close_dialog, open_dialog, pause, take_job} from "./actions.js";
import {h} from "./dom.js";
import {button, field} from "./parts.js";
import {changed, state} from "./state.js";

/// The first thing to be typed has the focus; where nothing is, the browser chooses.
function open_modal(element, first = "[name=reason]") {
  if (!element.isConnected || element.open) return;
  element.showModal();
  (element.querySelector(first) ?? element.querySelector("input, textarea"))?.focus();
}

function shell(dialog, on_dismiss, ...children) {
  return h("dialog", {
    key: dialog.id, class: dialog.shape ?? "dialog", "aria-labelledby": `${dialog.id}-title`,
    created: element => open_modal(element, dialog.first),
    left: element => element.close?.(),
    oncancel: event => { event.preventDefault(); on_dismiss(); },
    onclick: event => { if (event.target === event.currentTarget) on_dismiss(); },
  }, h("div", {class: "dialog-body"}, ...children));
}

export function show_dialogs() {
  const shown = state.dialogs.map(dialog => {
    const close = () => close_dialog(dialog);
    return shell(dialog, close,
      h("div", {class: "dialog-head"},
        h("h2", {id: `${dialog.id}-title`}, dialog.title),
        button({shape: "close", label: "Close", kind: "small", onclick: close})),
      dialog.show(dialog, close));
  });
  if (state.needs_token) shown.push(token_dialog());
  return shown;
}

function token_dialog() {
  const take = event => {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get("token").trim();
    if (text === "") return;
    api.token.set(text);
    location.reload();
  };
  return shell({id: "token", shape: "dialog narrow"}, () => {},
    h("div", {class: "dialog-head"},
      h("h2", {id: "token-title"}, "This outboxd asks for a token")),
    h("form", {onsubmit: take},
      api.token.get() ? h("p", {class: "bad-text", role: "alert"},
        "The token that this tab holds was refused.") : null,
      field("Token", h("input", {type: "password", name: "token", autocomplete: "off",
                                 required: true, autofocus: true}),
            "One of admin.read-tokens or admin.operate-tokens, without its name. Kept in this " +
            "tab only, and forgotten when it closes."),
      h("div", {class: "dialog-foot"}, button({text: "Continue", kind: "primary",
                                               type: "submit"}))));
}

const values_of = form => Object.fromEntries(new FormData(form));

export const reason_field = (is_required = true) => field("Reason",
  h("input", {name: "reason", required: is_required, maxlength: "500", autocomplete: "off",
              placeholder: "Why? It goes into the audit log."}));

/// ask({title, text, fields, danger, verb, request: values => [method, path, body], done}): a
/// dialog that sends one request and closes when it was taken.
export function ask(question) {
  return open_dialog({...question, show: show_question});
}

function show_question(dialog, close) {
  const send = async event => {
    event.preventDefault();
    dialog.is_sending = true;
    changed();
    const taken = await dialog.send(values_of(event.currentTarget));
    dialog.is_sending = false;
    if (taken) close();
    changed();
  };
  return h("form", {onsubmit: send},
    dialog.text ? h("p", null, dialog.text) : null,
    dialog.fields?.(dialog) ?? reason_field(),
    h("div", {class: "dialog-foot"},
      button({text: "Cancel", onclick: close}),
      button({text: dialog.verb, kind: dialog.is_danger ? "danger" : "primary", type: "submit",
              disabled: dialog.is_sending || dialog.is_refused?.(dialog)})));
}

const consequences = {
  relay: "It stops publishing its share of the outbox until it is resumed; events wait in order.",
  topic: "Events of this topic wait in the outbox until it is resumed; other topics flow.",
  key: "Events of this key wait in the outbox until it is resumed; other keys flow.",
  consumer: "It stops taking messages until it is resumed; its offsets stay where they are.",
};

/// Relays hear of it with a heartbeat, three of which fit into a lease; consumers look themselves.
function heeded_within(kind) {
  if (kind === "consumer") return "All members heed it within 3 s.";
  let lease_ms = 0;
  for (const relay of (state.status?.stores ?? []).flatMap(store => store.relays ?? [])) {
    const ages = new Map((relay.members ?? []).map(one => [one.id, one.heartbeat_age_ms]));
    for (const slot of relay.slots ?? []) {
      lease_ms = Math.max(lease_ms, slot.expires_in_ms + (ages.get(slot.owner) ?? 0));
    }
  }
  return lease_ms > 0 ? `All instances heed it within ${Math.ceil(lease_ms / 3_000)} s.`
    : "Instances heed it with their next heartbeat.";
}

export const ask_pause = (kind, name, store) => ask({
  title: `Pause ${kind} ${name}`, text: `${consequences[kind]} ${heeded_within(kind)}`,
  verb: "Pause",
  send: values => pause(kind, name, store, values.reason),
});

/// Any name: for a topic or a key that stands in no table yet.
export const ask_any_pause = stores => ask({
  title: "Pause a topic or a key", verb: "Pause",
  fields: () => [
    field("What", h("select", {name: "kind"}, h("option", {value: "topic"}, "Topic"),
                    h("option", {value: "key"}, "Key"))),
    field("Name", h("input", {name: "name", required: true, autocomplete: "off"})),
    stores.length > 1 ? field("Store", h("select", {name: "store"},
      h("option", {value: ""}, "all stores"),
      stores.map(name => h("option", {key: name, value: name}, name)))) : null,
    h("p", {class: "hint"}, heeded_within("topic")), reason_field()],
  send: values => pause(values.kind, values.name.trim(), values.store, values.reason),
});

export const ask_event = (verb, event) => ask({
  title: `${verb === "retry" ? "Retry" : "Discard"} event ${event.event_id ?? event.row}`,
  text: verb === "retry" ? "The relay sends it again, in the order of its key."
    : "It is never published. The row stays and says so; this cannot be undone.",
  verb: verb === "retry" ? "Retry" : "Discard", is_danger: verb === "discard",
  send: values => attempt(() => api.post(`/events/${encodeURIComponent(event.row)}/${verb}`,
    {reason: values.reason}, {store: event.store}),
    verb === "retry" ? "The event will be sent again." : "The event is discarded."),
});

export const ask_clean_up = () => ask({
  title: "Clean up now", verb: "Clean up",
  text: "Removes or archives the rows whose retention has passed, in every store, as the " +
        "schedule would.",
  send: values => attempt(async () => {
    const answer = await api.post("/cleanup", {reason: values.reason});
    if (answer?.job) take_job(answer.job);  // It takes longer, and goes on.
    return answer;
  }, answer => answer?.job ? "The clean-up goes on." : "The clean-up is done."),
});
