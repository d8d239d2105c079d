// SPDX-License-Identifier: Apache-2.0
//
// Text with placeholders `{event_type}`, `{aggregate_type}`, `{aggregate_id}` and `{topic}`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace outbox::relay {

/// What placeholders stand for.
struct TemplateValues {
  std::string_view event_type;
  std::string_view aggregate_type;
  std::string_view aggregate_id;
  std::string_view topic;
};

class Template {
 public:
  /// For a topic. Throws Error(configuration), naming `setting`, for a placeholder that a topic
  /// cannot follow (see relay/route.hpp), an unknown one and a brace without its other half.
  [[nodiscard]] static Template of_topic(std::string_view text, std::string_view setting);

  /// For a JSON text: what is put in is escaped, since a placeholder can only stand inside a string
  /// there. Braces around anything else are JSON's own.
  [[nodiscard]] static Template of_json(std::string_view json);

  void append_to(std::string& out, const TemplateValues& values) const;

 private:
  enum class Piece : std::uint8_t { literal, event_type, aggregate_type, aggregate_id, topic };

  struct Part {
    Piece piece = Piece::literal;
    std::string text;
  };

  struct Placeholder {
    std::string_view name;
    Piece piece;
  };

  Template() = default;

  static const std::vector<Placeholder>& placeholders();
  void add_literal(std::string_view text);

  std::vector<Part> parts_;
  bool escapes_ = false;
};

}  // namespace outbox::relay
