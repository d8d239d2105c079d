// SPDX-License-Identifier: Apache-2.0
// One dead letter at the side of the list.
import {h} from "./dom.js";
import {bytes, count, pretty} from "./format.js";
import {ask_discard, ask_edit, ask_replay} from "./letter_dialogs.js";
import {anchor, badge, button, code_block, moment, mono, pairs, waiting} from "./parts.js";
import {resource} from "./resources.js";
import {link, with_query} from "./router.js";
import {state} from "./state.js";

export function payload_block(item) {
  const note = [item.content_type, bytes(item.payload_bytes),
                item.payload_truncated ? "shortened here" : ""].filter(Boolean).join(" \u00b7 ");
  const text = item.payload_base64 ?? pretty(item.payload);
  return [h("h3", null, "Payload ", h("small", null, note)),
          text === "" ? h("p", {class: "empty"}, "No payload.") : code_block(text, "Payload")];
}

export function headers_block(headers) {
  const entries = Object.entries(headers ?? {});
  if (entries.length === 0) return null;
  return [h("h3", null, "Headers"),
          pairs(entries.slice(0, 100).map(([name, value]) =>
            [name, mono(typeof value === "string" ? value : JSON.stringify(value))]))];
}

function facts(letter) {
  return pairs([
    ["State", badge({dead: "bad", replayed: "good", replaying: "accent"}[letter.state] ?? "quiet",
                    letter.state)],
    ["Event", letter.event_id ? anchor(link("trace", {q: letter.event_id}), mono(letter.event_id))
                              : null],
    ["Type", letter.event_type],
    ["Aggregate", letter.aggregate_type
      ? `${letter.aggregate_type} ${letter.aggregate_id ?? ""}` : null],
    ["Key", letter.key ? anchor(link("trace", {q: letter.key}), mono(letter.key)) : null],
    ["Topic", letter.topic ? anchor(link("topics", {}, letter.topic), letter.topic) : null],
    ["From", letter.source === "relay" ? `relay, store ${letter.store}`
                                       : `consumer ${letter.consumer ?? ""}`],
    ["Read at", letter.original_offset === null || letter.original_offset === undefined ? null
      : `partition ${letter.original_partition}, offset ${letter.original_offset}`],
    ["Attempts", count(letter.attempts)], ["Died", moment(letter.at)],
    ["Letter", mono(letter.id)]]);
}

function acts(letter) {
  if (state.is_read_only || letter.state === "discarded") return null;
  const scope = {ids: [letter.id]};
  return h("div", {class: "acts"},
    button({shape: "replay", text: "Replay", kind: "primary", onclick: () => ask_replay(scope)}),
    button({shape: "edit", text: letter.source === "relay" ? "Edit" : "Edit and replay",
            onclick: () => ask_edit(letter)}),
    button({shape: "discard", text: "Discard", onclick: () => ask_discard(scope)}));
}

export function show_letter(route) {
  const held = resource("letter");
  const letter = held?.data;
  const close = () => { location.hash = with_query(route, {letter: undefined}); };
  return h("dialog", {
    class: "sheet", key: `letter ${route.query.letter}`, "aria-labelledby": "letter-title",
    created: element => { if (element.isConnected && !element.open) element.showModal(); },
    left: element => element.close?.(),
    oncancel: event => { event.preventDefault(); close(); },
    onclick: event => { if (event.target === event.currentTarget) close(); },
  }, h("div", {class: "dialog-body"},
    h("div", {class: "dialog-head"},
      h("h2", {id: "letter-title"}, letter?.event_type || "Dead letter"),
      button({shape: "close", label: "Close", kind: "small", onclick: close})),
    letter ? [acts(letter), h("h3", null, "Error"),
              h("p", {class: "box bad"}, letter.error || "no reason is known"),
              facts(letter), payload_block(letter), headers_block(letter.headers)]
           : waiting(held, "The letter")));
}
