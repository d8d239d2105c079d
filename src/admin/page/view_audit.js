// SPDX-License-Identifier: Apache-2.0
// Who did what, and why.
import {h} from "./dom.js";
import {cut, nothing} from "./format.js";
import {moment, mono, panel, table, waiting} from "./parts.js";
import {resource} from "./resources.js";
import {pager} from "./view_letters.js";

export const needs = route => [{name: "audit", path: "/audit", every: 10,
                                query: {limit: 50, cursor: route.query.cursor}}];

const details_of = row => {
  const text = row.details === undefined || row.details === null ? ""
    : typeof row.details === "string" ? row.details : JSON.stringify(row.details);
  return text === "" || text === "{}" ? nothing : mono(cut(text, 160));
};

export function show(route) {
  const held = resource("audit");
  return h("div", {class: "stack", key: "audit"},
    panel("Audit log", {key: "audit", note: "every change by an operator"}, held?.data ? [table({
      caption: "Audit log", rows: held.data.items, empty: "No operator has changed anything.",
      key: row => `${row.store} ${row.number}`, is_cards: true, columns: [
        {name: "at", title: "When", cell: row => moment(row.at)},
        {name: "who", title: "Who", cell: row => row.who},
        {name: "action", title: "Action", class: "key", cell: row => row.action},
        {name: "target", title: "Target", cell: row => cut(row.target, 80)},
        {name: "reason", title: "Reason", class: "wide", cell: row => row.reason || nothing},
        {name: "store", title: "Store", class: "extra", cell: row => row.store},
        {name: "details", title: "Details", class: "extra", cell: details_of}]}),
      pager(route, held.data.next_cursor)] : waiting(held, "The log")));
}
