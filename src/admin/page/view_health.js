// SPDX-License-Identifier: Apache-2.0
// What the doctor found, with the command that mends it, and the state of the alerts.
import {h} from "./dom.js";
import {count, nothing, plural} from "./format.js";
import {badge, button, code_block, moment_ago, panel, table, waiting} from "./parts.js";
import {reload, resource} from "./resources.js";
import {finding_kinds} from "./status_words.js";

export const needs = () => [
  {name: "doctor", path: "/doctor", every: 60},
  {name: "alerts", path: "/alerts", every: 10},
];

const order = ["problem", "warning", "notice", "ok"];

function finding(one, i) {
  return h("li", {key: `${one.check} ${one.store} ${i}`, class: `finding ${
    finding_kinds[one.severity] ?? "quiet"}`},
    h("div", {class: "finding-head"}, badge(finding_kinds[one.severity] ?? "quiet", one.severity),
      h("strong", null, one.check), one.store ? h("small", null, `store ${one.store}`) : null),
    h("p", null, one.found), one.why ? h("p", {class: "quiet-text"}, one.why) : null,
    one.remedy ? code_block(one.remedy, `Remedy for ${one.check}`) : null);
}

function findings_panel() {
  const held = resource("doctor");
  const side = [held?.data ? h("small", null, "checked ", moment_ago(held.data.checked_at)) : null,
                button({shape: "replay", text: "Check again", kind: "small",
                        disabled: held?.is_loading, onclick: () => reload("doctor")})];
  if (!held?.data) return panel("Findings", {key: "findings", side}, waiting(held, "All"));
  const findings = [...held.data.findings]
    .sort((one, other) => order.indexOf(one.severity) - order.indexOf(other.severity));
  const bad = findings.filter(one => one.severity !== "ok");
  const good = findings.filter(one => one.severity === "ok");
  return panel("Findings", {key: "findings", side,
                            note: `${bad.length} of ${plural(findings.length, "check")}`},
    bad.length === 0 ? h("p", {class: "calm"}, "Every check is well.")
      : h("ul", {class: "findings"}, bad.slice(0, 200).map(finding)),
    good.length === 0 ? null : h("details", {class: "more"},
      h("summary", null, `${plural(good.length, "check")} without a finding`),
      table({caption: "Checks that are well", rows: good,
        key: row => `${row.check} ${row.store}`, columns: [
          {name: "check", title: "Check", class: "key", cell: row => row.check},
          {name: "store", title: "Store", class: "extra", cell: row => row.store ?? nothing},
          {name: "found", title: "Found", class: "wide", cell: row => row.found}]})));
}

const alert_kinds = {ok: "good", pending: "warn", firing: "bad"};

function alerts_panel() {
  const held = resource("alerts");
  return panel("Alerts", {key: "alerts"}, held?.data ? table({
    caption: "Alerts", rows: held.data.items, key: row => row.name,
    empty: "No alert is configured (alerts.NAME).", columns: [
      {name: "name", title: "Alert", class: "key", cell: row => row.name},
      {name: "state", title: "State", cell: row => badge(alert_kinds[row.state] ?? "quiet",
                                                         row.state)},
      {name: "value", title: "Value", class: "number", cell: row => count(row.value)},
      {name: "threshold", title: "Threshold", class: "number", cell: row => count(row.threshold)},
      {name: "since", title: "Since", class: "number", cell: row => moment_ago(row.since_at)},
      {name: "error", title: "Error", class: "wide extra", cell: row => row.error ?? ""}]})
    : waiting(held, "The list of alerts"));
}

export const show = () => h("div", {class: "stack", key: "health"}, findings_panel(),
                            alerts_panel());
