// SPDX-License-Identifier: Apache-2.0
//
// YAML whose shape is more than settings, topics.yaml and `consume:`, as a tree that knows its
// lines: every fault in it is an Error that names file, line and remedy.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outbox::config {

struct YamlField;

struct YamlValue {
  enum class Kind : std::uint8_t { none, text, list, map };
  Kind kind = Kind::none;
  std::string text;
  int line = 0;  ///< Of a map's member, the line of its key.
  std::vector<YamlValue> items;
  std::vector<YamlField> fields;  ///< In their order, each key once.
};

struct YamlField {
  std::string key;
  YamlValue value;
};

/// The file's one document; a `none` where it is empty. Throws Error(configuration) for what is no
/// YAML, a key that stands twice, a key that is no text.
[[nodiscard]] YamlValue load_yaml_tree(std::string_view text, std::string_view file);

/// A place in the tree, with its name for messages: `consume.stock.batch-size`. Borrows the tree.
class YamlPlace {
 public:
  YamlPlace(const YamlValue& value, std::string file, std::string name)
      : value_(&value), file_(std::move(file)), name_(std::move(name)) {}

  [[nodiscard]] const YamlValue& value() const { return *value_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_list() const { return value_->kind == YamlValue::Kind::list; }
  [[nodiscard]] bool is_map() const { return value_->kind == YamlValue::Kind::map; }
  /// `outboxd.yaml:12`
  [[nodiscard]] std::string origin() const;

  /// Throws `outboxd.yaml:12: consume.stock.workers <what>: <hint>`.
  [[noreturn]] void fail(const std::string& what, const std::string& hint) const;

  /// Each of these fails where something else stands there.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] int integer(int minimum, int maximum) const;
  [[nodiscard]] double decimal(double minimum, double maximum) const;
  /// A bare number counts milliseconds.
  [[nodiscard]] std::chrono::milliseconds duration(std::chrono::milliseconds minimum,
                                                   std::chrono::milliseconds maximum) const;
  [[nodiscard]] std::string word(std::initializer_list<std::string_view> words) const;
  [[nodiscard]] std::string topic() const;
  /// One text, or a list of at least one.
  [[nodiscard]] std::vector<std::string> texts() const;
  [[nodiscard]] std::vector<YamlPlace> items() const;
  [[nodiscard]] std::vector<std::pair<std::string, YamlPlace>> fields() const;

  /// A member of a map; none where it is not there.
  [[nodiscard]] std::optional<YamlPlace> find(std::string_view key) const;
  /// Fails where the map has a key that is none of these, naming the nearest.
  void allow_only(std::initializer_list<std::string_view> keys) const;

 private:
  [[nodiscard]] std::string quoted() const;
  [[nodiscard]] YamlPlace inside(const YamlValue& value, const std::string& name) const;

  const YamlValue* value_;
  std::string file_;
  std::string name_;
};

}  // namespace outbox::config
