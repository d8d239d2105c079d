// SPDX-License-Identifier: Apache-2.0
#include "admin/merge_patch.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/json_text.hpp"

namespace outbox::admin {
namespace {

struct Member {
  std::string name;  ///< Decoded.
  std::string_view raw_name;
  std::string_view value;
  bool is_used = false;
};

// Of a name that stands twice the last one counts, as nearly everywhere.
std::vector<Member> members_of(std::string_view object) {
  std::vector<Member> members;
  for (JsonWalk walk(object); walk.next();) {
    std::string name = decode_json_string(walk.name());
    const auto found = std::ranges::find(members, name, &Member::name);
    if (found != members.end()) {
      found->value = walk.value();
    } else {
      members.push_back({std::move(name), walk.name(), walk.value()});
    }
  }
  return members;
}

// Recursion ends: checked texts are at most json_nesting_max deep.
void append_merged(std::string& out, std::string_view target, std::string_view patch);

void append_member(std::string& out, std::string_view raw_name, std::string_view target,
                   std::string_view patch) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += raw_name;
  out += "\":";
  append_merged(out, target, patch);
}

void append_merged(std::string& out, std::string_view target, std::string_view patch) {
  if (patch.empty()) {  // Nothing to change.
    out += target;
    return;
  }
  if (json_type(patch) != JsonType::object) {
    out += patch;
    return;
  }
  std::vector<Member> changes = members_of(patch);
  out += '{';
  if (!target.empty() && json_type(target) == JsonType::object) {
    for (JsonWalk walk(target); walk.next();) {
      const auto change =
          std::ranges::find(changes, decode_json_string(walk.name()), &Member::name);
      if (change == changes.end()) {
        append_member(out, walk.name(), walk.value(), {});
        continue;
      }
      change->is_used = true;
      if (json_type(change->value) != JsonType::null) {
        append_member(out, walk.name(), walk.value(), change->value);
      }
    }
  }
  for (const Member& change : changes) {
    if (change.is_used || json_type(change.value) == JsonType::null) continue;
    append_member(out, change.raw_name, {}, change.value);
  }
  out += '}';
}

}  // namespace

std::string merge_patch(std::string_view target, std::string_view patch) {
  std::string out;
  append_merged(out, trim_json(target), trim_json(patch));
  return out;
}

}  // namespace outbox::admin
