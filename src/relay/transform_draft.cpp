// SPDX-License-Identifier: Apache-2.0
#include "relay/transform_draft.hpp"

#include <algorithm>
#include <optional>

#include "core/json_text.hpp"

namespace outbox::relay {
namespace {

// What is left of `path` behind `name`: empty where the path ends there, no value where it leads
// elsewhere.
std::optional<std::string_view> behind(std::string_view name, std::string_view path) {
  if (!path.starts_with(name)) return std::nullopt;
  path.remove_prefix(name.size());
  if (path.empty()) return path;
  if (path.front() != '.' || path.size() == 1) return std::nullopt;
  return path.substr(1);
}

struct SplitPath {
  std::string_view parent;
  std::string_view leaf;
};

SplitPath split_leaf(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return {{}, path};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

}  // namespace

JsonDraft::JsonDraft(std::string_view object) {
  root_.text = object;
  open(root_);
}

std::string_view JsonDraft::own(std::string text) {
  texts_.push_back(std::move(text));
  return texts_.back();
}

bool JsonDraft::is_container(const Node& node) {
  if (node.opened) return true;
  const JsonType type = json_type(node.text);
  return type == JsonType::object || type == JsonType::array;
}

bool JsonDraft::open(Node& node) {
  if (node.opened) return true;
  if (!is_container(node)) return false;
  node.opened = true;
  node.is_array = json_type(node.text) == JsonType::array;
  for (JsonWalk walk(node.text); walk.next();) {
    std::string_view name = walk.name();
    if (name.find('\\') != std::string_view::npos) name = own(decode_json_string(name));
    Node value;
    value.text = walk.value();
    node.members.push_back({name, walk.name(), std::move(value)});
  }
  return true;
}

JsonDraft::Member JsonDraft::member(std::string_view name, Node value) {
  std::string escaped;
  append_json_escaped(escaped, name);
  return {name, own(std::move(escaped)), std::move(value)};
}

void JsonDraft::pick(const std::vector<std::string>& paths) {
  pick(root_, {paths.begin(), paths.end()});
}

void JsonDraft::pick(Node& node, const std::vector<std::string_view>& paths) {
  std::erase_if(node.members, [&](Member& member) {
    if (node.is_array) {
      if (!open(member.value)) return true;
      pick(member.value, paths);
      return false;
    }
    std::vector<std::string_view> inside;
    for (const std::string_view path : paths) {
      const auto rest = behind(member.name, path);
      if (rest && rest->empty()) return false;
      if (rest) inside.push_back(*rest);
    }
    if (inside.empty() || !open(member.value)) return true;
    pick(member.value, inside);
    return false;
  });
}

void JsonDraft::drop(const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    drop(root_, path);
}

void JsonDraft::drop(Node& node, std::string_view path) {
  std::erase_if(node.members, [&](Member& member) {
    const auto rest = node.is_array ? path : behind(member.name, path);
    if (rest && rest->empty()) return true;
    if (rest && open(member.value)) drop(member.value, *rest);
    return false;
  });
}

void JsonDraft::replace(const std::vector<std::string>& paths, std::string_view json) {
  for (const std::string& path : paths)
    replace(root_, path, json);
}

void JsonDraft::replace(Node& node, std::string_view path, std::string_view json) {
  for (Member& member : node.members) {
    const auto rest = node.is_array ? path : behind(member.name, path);
    if (!rest) continue;
    if (rest->empty()) {
      member.value = Node{};
      member.value.text = json;
    } else if (open(member.value)) {
      replace(member.value, *rest, json);
    }
  }
}

bool JsonDraft::add(std::string_view path, std::string_view json) {
  Node value;
  value.text = json;
  return add(root_, path, std::move(value));
}

bool JsonDraft::add(Node& node, std::string_view path, Node value) {
  if (node.is_array) {
    return std::all_of(node.members.begin(), node.members.end(), [&](Member& element) {
      return !open(element.value) || add(element.value, path, value);
    });
  }
  const auto same = [&](const Member& member) { return member.name == path; };
  const auto first = std::find_if(node.members.begin(), node.members.end(), same);
  if (first != node.members.end()) {
    first->value = std::move(value);
    node.members.erase(std::remove_if(first + 1, node.members.end(), same), node.members.end());
    return true;
  }
  for (Member& member : node.members) {
    const auto rest = behind(member.name, path);
    if (rest) return open(member.value) && add(member.value, *rest, std::move(value));
  }
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos || dot + 1 == path.size()) {
    node.members.push_back(member(path, std::move(value)));
    return true;
  }
  Node inner;
  inner.opened = true;
  const bool added = add(inner, path.substr(dot + 1), std::move(value));
  node.members.push_back(member(path.substr(0, dot), std::move(inner)));
  return added;
}

bool JsonDraft::take(Node& node, std::string_view path, Node& taken) {
  if (node.is_array) return false;
  bool found = false;
  std::erase_if(node.members, [&](Member& member) {
    if (member.name != path) return false;
    taken = std::move(member.value);
    found = true;
    return true;
  });
  if (found) return true;
  return std::any_of(node.members.begin(), node.members.end(), [&](Member& member) {
    const auto rest = behind(member.name, path);
    return rest && open(member.value) && take(member.value, *rest, taken);
  });
}

bool JsonDraft::rename(const std::vector<std::pair<std::string, std::string>>& pairs,
                       std::string& fault) {
  std::vector<std::pair<std::string_view, Node>> moved;
  std::vector<std::pair<std::string_view, Names>> in_place;
  for (const auto& [from, to] : pairs) {
    const SplitPath source = split_leaf(from);
    const SplitPath target = split_leaf(to);
    if (source.parent != target.parent) {
      Node taken;
      if (take(root_, from, taken)) moved.emplace_back(to, std::move(taken));
      continue;
    }
    const auto group = std::find_if(in_place.begin(), in_place.end(),
                                    [&](const auto& one) { return one.first == source.parent; });
    Names& names = group != in_place.end() ? group->second
                                           : in_place.emplace_back(source.parent, Names{}).second;
    names.emplace_back(source.leaf, target.leaf);
  }
  for (const auto& [parent, names] : in_place)
    rename_in(root_, parent, names);
  for (auto& [path, node] : moved) {
    if (!add(root_, path, std::move(node))) {
      fault = path;
      return false;
    }
  }
  return true;
}

void JsonDraft::rename_in(Node& node, std::string_view parent, const Names& names) {
  if (parent.empty()) return rename_members(node, names);
  for (Member& member : node.members) {
    const auto rest = node.is_array ? parent : behind(member.name, parent);
    if (rest && open(member.value)) rename_in(member.value, *rest, names);
  }
}

void JsonDraft::rename_members(Node& node, const Names& names) {
  if (node.is_array) {
    for (Member& element : node.members) {
      if (open(element.value)) rename_members(element.value, names);
    }
    return;
  }
  std::vector<std::string_view> taken_names;
  for (Member& one : node.members) {
    const auto pair = std::find_if(names.begin(), names.end(),
                                   [&](const auto& each) { return each.first == one.name; });
    if (pair == names.end()) continue;
    one = member(pair->second, std::move(one.value));
    one.renamed = true;
    taken_names.push_back(pair->second);
  }
  std::erase_if(node.members, [&](const Member& one) {
    return !one.renamed &&
           std::find(taken_names.begin(), taken_names.end(), one.name) != taken_names.end();
  });
  for (Member& one : node.members)
    one.renamed = false;
}

void JsonDraft::write_to(std::string& out) const {
  write(out, root_);
}

void JsonDraft::write(std::string& out, const Node& node) {
  if (!node.opened) {
    out += node.text;
    return;
  }
  out += node.is_array ? '[' : '{';
  bool first = true;
  for (const Member& member : node.members) {
    if (!first) out += ',';
    first = false;
    if (!node.is_array) {
      out += '"';
      out += member.name_text;
      out += "\":";
    }
    write(out, member.value);
  }
  out += node.is_array ? ']' : '}';
}

}  // namespace outbox::relay
