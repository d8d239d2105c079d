// SPDX-License-Identifier: Apache-2.0
// A view is a function from state to a tree of h(...); patch() brings the document to the newest
// tree and leaves alone what did not change, so that focus, selection and scrolling survive the
// update of every second. Text reaches the document as text nodes and attributes only: there is no
// way through here by which a payload becomes markup.

const svg_space = "http://www.w3.org/2000/svg";
const svg_tags = new Set(["svg", "use", "path", "circle", "rect", "line", "g"]);
const properties = new Set(["value", "checked", "disabled", "indeterminate", "open"]);
const trees = new WeakMap();

export function h(tag, props, ...children) {
  return {tag, props: props ?? {}, key: props?.key, children: children.flat(Infinity)};
}

function as_node(child) {
  if (child === null || child === undefined || child === false || child === true) return null;
  if (typeof child === "object") return child;
  return {tag: "#text", text: String(child)};
}

function set_style(element, before, after) {
  for (const name of Object.keys(before ?? {})) {
    if (!(name in (after ?? {}))) element.style.removeProperty(name);
  }
  for (const [name, value] of Object.entries(after ?? {})) {
    if (before?.[name] !== value) element.style.setProperty(name, value);
  }
}

function set_property(element, name, before, after) {
  if (before === after) return;
  if (name === "style") return set_style(element, before, after);
  if (name.startsWith("on")) {
    element[name] = after ?? null;
  } else if (properties.has(name)) {
    element[name] = after ?? (name === "value" ? "" : false);
  } else if (after === null || after === undefined || after === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, after === true ? "" : String(after));
  }
}

const unseen = new Set(["key", "mount", "created", "left"]);

function set_properties(element, before, after) {
  for (const name of Object.keys(before)) {
    if (!(name in after) && !unseen.has(name)) set_property(element, name, before[name], null);
  }
  for (const [name, value] of Object.entries(after)) {
    if (!unseen.has(name)) set_property(element, name, before[name], value);
  }
}

function create(node) {
  if (node.tag === "#text") {
    node.element = document.createTextNode(node.text);
    return;
  }
  node.element = svg_tags.has(node.tag) ? document.createElementNS(svg_space, node.tag)
                                        : document.createElement(node.tag);
  // What belongs to somebody else (a chart) is made once, and told when it goes.
  if (node.props.mount) node.unmount = node.props.mount(node.element);
  else patch(node.element, node.children);
  set_properties(node.element, {}, node.props);
  if (node.props.created) queueMicrotask(() => node.props.created(node.element));
}

function update(before, node) {
  node.element = before.element;
  if (node.tag === "#text") {
    if (before.text !== node.text) node.element.nodeValue = node.text;
    return;
  }
  node.unmount = before.unmount;
  if (!node.props.mount) patch(node.element, node.children);
  set_properties(node.element, before.props, node.props);
}

function leave(node) {
  if (node.unmount) node.unmount();
  node.props?.left?.(node.element);
  if (node.element && trees.has(node.element)) trees.get(node.element).forEach(leave);
}

function remove(node) {
  leave(node);
  node.element.remove();
}

/// Children that are left out keep their place in the count, so that their siblings stay the same.
function with_names(children) {
  const nodes = new Map();
  children.forEach((child, place) => {
    const node = as_node(child);
    if (!node) return;
    let name = node.key === undefined ? `${place} ${node.tag}` : `key ${node.key} ${node.tag}`;
    while (nodes.has(name)) name += "'";
    nodes.set(name, node);
  });
  return nodes;
}

export function patch(parent, children) {
  const before = trees.get(parent) ?? new Map();
  const after = with_names([children].flat(Infinity));
  for (const [name, node] of before) {
    if (!after.has(name)) remove(node);
  }
  let place = parent.firstChild;
  for (const [name, node] of after) {
    const old = before.get(name);
    if (old) update(old, node);
    else create(node);
    if (node.element === place) place = place.nextSibling;
    else parent.insertBefore(node.element, place);
  }
  trees.set(parent, after);
}
