// SPDX-License-Identifier: Apache-2.0
//
// The sources laid over each other: for every setting the text of the highest source that gives
// one, and where that was. Nothing is parsed here beyond names.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/consumers.hpp"
#include "config/settings.hpp"
#include "config/settings_table.hpp"

namespace outbox::config {

/// From the lowest to the highest. `plain` are A2's seven names.
enum class Layer : std::uint8_t {
  preset,
  yaml,
  env_file_plain,
  env_file,
  plain,
  environment,
  flag
};

struct Given {
  std::string text;
  std::string origin;
  Layer layer = Layer::preset;
  bool is_from_file = false;  ///< By the setting's name with `-file`.
};

class Layers {
 public:
  /// Reads all of `sources` but the preset. Throws as config::load.
  [[nodiscard]] static Layers read(const Sources& sources);

  /// Lays a preset under what is there already.
  void add_preset(std::string_view name);

  /// Null where no source gives the setting.
  [[nodiscard]] const Given* find(std::string_view name) const;

  /// Those that the YAML file declares.
  [[nodiscard]] const std::vector<ConsumerSettings>& consumers() const { return consumers_; }

  /// All that was given, by the table's names.
  [[nodiscard]] const std::map<std::string, Given, std::less<>>& all() const { return given_; }

 private:
  void put(const ResolvedName& resolved, Given given);
  void read_flags(const Sources& sources);
  void read_environment(const Sources& sources);
  void read_env_file(const Sources& sources);
  void read_yaml(const Sources& sources);
  void read_variable(const std::string& variable, const std::string& value, Given given);

  std::map<std::string, Given, std::less<>> given_;
  std::vector<ConsumerSettings> consumers_;
};

}  // namespace outbox::config
