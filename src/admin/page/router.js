// SPDX-License-Identifier: Apache-2.0
// Where the page is stands in the URL's fragment, filters and all: `#/dead-letters?topic=orders`.
// A link says everything, and Back goes back.

/// What people type, or find in the API's addresses.
const other_names = {events: "trace", letters: "dead-letters", dlq: "dead-letters"};

export function read_route(fragment) {
  const [path, query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const [view, ...rest] = path.split("/").map(part => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return {view: other_names[view] ?? (view || "overview"), rest,
          query: Object.fromEntries(new URLSearchParams(query))};
}

export function link(view, query = {}, ...rest) {
  const path = [view, ...rest].map(encodeURIComponent).join("/");
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") words.set(name, value);
  }
  const text = words.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

export function go(view, query, ...rest) {
  location.hash = link(view, query, ...rest);
}

/// The same place with other filters; an undefined one goes.
export function with_query(route, changes) {
  return link(route.view, {...route.query, ...changes}, ...route.rest);
}
