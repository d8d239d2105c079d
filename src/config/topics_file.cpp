// SPDX-License-Identifier: Apache-2.0
#include "config/topics_file.hpp"

#include <fmt/format.h>

#include "config/yaml_tree.hpp"

namespace outbox::config {
namespace {

constexpr int partitions_max = 100'000;
constexpr int replicas_max = 100;
constexpr std::chrono::hours retention_max{24 * 365 * 100};
constexpr const char* retention_name = "retention.ms";

std::string retention_of(const YamlPlace& place) {
  if (place.value().text == "forever") return "-1";
  return std::to_string(place.duration(std::chrono::seconds(1), retention_max).count());
}

void read_config(const YamlPlace& place, DeclaredTopic& topic) {
  for (const auto& [name, value] : place.fields()) {
    if (!topic.config.emplace(name, value.text()).second) {
      value.fail("is what `retention` says already", "keep one of the two");
    }
  }
}

void read_topic(const YamlPlace& place, DeclaredTopic& topic) {
  place.allow_only({"partitions", "replication-factor", "retention", "config"});
  if (const auto value = place.find("partitions")) {
    topic.partitions = value->integer(1, partitions_max);
  }
  if (const auto value = place.find("replication-factor")) {
    topic.replication_factor = value->integer(1, replicas_max);
  }
  std::map<std::string, std::string> defaults = std::exchange(topic.config, {});
  if (const auto value = place.find("retention")) {
    topic.config[retention_name] = retention_of(*value);
  }
  if (const auto value = place.find("config")) read_config(*value, topic);
  topic.config.merge(defaults);
}

}  // namespace

std::vector<DeclaredTopic> parse_topics_file(std::string_view text, std::string_view file) {
  const YamlValue tree = load_yaml_tree(text, file);
  const YamlPlace root(tree, std::string(file), "");
  if (!root.is_map()) root.fail("the file is no map", "begin with 'topics:'");
  root.allow_only({"defaults", "topics"});
  DeclaredTopic defaults;
  if (const auto place = root.find("defaults")) read_topic(*place, defaults);
  const auto topics = root.find("topics");
  if (!topics) root.fail("the file names no topics", "list them under 'topics:'");
  std::vector<DeclaredTopic> declared;
  for (const auto& [name, place] : topics->fields()) {
    const YamlValue named{YamlValue::Kind::text, name, place.value().line, {}, {}};
    DeclaredTopic topic = defaults;
    topic.name = YamlPlace(named, std::string(file), "topics." + name).topic();
    topic.origin = place.origin();
    if (place.value().kind != YamlValue::Kind::none) read_topic(place, topic);
    declared.push_back(std::move(topic));
  }
  if (declared.empty()) topics->fail("names no topic", "add a line such as 'order.events:'");
  return declared;
}

}  // namespace outbox::config
