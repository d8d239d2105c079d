// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_tree.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <outbox/error.hpp>

#include "config/suggest.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

// Deeper than anything that is declared; it stops aliases that hold themselves.
constexpr int depth_max = 20;
// Aliases of aliases can make a short file an endless tree.
constexpr int nodes_max = 100'000;

class Builder {
 public:
  explicit Builder(std::string_view file) : file_(file) {}

  YamlValue build(const YAML::Node& node, int line, int depth) {
    if (depth > depth_max || ++nodes_ > nodes_max) fail(line, "nested too deeply", "flatten it");
    YamlValue value;
    value.line = line;
    if (node.IsScalar()) {
      value.kind = YamlValue::Kind::text;
      value.text = node.Scalar();
    } else if (node.IsSequence()) {
      value.kind = YamlValue::Kind::list;
      for (const YAML::Node& item : node)
        value.items.push_back(build(item, item.Mark().line + 1, depth + 1));
    } else if (node.IsMap()) {
      value.kind = YamlValue::Kind::map;
      for (const auto& field : node)
        add_field(value, field.first, field.second, depth);
    }
    return value;
  }

  [[noreturn]] void fail(int line, const std::string& what, const std::string& hint) const {
    throw Error(ErrorKind::configuration, fmt::format("{}:{}: {}", file_, line, what), hint);
  }

 private:
  void add_field(YamlValue& map, const YAML::Node& key, const YAML::Node& node, int depth) {
    const int line = key.Mark().line + 1;
    if (!key.IsScalar()) fail(line, "a key must be a text", "quote it");
    const bool is_there = std::any_of(map.fields.begin(), map.fields.end(),
                                      [&](const auto& one) { return one.key == key.Scalar(); });
    if (is_there) {
      fail(line, fmt::format("the key '{}' stands twice", key.Scalar()), "remove one of the two");
    }
    map.fields.push_back({key.Scalar(), build(node, line, depth + 1)});
  }

  const std::string file_;
  int nodes_ = 0;
};

}  // namespace

YamlValue load_yaml_tree(std::string_view text, std::string_view file) {
  Builder builder(file);
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(std::string(text));
  } catch (const YAML::Exception& error) {
    builder.fail(error.mark.line + 1, "not YAML: " + error.msg, "correct the line");
  }
  if (documents.empty()) return {YamlValue::Kind::none, {}, 1, {}, {}};
  if (documents.size() > 1) {
    builder.fail(documents[1].Mark().line + 1, "a second document begins here",
                 "keep one, remove the '---'");
  }
  return builder.build(documents.front(), documents.front().Mark().line + 1, 0);
}

std::string YamlPlace::origin() const {
  return fmt::format("{}:{}", file_, value_->line);
}

void YamlPlace::fail(const std::string& what, const std::string& hint) const {
  const std::string subject = name_.empty() ? what : name_ + " " + what;
  throw Error(ErrorKind::configuration, fmt::format("{}: {}", origin(), subject), hint);
}

std::string YamlPlace::quoted() const {
  switch (value_->kind) {
    case YamlValue::Kind::none:
      return "empty";
    case YamlValue::Kind::list:
      return "a list";
    case YamlValue::Kind::map:
      return "a map";
    case YamlValue::Kind::text:
      break;
  }
  constexpr std::size_t shown_max = 80;
  std::string text = value_->text.substr(0, shown_max);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return "'" + text + "'";
}

YamlPlace YamlPlace::inside(const YamlValue& value, const std::string& name) const {
  return {value, file_, name};
}

std::string YamlPlace::text() const {
  if (value_->kind != YamlValue::Kind::text || trimmed(value_->text).empty()) {
    fail(fmt::format("is {}", quoted()), "give a text");
  }
  return value_->text;
}

bool YamlPlace::boolean() const {
  const auto value =
      value_->kind == YamlValue::Kind::text ? parse_boolean(value_->text) : std::optional<bool>();
  if (!value) fail(fmt::format("is {}", quoted()), "give true or false");
  return *value;
}

