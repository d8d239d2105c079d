// SPDX-License-Identifier: Apache-2.0
#include "relay/transform_template.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "core/json_text.hpp"

namespace outbox::relay {
namespace {

[[noreturn]] void refuse(std::string_view setting, std::string_view text, std::string_view why) {
  throw Error(ErrorKind::configuration,
              fmt::format("{}: the topic template '{}' {}", setting, text, why),
              "a topic may follow {topic}, {aggregate_type} and {event_type} only, because a topic "
              "that cannot be written is left out of reading by these columns");
}

}  // namespace

const std::vector<Template::Placeholder>& Template::placeholders() {
  static const std::vector<Placeholder> all = {{"{event_type}", Piece::event_type},
                                               {"{aggregate_type}", Piece::aggregate_type},
                                               {"{aggregate_id}", Piece::aggregate_id},
                                               {"{topic}", Piece::topic}};
  return all;
}

void Template::add_literal(std::string_view text) {
  if (parts_.empty() || parts_.back().piece != Piece::literal) parts_.emplace_back();
  parts_.back().text += text;
}

Template Template::of_topic(std::string_view text, std::string_view setting) {
  Template result;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t brace = std::min(text.find_first_of("{}", at), text.size());
    if (brace > at) result.add_literal(text.substr(at, brace - at));
    if (brace == text.size()) break;
    const std::string_view rest = text.substr(brace);
    const auto& all = placeholders();
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const Placeholder& one) { return rest.starts_with(one.name); });
    if (found == all.end()) refuse(setting, text, "has a brace that begins no known placeholder");
    if (found->piece == Piece::aggregate_id) refuse(setting, text, "follows {aggregate_id}");
    result.parts_.push_back({found->piece, {}});
    at = brace + found->name.size();
  }
  return result;
}

Template Template::of_json(std::string_view json) {
  Template result;
  result.escapes_ = true;
  std::size_t at = 0;
  while (at < json.size()) {
    const std::string_view rest = json.substr(at);
    const auto& all = placeholders();
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const Placeholder& one) { return rest.starts_with(one.name); });
    if (found == all.end()) {
      result.add_literal(rest.substr(0, 1));
      ++at;
    } else {
      result.parts_.push_back({found->piece, {}});
      at += found->name.size();
    }
  }
  return result;
}

void Template::append_to(std::string& out, const TemplateValues& values) const {
  for (const Part& part : parts_) {
    std::string_view text;
    switch (part.piece) {
      case Piece::literal:
        out += part.text;
        continue;
      case Piece::event_type:
        text = values.event_type;
        break;
      case Piece::aggregate_type:
        text = values.aggregate_type;
        break;
      case Piece::aggregate_id:
        text = values.aggregate_id;
        break;
      case Piece::topic:
        text = values.topic;
        break;
    }
    if (escapes_) {
      append_json_escaped(out, text);
    } else {
      out += text;
    }
  }
}

}  // namespace outbox::relay
