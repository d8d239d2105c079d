// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_file.hpp"

#include <set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include <outbox/error.hpp>

#include "config/settings_table.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

// Deeper than any setting; it stops aliases that hold themselves.
constexpr int depth_max = 20;

[[noreturn]] void fail(std::string_view file, int line, const std::string& what,
                       const std::string& hint) {
  throw Error(ErrorKind::configuration, fmt::format("{}:{}: {}", file, line, what), hint);
}

int line_of(const YAML::Node& node) {
  return node.Mark().line + 1;
}

bool is_json_number(const std::string& text) {
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  return parsed.is_number();
}

nlohmann::ordered_json scalar_to_json(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  // yaml-cpp marks quoted scalars with the tag `!`: those are texts whatever they look like.
  if (node.Tag() == "!") return text;
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  if (is_json_number(text)) return nlohmann::ordered_json::parse(text);
  return text;
}

nlohmann::ordered_json to_json(const YAML::Node& node, std::string_view file, int depth = 0) {
  if (depth > depth_max) fail(file, line_of(node), "nested too deeply", "flatten it");
  switch (node.Type()) {
    case YAML::NodeType::Sequence: {
      auto array = nlohmann::ordered_json::array();
      for (const YAML::Node& item : node)
        array.push_back(to_json(item, file, depth + 1));
      return array;
    }
    case YAML::NodeType::Map: {
      auto object = nlohmann::ordered_json::object();
      for (const auto& field : node) {
        const std::string key = field.first.IsScalar() ? field.first.Scalar() : std::string();
        if (key.empty() || object.contains(key)) {
          fail(file, line_of(field.first),
               fmt::format("the key '{}' is empty or stands twice", key), "remove one of the two");
        }
        object[key] = to_json(field.second, file, depth + 1);
      }
      return object;
    }
    case YAML::NodeType::Scalar:
      return scalar_to_json(node);
    default:
      return nullptr;
  }
}

class Flattener {
 public:
  explicit Flattener(std::string_view file) : file_(file) {}

  std::vector<YamlEntry> flatten(const YAML::Node& root) {
    walk(root, "", line_of(root));
    return std::move(entries_);
  }

 private:
  void walk(const YAML::Node& node, const std::string& name, int line) {
    if (std::count(name.begin(), name.end(), '.') > depth_max) {
      fail(file_, line, "nested too deeply", "flatten it");
    }
    if (node.IsMap() && !is_structured(name)) return walk_map(node, name, line);
    YamlEntry entry{name, {}, line, node.IsNull() || !node.IsDefined()};
    if (node.IsScalar()) entry.value = node.Scalar();
    if (node.IsSequence() || node.IsMap()) entry.value = structure(node, name);
    entries_.push_back(std::move(entry));
  }

  void walk_map(const YAML::Node& node, const std::string& name, int line) {
    if (node.size() == 0 && !name.empty()) entries_.push_back({name, {}, line, true});
    std::set<std::string> keys;
    for (const auto& field : node) {
      // consumers.hpp reads it, in a shape of its own.
      if (name.empty() && field.first.IsScalar() && field.first.Scalar() == "consume") continue;
      const int key_line = line_of(field.first);
      if (!field.first.IsScalar()) fail(file_, key_line, "a key must be a text", "quote it");
      const std::string& key = field.first.Scalar();
      if (!keys.insert(key).second) {
        fail(file_, key_line, fmt::format("the key '{}' stands twice", key),
             "remove one of the two");
      }
      walk(field.second, name.empty() ? key : name + "." + key, key_line);
    }
  }

  // Routes and transformations are kept whole; a map anywhere else is a group of settings.
  static bool is_structured(const std::string& name) {
    const auto resolved = resolve_name(without_document_root(name));
    if (!resolved || resolved->setting == nullptr) return false;
    const SettingType type = resolved->setting->type;
    return type == SettingType::routes || type == SettingType::transform;
  }

  std::string structure(const YAML::Node& node, const std::string& name) {
    if (is_structured(name)) return to_json(node, file_).dump();
    std::string list;
    for (const YAML::Node& item : node) {
      if (!item.IsScalar() || item.Scalar().find(',') != std::string::npos) {
        fail(file_, line_of(item), fmt::format("{} takes a list of texts without commas", name),
             "see docs/configuration.md");
      }
      // An empty item must not vanish: the list's own check finds it between the commas.
      list += (list.empty() ? "" : ",") + item.Scalar();
    }
    return list;
  }

  std::string_view file_;
  std::vector<YamlEntry> entries_;
};

}  // namespace

std::vector<YamlEntry> parse_yaml_file(std::string_view text, std::string_view file) {
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(std::string(text));
  } catch (const YAML::Exception& error) {
    fail(file, error.mark.line + 1, "not YAML: " + error.msg, "correct the line");
  }
  if (documents.empty() || documents.front().IsNull()) return {};
  if (documents.size() > 1) {
    fail(file, line_of(documents[1]), "a second document begins here",
         "keep one, remove the '---'");
  }
  if (!documents.front().IsMap()) {
    fail(file, 1, "the file is no map of settings", "begin with a group such as 'relay:'");
  }
  return Flattener(file).flatten(documents.front());
}

std::string yaml_to_json(std::string_view text) {
  try {
    return to_json(YAML::Load(std::string(text)), "value").dump();
  } catch (const YAML::Exception&) {
    return {};
  } catch (const nlohmann::json::exception&) {
    return {};  // Not UTF-8.
  }
}

}  // namespace outbox::config
