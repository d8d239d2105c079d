// SPDX-License-Identifier: Apache-2.0
// The last quarter of an hour, a point a second, in memory that is taken once.

export const points_most = 900;
const silence_seconds = 5;

export class Series {
  constructor(names) {
    this.names = names;
    this.times = new Float64Array(points_most);
    this.values = Object.fromEntries(names.map(name => [name, new Float64Array(points_most)]));
    this.length = 0;
    this.next = 0;
  }

  get last() {
    return this.length === 0 ? null
      : this.times[(this.next + points_most - 1) % points_most];
  }

  /// Seconds since 1970, and a number (or nothing) for each name. A second point within the same
  /// second replaces the first; after a silence a point of nothing breaks the line.
  push(seconds, point) {
    const last = this.last;
    if (last !== null && seconds < last) this.clear();
    else if (last !== null && seconds - last < 0.5) this.next = this.before(this.next);
    else if (last !== null && seconds - last > silence_seconds) this.put(last + 1, {});
    this.put(seconds, point);
  }

  columns(...names) {
    const order = Array.from({length: this.length},
      (_, i) => (this.next + points_most - this.length + i) % points_most);
    const shown = value => Number.isNaN(value) ? null : value;
    return [order.map(i => this.times[i]),
            ...names.map(name => order.map(i => shown(this.values[name][i])))];
  }

  /// For a page that is loaded again: what take() of another Series takes.
  kept() {
    return JSON.stringify(this.columns(...this.names));
  }

  /// Points that are no older than `oldest` (seconds since 1970); what cannot be read is nothing.
  take(text, oldest) {
    let columns;
    try {
      columns = JSON.parse(text);
    } catch {
      return;
    }
    const [times] = Array.isArray(columns) ? columns : [];
    if (!Array.isArray(times) || columns.length !== this.names.length + 1) return;
    times.forEach((at, i) => {
      if (!(at >= oldest)) return;
      this.put(at, Object.fromEntries(this.names.map((name, k) => [name, columns[k + 1]?.[i]])));
    });
  }

  clear() {
    this.length = this.next = 0;
  }

  before(place) {
    if (this.length > 0) --this.length;
    return (place + points_most - 1) % points_most;
  }

  put(seconds, point) {
    this.times[this.next] = seconds;
    for (const name of this.names) this.values[name][this.next] = point[name] ?? NaN;
    this.next = (this.next + 1) % points_most;
    if (this.length < points_most) ++this.length;
  }
}
