// SPDX-License-Identifier: Apache-2.0
// Starts the page: follows the stream, draws at most once a frame, listens to keys and address.
import * as api from "./api.js";
import {drop_toast, follow_jobs, refuse} from "./actions.js";
import {show_dialogs} from "./dialogs.js";
import {h, patch} from "./dom.js";
import {duration, nothing, short_count} from "./format.js";
import {button, icon} from "./parts.js";
import {need, refresh, refused_by, resource} from "./resources.js";
import {read_route} from "./router.js";
import {points_most} from "./series.js";
import {changed, listen, reduce, state, totals_of} from "./state.js";
import {verdict_kinds, verdict_words} from "./status_words.js";
import * as audit from "./view_audit.js";
import * as consumers from "./view_consumers.js";
import * as health from "./view_health.js";
import * as letters from "./view_letters.js";
import * as overview from "./view_overview.js";
import * as relays from "./view_relays.js";
import * as topics from "./view_topics.js";
import * as trace from "./view_trace.js";

const views = {overview, trace, "dead-letters": letters, relays, consumers, topics, health, audit};
const titles = {overview: "Overview", trace: "Events", "dead-letters": "Dead letters",
                relays: "Relays", consumers: "Consumers", topics: "Topics", health: "Health",
                audit: "Audit"};
const shapes = {trace: "search"};
const at = id => document.getElementById(id);

function show_menu(view) {
  const totals = totals_of(state.status);
  const dead = resource("total")?.data?.letters ?? totals.dead;
  const counts = {"dead-letters": dead, relays: totals.blocked + totals.held};
  patch(at("menu"), Object.entries(titles).map(([name, title]) =>
    h("a", {key: name, href: `#/${name}`, "aria-current": name === view ? "page" : undefined},
      icon(shapes[name] ?? name), h("span", null, title),
      counts[name] > 0 ? h("span", {class: "count"}, short_count(counts[name]),
        name === "relays" ? h("span", {class: "unseen"}, " blocked or held") : null)
                       : null)));
}

const stale_ms = 5_000;

function verdict() {
  const status = state.status;
  if (state.link === "lost" && (!status || Date.now() - state.updated_at > stale_ms)) {
    const since = state.updated_at ? `, the figures are ${
      duration(Date.now() - state.updated_at)} old` : "";
    return {kind: "bad", word: "No connection",
            text: (state.link_problem || "outboxd cannot be reached") + since};
  }
  if (!status) return {kind: "quiet", word: "Connecting", text: "reading the first figures"};
  const found = status.verdict ?? {};
  return {kind: verdict_kinds[found.state] ?? "quiet", word: verdict_words[found.state] ?? nothing,
          text: found.text ?? ""};
}

// A live region is spoken at each change: the words leave out what moves every second.
let spoken = "";
function show_verdict() {
  const {kind, word, text} = verdict();
  at("verdict").className = `verdict ${kind}`;
  patch(at("verdict"), [icon({good: "check", warn: "warn", bad: "bad"}[kind] ?? "overview"),
                        h("strong", null, word), h("span", {class: "words"}, text)]);
  if (spoken !== word) at("spoken").textContent = `${word}. ${text}`;
  spoken = word;
}

function show_link() {
  const words = state.is_paused ? "Paused" : {live: "Live", lost: "Trying again"}[state.link]
    ?? "Connecting";
  const kind = state.is_paused ? "paused" : state.link;
  patch(at("tools"), [
    h("span", {class: `link ${kind}`, key: "link"}, words),
    state.is_read_only ? h("span", {class: "badge quiet", key: "role",
      title: "This token may read and change nothing."}, "read only") : null,
    button({shape: state.is_paused ? "play" : "pause", kind: "small", pressed: state.is_paused,
            label: "Pause the updates", title: "Pause the updates (p)", onclick: toggle_pause}),
    button({shape: "theme", kind: "small", label: `Colours: ${state.theme}`,
            title: `Colours: ${state.theme}`, onclick: next_theme}),
    api.token.get() ? button({shape: "key", kind: "small", label: "Forget the token",
      onclick: () => { api.token.forget(); location.reload(); }}) : null]);
}

function show_toasts() {
  patch(at("toasts"), state.toasts.map(one => h("div", {key: one.id, class: `toast ${one.kind}`,
    role: one.kind === "bad" ? "alert" : "status"},
    icon(one.kind === "bad" ? "bad" : "check"),
    h("div", null, h("strong", null, one.text), one.remedy ? h("small", null, one.remedy) : null),
    button({shape: "close", label: "Dismiss", kind: "small", onclick: () => drop_toast(one)}))));
}

