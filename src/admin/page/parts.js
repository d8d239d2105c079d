// SPDX-License-Identifier: Apache-2.0
// What the views are put together from.
import {h} from "./dom.js";
import {ago, count, duration, exact_time, nothing, time} from "./format.js";

export const rows_most = 200;

export const icon = name =>
  h("svg", {class: "icon", "aria-hidden": "true", focusable: "false"},
    h("use", {href: `/assets/icons.svg#${name}`}));

/// kind: good, warn, bad, quiet, accent. The word says it too: colour never does alone.
export const badge = (kind, text, title) => h("span", {class: `badge ${kind}`, title}, text);

export function button({text, label, shape, kind = "", onclick, disabled, title, type = "button",
                        pressed, key}) {
  return h("button", {key, class: `button ${kind}${text ? "" : " bare"}`, type, onclick, disabled,
                      title: title ?? (text ? undefined : label),
                      "aria-label": text && !label ? undefined : label,
                      "aria-pressed": pressed === undefined ? undefined : String(pressed)},
           shape ? icon(shape) : null, text ? h("span", null, text) : null);
}

let panels = 0;
const names = new Map();
const id_of = title => {
  if (!names.has(title)) names.set(title, `panel-${++panels}`);
  return names.get(title);
};

/// A panel of a list (name) is told from its siblings by more than its title.
export function panel(title, {note, side, kind = "", key, name} = {}, ...children) {
  const id = id_of(`${key ?? ""} ${title}`);
  return h("section", {class: `panel ${kind}`, key: key ?? title,
                       "aria-labelledby": name ? undefined : id, "aria-label": name},
    h("div", {class: "panel-head"}, h("h2", {id}, title), note ? h("small", null, note) : null,
      side ? h("div", {class: "panel-side"}, side) : null),
    ...children);
}

function head_cell(column) {
  const title = typeof column.title === "string" && column.title === ""
    ? h("span", {class: "unseen"}, column.name) : column.title;
  return h("th", {scope: "col", key: column.name, class: column.class}, title);
}

/// columns: {name, title, class: number extra wide key, cell: row => node}; class extra is left out
/// on a phone, where the rows of a table that is_cards are put as cards: nothing of them is left
/// out or asks for scrolling sideways. More than 200 rows are never shown, and it says so.
export function table({caption, columns, rows, key, empty = "Nothing here.", row_of, is_cards}) {
  const shown = rows.slice(0, rows_most);
  const more = rows.length - shown.length;
  if (rows.length === 0) return h("p", {class: "empty", key: "empty"}, empty);
  return h("div", {class: "scroll", role: "group", "aria-label": caption, key: "table"},
    h("table", {class: is_cards ? "cards" : undefined},
      h("caption", {class: "unseen"}, caption),
      h("thead", null, h("tr", null, columns.map(head_cell))),
      h("tbody", null, shown.map((row, i) =>
        h("tr", {key: key ? key(row) : i, ...row_of?.(row)},
          columns.map(column => h("td", {key: column.name, class: column.class,
            "data-title": is_cards ? column.title : undefined}, column.cell(row))))))),
    more > 0 ? h("p", {class: "empty"}, `and ${count(more)} more`) : null);
}

export function bar(share, kind = "") {
  const part = Math.max(0, Math.min(1, share || 0));
  return h("span", {class: `bar ${kind}`, "aria-hidden": "true"},
           h("span", {class: "fill", style: {width: `${(100 * part).toFixed(1)}%`}}));
}

export const moment = at => at
  ? h("time", {datetime: exact_time(at), title: exact_time(at)}, time(at)) : nothing;
export const moment_ago = at => at
  ? h("time", {datetime: exact_time(at), title: exact_time(at)}, ago(at)) : nothing;

export const age = ms => h("span", {class: "figure"}, duration(ms));
export const mono = text => h("code", null, text ?? nothing);
export const anchor = (href, text, props) => h("a", {href, ...props}, text);

export const pairs = entries => h("dl", {class: "pairs"}, entries
  .filter(([, value]) => value !== undefined && value !== null && value !== "")
  .map(([name, value]) => h("div", {key: name}, h("dt", null, name), h("dd", null, value))));

export function copy_button(text, label = "Copy") {
  return button({shape: "copy", label, kind: "small", onclick: event => {
    const pressed = event.currentTarget;
    navigator.clipboard?.writeText(text).then(() => {
      pressed.classList.add("done");
      setTimeout(() => pressed.classList.remove("done"), 1_200);
    }, () => {});
  }});
}

export const code_block = (text, label) => h("div", {class: "code-block"},
  h("pre", {tabindex: "0", "aria-label": label}, text), copy_button(text, `Copy: ${label}`));

/// What a resource has to show instead of its data: that it loads, or why it cannot.
export function waiting(resource, what = "It") {
  if (resource?.problem) return problem_box(resource.problem);
  return h("p", {class: "empty", key: "waiting"}, `${what} is being read\u2026`);
}

export const problem_box = problem => h("div", {class: "box bad", key: "problem"}, icon("bad"),
  h("div", null, h("strong", null, problem.message),
    problem.remedy ? h("p", null, problem.remedy) : null));

/// Where some of several stores did not answer, a list is not whole, and says so.
export const missing_parts = document => (document?.errors ?? []).length === 0 ? null
  : h("div", {class: "box bad", key: "missing"}, icon("warn"),
      h("ul", null, document.errors.slice(0, 5).map((one, i) =>
        h("li", {key: i}, `${one.store ?? one.topic ?? "a part"} is missing here: ${one.error}`))));

export function field(label, control, note) {
  return h("label", {class: "field"}, h("span", null, label), control,
           note ? h("small", null, note) : null);
}

export function choice(name, value, options, onchange, label) {
  return h("select", {name, value: value ?? "", onchange, "aria-label": label},
           options.map(([key, text]) => h("option", {key, value: key}, text)));
}
