// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/wire.hpp"
#include "config/topics_file.hpp"

namespace outbox::app {
namespace {

using config::DeclaredTopic;

constexpr int default_partitions = 3;
constexpr int default_replicas = 1;

struct Difference {
  std::string what;
  std::string declared;
  std::string found;
};

struct Outcome {
  std::string result;
  std::vector<Difference> differences;
  std::string reason;  ///< Of a failure.
};

std::string file_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream) {
    throw Error(ErrorKind::configuration, fmt::format("--file '{}' cannot be read", path),
                "correct the path or make the file readable");
  }
  return text.str();
}

bool same_value(std::string_view declared, std::string_view found) {
  return std::equal(
      declared.begin(), declared.end(), found.begin(), found.end(),
      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

class Application {
 public:
  Application(const Arguments& arguments, const config::Settings& settings)
      : dry_run_(arguments.has("dry-run")),
        adds_partitions_(arguments.has("add-partitions")),
        timeout_(settings.process().start_timeout),
        admin_(make_broker(settings).admin()) {}

  std::vector<Outcome> apply(const std::vector<DeclaredTopic>& topics) {
    std::vector<std::string> names;
    names.reserve(topics.size());
    for (const DeclaredTopic& topic : topics)
      names.push_back(topic.name);
    const std::vector<broker::TopicView> views = admin_->topics(names, timeout_);
    std::vector<Outcome> outcomes(topics.size());
    std::vector<std::size_t> missing;
    std::vector<std::string> present;
    for (std::size_t i = 0; i < topics.size(); ++i) {
      if (views[i].failure) {
        missing.push_back(i);
      } else {
        present.push_back(names[i]);
      }
    }
    create(topics, missing, outcomes);
    const std::vector<broker::TopicConfig> configs = admin_->configs(present, timeout_);
    std::size_t next = 0;
    for (std::size_t i = 0; i < topics.size(); ++i) {
      if (!views[i].failure) outcomes[i] = compare(topics[i], views[i], configs[next++]);
    }
    return outcomes;
  }

 private:
  // One that the brokers hide for want of a right fails here, with the brokers' own words.
  void create(const std::vector<DeclaredTopic>& topics, const std::vector<std::size_t>& missing,
              std::vector<Outcome>& outcomes) {
    if (missing.empty()) return;
    std::vector<broker::NewTopic> wanted;
    for (const std::size_t i : missing) {
      broker::NewTopic topic;
      topic.name = topics[i].name;
      topic.partitions = topics[i].partitions.value_or(default_partitions);
      topic.replication_factor = topics[i].replication_factor.value_or(default_replicas);
      topic.config = topics[i].config;
      wanted.push_back(std::move(topic));
    }
    if (dry_run_) {
      for (const std::size_t i : missing)
        outcomes[i].result = "would be created";
      return;
    }
    const auto failures = admin_->create(wanted, timeout_);
    for (std::size_t n = 0; n < missing.size(); ++n) {
      Outcome& outcome = outcomes[missing[n]];
      outcome.result = failures[n] ? "failed" : "created";
      if (failures[n]) outcome.reason = failures[n]->reason;
    }
  }

  Outcome compare(const DeclaredTopic& topic, const broker::TopicView& view,
                  const broker::TopicConfig& config) {
    Outcome outcome;
    const int partitions = topic.partitions.value_or(view.partitions);
    if (partitions > view.partitions && adds_partitions_) {
      add_partitions(topic, view, outcome);
      if (outcome.result == "failed") return outcome;
    } else if (partitions != view.partitions) {
      outcome.differences.push_back(
          {"partitions", std::to_string(partitions), std::to_string(view.partitions)});
    }
    if (topic.replication_factor && *topic.replication_factor != view.replication_factor) {
      outcome.differences.push_back({"replication-factor",
                                     std::to_string(*topic.replication_factor),
                                     std::to_string(view.replication_factor)});
    }
    if (config.failure && !topic.config.empty()) {
      outcome.result = "failed";
      outcome.reason = config.failure->reason;
      return outcome;
    }
    for (const auto& [name, declared] : topic.config) {
      const auto found = config.values.find(name);
      const std::string value = found == config.values.end() ? "not known" : found->second;
      if (!same_value(declared, value)) outcome.differences.push_back({name, declared, value});
    }
    if (!outcome.differences.empty()) {
      outcome.result = "differs";
    } else if (outcome.result.empty()) {
      outcome.result = "as declared";
    }
    return outcome;
  }

  void add_partitions(const DeclaredTopic& topic, const broker::TopicView& view, Outcome& outcome) {
    if (dry_run_) {
      outcome.result = "would get more partitions";
      return;
    }
    const auto failure = admin_->add_partitions(topic.name, *topic.partitions, timeout_);
    outcome.result = failure ? "failed" : "partitions added";
    if (failure) {
      outcome.reason = failure->reason;
      return;
    }
    fmt::print(stderr,
               "warning: {} has {} partitions instead of {} now: keys move to other partitions, so "
               "events of a key from before and after are in order only where consumers had read "
               "all of before; relays drain the topic and adopt the count by themselves\n",
               topic.name, *topic.partitions, view.partitions);
  }

  const bool dry_run_;
  const bool adds_partitions_;
  const std::chrono::milliseconds timeout_;
  const std::unique_ptr<broker::Admin> admin_;
};

void print_json(const std::vector<DeclaredTopic>& topics, const std::vector<Outcome>& outcomes) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < topics.size(); ++i) {
    auto differences = nlohmann::ordered_json::array();
    for (const Difference& one : outcomes[i].differences) {
      differences.push_back({{"what", one.what}, {"declared", one.declared}, {"found", one.found}});
    }
    nlohmann::ordered_json one = {{"name", topics[i].name},
                                  {"declared_at", topics[i].origin},
                                  {"result", outcomes[i].result},
                                  {"differences", std::move(differences)}};
    if (!outcomes[i].reason.empty()) one["reason"] = outcomes[i].reason;
    list.push_back(std::move(one));
  }
  fmt::print("{}\n", list.dump());
}

