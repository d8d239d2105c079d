// SPDX-License-Identifier: Apache-2.0
// uPlot with the page's colours. A chart is an image to a screen reader; the same figures stand in
// the table beside it.
import {h} from "./dom.js";
import {axis_duration, rate, short_count, short_duration, time} from "./format.js";
import {changed, listen, state} from "./state.js";
import {points_most} from "./series.js";

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const height = 190;

function axis(values, side, size) {
  return {side, size, stroke: colour("--quiet"), font: "11px " + colour("--font"),
          grid: side === 1 ? {show: false} : {stroke: colour("--grid"), width: 1},
          ticks: {show: false}, gap: 6, values: (_, splits) => splits.map(values)};
}

/// Steps of an axis of seconds, as clocks have them.
const duration_steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30,
                        60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400,
                        172800, 604800, 2592000];

const clock = new Intl.DateTimeFormat(undefined,
  {hour: "2-digit", minute: "2-digit", hourCycle: "h23"});

/// Half an event is none: between whole numbers an axis says nothing.
const whole = value => value % 1 === 0 ? short_count(value) : "";

function options_of(lines, width) {
  const has_right = lines.some(line => line.scale === "right");
  return {
    width, height, legend: {show: false}, padding: [8, has_right ? 0 : 12, 0, 0],
    cursor: {drag: {x: false, y: false}, points: {size: 6}, y: false},
    scales: {
      // A quarter of an hour, or as much of it as there is: never less than three minutes.
      x: {time: true, range: (_, oldest, newest) =>
        [Math.max(newest - points_most, Math.min(oldest, newest - 180)), newest]},
      left: {range: (_, __, most) => [0, Math.max(most * 1.08, 1)]},
      right: {range: (_, __, most) => [0, Math.max(most * 1.08, 1)]},
    },
    axes: [
      {stroke: colour("--quiet"), font: "11px " + colour("--font"), grid: {show: false},
       ticks: {show: false}, gap: 4, size: 24, space: 70,
       values: (_, splits) => splits.map(at => clock.format(at * 1_000))},
      {scale: "left", ...axis(lines[0].on_axis, 3, 52)},
      ...(has_right ? [{scale: "right", incrs: duration_steps,
                        ...axis(lines[1].on_axis, 1, 48)}] : []),
    ],
    series: [{}, ...lines.map(line => ({
      scale: line.scale ?? "left", stroke: colour(line.colour), width: 1.6, spanGaps: false,
      dash: line.dash, points: {show: false},
      fill: line.is_filled ? `color-mix(in srgb, ${colour(line.colour)} 14%, transparent)`
                           : undefined}))],
  };
}

/// Keeps one uPlot in the element: as wide as it, in the theme's colours, drawn at most once a
/// frame.
function chart_in(element, chart) {
  let plot = null, drawn_at = null, last_theme = "", pointed = null;
  const theme = () => colour("--ground");
  function point(shown) {
    const i = shown.cursor.idx;
    if (pointed === i) return;
    pointed = i ?? null;
    chart.pointed = pointed;
    changed();
  }
  function make() {
    plot?.destroy();
    last_theme = theme();
    const width = Math.max(200, element.clientWidth);
    const options = options_of(chart.lines, width);
    options.hooks = {setCursor: [point]};
    plot = new window.uPlot(options, columns(), element);
  }
  const columns = () => state.series.columns(...chart.lines.map(line => line.name));
  function draw() {
    if (!plot || theme() !== last_theme) make();
    if (state.is_paused || drawn_at === state.series.last) return;
    drawn_at = state.series.last;
    plot.setData(columns());
  }
  const sizes = new ResizeObserver(() => {
    if (plot && element.clientWidth > 0) plot.setSize({width: element.clientWidth, height});
  });
  queueMicrotask(() => {
    make();
    sizes.observe(element);
  });
  const stop = listen(() => requestAnimationFrame(() => { if (element.isConnected) draw(); }));
  return () => {
    stop();
    sizes.disconnect();
    plot?.destroy();
  };
}

const charts = [
  {id: "backlog", title: "Backlog and oldest age", pointed: null, lines: [
    {name: "pending", text: "Pending", colour: "--series-1", is_filled: true,
     on_axis: value => whole(value), shown: short_count},
    {name: "age_seconds", text: "Oldest age", colour: "--series-2", scale: "right", dash: [5, 3],
     on_axis: seconds => axis_duration(seconds * 1_000),
     shown: seconds => seconds === null ? "\u2013" : short_duration(seconds * 1_000)}]},
  {id: "rates", title: "In and out, per second", pointed: null, lines: [
    {name: "written", text: "Written", colour: "--series-3", dash: [5, 3],
     on_axis: value => whole(value), shown: rate},
    {name: "published", text: "Published", colour: "--series-4", is_filled: true,
     on_axis: value => whole(value), shown: rate}]},
];

function legend(chart) {
  const columns = state.series.columns(...chart.lines.map(line => line.name));
  const at = chart.pointed ?? columns[0].length - 1;
  const moment = columns[0][at];
  return h("div", {class: "legend"},
    chart.lines.map((line, i) => h("span", {class: `line ${line.colour.slice(2)}`, key: line.name},
      h("span", {class: "swatch", "aria-hidden": "true"}), `${line.text} `,
      h("b", null, line.shown(columns[i + 1][at] ?? null)))),
    h("small", null, chart.pointed === null || moment === undefined ? span_of(columns[0])
      : time(moment * 1_000)));
}

/// The program keeps no figures of the past for a page that was not open: it says since when.
function span_of(times) {
  if (times.length === 0) return "from now on";
  return times.length < points_most && times.at(-1) - times[0] < points_most - 30
    ? `since ${time(times[0] * 1_000)}` : "15 min";
}

/// One row a minute, for whoever cannot see the lines.
function figures(chart) {
  const columns = state.series.columns(...chart.lines.map(line => line.name));
  const last = columns[0].length - 1;
  const places = [];
  for (let i = last; i >= 0; i -= 60) places.push(i);
  return h("table", {class: "unseen"}, h("caption", null, `${chart.title}, a row a minute`),
    h("thead", null, h("tr", null, h("th", {scope: "col"}, "Time"),
      chart.lines.map(line => h("th", {scope: "col", key: line.name}, line.text)))),
    h("tbody", null, places.map(i => h("tr", {key: i}, h("th", {scope: "row"},
      time(columns[0][i] * 1_000)), chart.lines.map((line, at) =>
        h("td", {key: line.name}, line.shown(columns[at + 1][i])))))));
}

export const chart_panels = () => charts.map(chart =>
  h("section", {class: "panel chart", key: chart.id, "aria-labelledby": `chart-${chart.id}`},
    h("div", {class: "panel-head"}, h("h2", {id: `chart-${chart.id}`}, chart.title),
      h("div", {class: "panel-side"}, legend(chart))),
    h("div", {class: "plot", role: "img", "aria-label": `${chart.title}, the last 15 minutes`,
              mount: element => chart_in(element, chart)}),
    figures(chart)));
