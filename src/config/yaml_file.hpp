// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace outbox::config {

/// One value of a YAML file, its place in the tree written with dots.
struct YamlEntry {
  std::string name;   ///< `relay.batch-size`
  std::string value;  ///< A text; lists of texts comma-separated, other structures as JSON.
  int line = 0;
  bool is_null = false;
};

/// Flattens a file of settings. Throws Error(configuration) with `file`:line for what is no YAML, a
/// key that stands twice (yaml-cpp would silently keep one), or a root that is no map.
[[nodiscard]] std::vector<YamlEntry> parse_yaml_file(std::string_view text, std::string_view file);

/// The JSON text of a YAML value (flow style too), numbers and booleans as YAML 1.2 reads them;
/// empty where it is no YAML.
[[nodiscard]] std::string yaml_to_json(std::string_view text);

}  // namespace outbox::config