int YamlPlace::integer(int minimum, int maximum) const {
  const auto value = parse_integer(value_->text);
  if (value_->kind != YamlValue::Kind::text || !value || *value < minimum || *value > maximum) {
    fail(fmt::format("is {}", quoted()),
         fmt::format("give a whole number from {} to {}", minimum, maximum));
  }
  return static_cast<int>(*value);
}

double YamlPlace::decimal(double minimum, double maximum) const {
  const auto value = parse_decimal(value_->text);
  if (value_->kind != YamlValue::Kind::text || !value || *value < minimum || *value > maximum) {
    fail(fmt::format("is {}", quoted()),
         fmt::format("give a number from {} to {}", minimum, maximum));
  }
  return *value;
}

std::chrono::milliseconds YamlPlace::duration(std::chrono::milliseconds minimum,
                                              std::chrono::milliseconds maximum) const {
  const auto value = parse_duration_ms(value_->text, "ms");
  const bool fits = value && *value >= static_cast<double>(minimum.count()) &&
                    *value <= static_cast<double>(maximum.count());
  if (value_->kind != YamlValue::Kind::text || !fits) {
    fail(fmt::format("is {}", quoted()),
         fmt::format("give a duration from {} to {} (a bare number counts milliseconds)",
                     format_duration(static_cast<double>(minimum.count())),
                     format_duration(static_cast<double>(maximum.count()))));
  }
  return std::chrono::milliseconds(std::llround(*value));
}

std::string YamlPlace::word(std::initializer_list<std::string_view> words) const {
  std::string given = value_->kind == YamlValue::Kind::text ? value_->text : std::string();
  if (std::find(words.begin(), words.end(), given) == words.end()) {
    const std::vector<std::string> known(words.begin(), words.end());
    fail(fmt::format("is {}{}", quoted(), did_you_mean(nearest(given, known))),
         fmt::format("give one of {}", fmt::join(known, ", ")));
  }
  return given;
}

std::string YamlPlace::topic() const {
  std::string name = text();
  if (!is_topic_name(name)) {
    fail(fmt::format("is {}, which is no topic's name", quoted()),
         "use 1 to 249 of the letters a-z, A-Z, 0-9, '.', '_' and '-'");
  }
  return name;
}

std::vector<std::string> YamlPlace::texts() const {
  if (!is_list()) return {text()};
  std::vector<std::string> texts;
  for (const YamlPlace& item : items())
    texts.push_back(item.text());
  if (texts.empty()) fail("is an empty list", "name at least one");
  return texts;
}

std::vector<YamlPlace> YamlPlace::items() const {
  if (!is_list()) fail(fmt::format("is {}", quoted()), "give a list, each line with '- '");
  std::vector<YamlPlace> places;
  for (const YamlValue& item : value_->items) {
    places.push_back(inside(item, fmt::format("{}[{}]", name_, places.size() + 1)));
  }
  return places;
}

std::vector<std::pair<std::string, YamlPlace>> YamlPlace::fields() const {
  if (!is_map()) fail(fmt::format("is {}", quoted()), "give a map of names and values");
  std::vector<std::pair<std::string, YamlPlace>> places;
  for (const auto& [key, value] : value_->fields) {
    places.emplace_back(key, inside(value, name_.empty() ? key : name_ + "." + key));
  }
  return places;
}

std::optional<YamlPlace> YamlPlace::find(std::string_view key) const {
  for (const auto& [name, place] : fields()) {
    if (name == key) return place;
  }
  return std::nullopt;
}

void YamlPlace::allow_only(std::initializer_list<std::string_view> keys) const {
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const auto& [name, place] : fields()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    place.fail(fmt::format("is not known{}", did_you_mean(nearest(name, known))),
               fmt::format("known are {}", fmt::join(known, ", ")));
  }
}

}  // namespace outbox::config
