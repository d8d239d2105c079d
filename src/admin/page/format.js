// SPDX-License-Identifier: Apache-2.0
// Numbers, durations and times as people read them.
import {parse_exactly} from "./exact.js";

const whole = new Intl.NumberFormat("en-US");
const one_digit = new Intl.NumberFormat("en-US", {maximumFractionDigits: 1});
const clock = new Intl.DateTimeFormat(undefined,
  {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"});
const day = new Intl.DateTimeFormat(undefined, {month: "short", day: "numeric"});
export const nothing = "\u2013";

/// A number that was kept as it was written (exact.js) is read where it is only shown.
const plain = value => typeof value?.rawJSON === "string" ? Number(value.rawJSON) : value;
const is_nothing = value => value === null || value === undefined || Number.isNaN(value);

export const count = value => is_nothing(value) ? nothing : whole.format(plain(value));

/// 12,345 up to a hundred thousand, then 123 k and 1.2 M: a tile has no place for more.
export function short_count(number) {
  const value = plain(number);
  if (is_nothing(value)) return nothing;
  if (value < 100_000) return whole.format(value);
  if (value < 1_000_000) return `${one_digit.format(value / 1_000)}k`;
  if (value < 1_000_000_000) return `${one_digit.format(value / 1_000_000)}M`;
  return `${one_digit.format(value / 1_000_000_000)}G`;
}

export function rate(value) {
  if (is_nothing(value)) return nothing;
  return value < 10 && value % 1 !== 0 ? one_digit.format(value) : short_count(Math.round(value));
}

export function bytes(number) {
  const value = plain(number);
  if (is_nothing(value)) return nothing;
  if (value < 1_024) return `${value} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let size = value / 1_024, unit = 0;
  while (size >= 1_024 && unit < units.length - 1) {
    size /= 1_024;
    ++unit;
  }
  return `${one_digit.format(size)} ${units[unit]}`;
}

export function duration(number) {
  const ms = plain(number);
  if (is_nothing(ms)) return nothing;
  if (ms < 1) return `${one_digit.format(ms)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${one_digit.format(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/// In one unit: for tiles and axes.
export function short_duration(number) {
  const ms = plain(number);
  if (is_nothing(ms) || ms < 60_000) return duration(ms);
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${one_digit.format(ms / 3_600_000)} h`;
  return `${one_digit.format(ms / 86_400_000)} d`;
}

/// The same for an axis, whose steps are often less than a minute.
export const axis_duration = ms => ms > 60_000 && ms < 3_600_000
  ? `${one_digit.format(ms / 60_000)} min` : short_duration(ms);

const as_date = at => {
  const date = at ? new Date(at) : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
};

export function time(at) {
  const date = as_date(at);
  if (!date) return nothing;
  const is_today = date.toDateString() === new Date().toDateString();
  return is_today ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

export function ago(at, now = Date.now()) {
  const date = as_date(at);
  if (!date) return nothing;
  const ms = Math.max(0, now - date.getTime());
  return ms < 1_000 ? "just now" : `${duration(ms)} ago`;
}

export const exact_time = at => as_date(at)?.toISOString() ?? "";

export const plural = (number, one, many = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : many}`;

/// A payload to read: JSON is laid out with its numbers as they were written, a text stays a text.
export function pretty(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    const read = parse_exactly(value);
    return typeof read === "object" && read !== null ? JSON.stringify(read, null, 2) : value;
  } catch {
    return value;
  }
}

/// A cause is an error with dots for what varies: [[text, whether it varies]] of an error that it
/// stands for, or nothing where the two do not fit together.
export function varying_parts(cause, error) {
  const [first, ...fixed] = String(cause ?? "").split("\u2026");
  if (fixed.length === 0 || !error.startsWith(first)) return null;
  const parts = [[first, false]];
  let at = first.length;
  for (const [i, text] of fixed.entries()) {
    const is_last = i === fixed.length - 1;
    const next = is_last && text === "" ? error.length : error.indexOf(text, at);
    if (next < 0) return null;
    parts.push([error.slice(at, next), true], [text, false]);
    at = next + text.length;
  }
  return at === error.length ? parts.filter(([text]) => text !== "") : null;
}

export function cut(text, most = 120) {
  const words = String(text ?? "");
  return words.length > most ? `${words.slice(0, most - 1)}\u2026` : words;
}