void print_table(const std::vector<DeclaredTopic>& topics, const std::vector<Outcome>& outcomes) {
  std::size_t width = std::string_view("TOPIC").size();
  for (const DeclaredTopic& topic : topics)
    width = std::max(width, topic.name.size());
  fmt::print("{:<{}}  {:<25}  {}\n", "TOPIC", width, "RESULT", "DIFFERENCES");
  for (std::size_t i = 0; i < topics.size(); ++i) {
    std::string more = outcomes[i].reason;
    for (const Difference& one : outcomes[i].differences) {
      more += fmt::format("{}{}: {} declared, {} found", more.empty() ? "" : "; ", one.what,
                          one.declared, one.found);
    }
    fmt::print("{:<{}}  {:<25}  {}\n", topics[i].name, width, outcomes[i].result,
               more.empty() ? "-" : more);
  }
}

int exit_code_of(const std::vector<Outcome>& outcomes, bool dry_run) {
  std::size_t failed = 0;
  bool differs = false;
  for (const Outcome& outcome : outcomes) {
    if (outcome.result == "failed") ++failed;
    // In a dry run, a check, what would be done is what is not as it is declared.
    if (!outcome.differences.empty() || (dry_run && outcome.result.starts_with("would"))) {
      differs = true;
    }
  }
  if (failed == outcomes.size()) return exit_code(ErrorKind::failed);
  if (failed > 0) return exit_partial;
  return differs ? exit_code(ErrorKind::conflict) : 0;
}

}  // namespace

int command_topics_apply(const Arguments& arguments, const config::Settings& settings) {
  const auto path = arguments.value("file");
  if (!path) {
    throw Error(ErrorKind::usage, "topics apply: --file is missing", "name a file of topics");
  }
  if (arguments.words.size() > 1) {
    throw Error(ErrorKind::usage, "topics apply takes no topic", "name the topics in the file");
  }
  const std::vector<DeclaredTopic> topics = config::parse_topics_file(file_text(*path), *path);
  const std::vector<Outcome> outcomes = Application(arguments, settings).apply(topics);
  if (settings.process().output == config::OutputFormat::json) {
    print_json(topics, outcomes);
  } else {
    print_table(topics, outcomes);
  }
  return exit_code_of(outcomes, arguments.has("dry-run"));
}

}  // namespace outbox::app