function show_foot() {
  const one = state.status?.instance;
  patch(at("foot"), [h("span", {key: "version"}, `outboxd ${state.status?.version ?? ""}`),
    one ? h("span", {key: "instance", title: one.id}, `${one.host}:${one.pid}`) : null,
    h("a", {href: "/openapi.json", key: "openapi"}, "OpenAPI"),
    h("a", {href: "/metrics", key: "metrics"}, "Metrics")]);
}

// A region that scrolls can be reached by the keyboard; one that does not is no stop on the way.
function mark_scrolling() {
  for (const region of document.querySelectorAll(".scroll")) {
    if (region.scrollWidth > region.clientWidth) region.setAttribute("tabindex", "0");
    else region.removeAttribute("tabindex");
  }
}

function show_all() {
  const view = views[state.route.view] ? state.route.view : "overview";
  document.title = `${titles[view]} \u00b7 outboxd`;
  show_menu(view);
  show_verdict();
  show_link();
  show_foot();
  at("title").textContent = titles[view];
  patch(at("view"), views[view].show(state.route));
  patch(at("dialogs"), show_dialogs());
  show_toasts();
  mark_scrolling();
}

let is_waiting = false, is_update = false;
function draw_soon() {
  if (is_waiting) return;
  is_waiting = true;
  requestAnimationFrame(() => {
    is_waiting = false;
    // A paused page stands still under updates, not under what its reader does.
    if (state.is_paused && is_update) {
      is_update = false;
      show_link();
      return;
    }
    is_update = false;
    show_all();
  });
}

function toggle_pause() {
  state.is_paused = !state.is_paused;
  changed();
}

function next_theme() {
  const order = ["auto", "light", "dark"];
  state.theme = order[(order.indexOf(state.theme) + 1) % order.length];
  localStorage.setItem("outboxd-theme", state.theme);
  apply_theme();
  changed();
}

function apply_theme() {
  document.documentElement.dataset.theme = state.theme;
}

function take_route() {
  const before = state.route.view;
  state.route = read_route(location.hash);
  const view = views[state.route.view] ?? overview;
  need([...view.needs(state.route),
        {name: "total", path: "/dead-letters/groups", every: 20}]);
  if (before !== state.route.view) window.scrollTo(0, 0);
  changed();
}

function take_key(event) {
  const is_typing = event.target.closest?.("input, textarea, select, dialog");
  if (is_typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    location.hash = "#/trace";
    setTimeout(() => at("find-event")?.focus(), 60);
  }
  if (event.key === "p") toggle_pause();
}

const hears = {
  event(name, text) {
    try {
      reduce(state, {name, data: JSON.parse(text)}, Date.now());
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return;  // Half an event of a server that went away.
    }
    is_update = true;
    changed();
  },
  opened() {
    state.link = "live";
    state.link_problem = "";
    changed();
  },
  lost(problem) {
    state.link = "lost";
    state.link_problem = problem instanceof api.Problem ? problem.message : "";
    if (problem?.status === 401) refuse(problem);
    changed();
  },
};

async function ask_role() {
  try {
    state.is_read_only = (await api.get("/me")).role === "read";
    changed();
  } catch (problem) {
    if (problem.status === 401) refuse(problem);
  }
}

// Within one tab the charts outlive a reload; the figures are those of the address alone.
const kept_series = "outboxd-series";
function keep_series() {
  sessionStorage.setItem(kept_series, state.series.kept());
}

function skip_to_content(event) {
  event.preventDefault();  // The fragment is the page's own.
  at("main").focus();
}

function start() {
  at("verdict").replaceChildren();
  const kept = localStorage.getItem("outboxd-theme");
  state.theme = ["light", "dark"].includes(kept) ? kept : "auto";
  apply_theme();
  listen(draw_soon);
  refused_by(refuse);
  addEventListener("hashchange", take_route);
  addEventListener("keydown", take_key);
  at("skip").onclick = skip_to_content;
  state.series.take(sessionStorage.getItem(kept_series) ?? "", Date.now() / 1_000 - points_most);
  addEventListener("pagehide", keep_series);
  document.addEventListener("visibilitychange", refresh);
  setInterval(() => {
    refresh();
    follow_jobs();
    if (state.link === "lost") changed();
  }, 1_000);
  state.route = read_route(location.hash);
  take_route();
  ask_role();
  api.follow(hears, new AbortController().signal);
}

start();
