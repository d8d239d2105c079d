// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/wire.hpp"

namespace outbox::app {

namespace {

int list_topics(const std::vector<broker::TopicView>& topics, bool json) {
  if (json) {
    auto list = nlohmann::ordered_json::array();
    for (const broker::TopicView& topic : topics) {
      nlohmann::ordered_json one = {{"name", topic.name},
                                    {"partitions", topic.partitions},
                                    {"replication_factor", topic.replication_factor},
                                    {"max_message_bytes", topic.message_bytes_max}};
      if (topic.failure) one["failure"] = topic.failure->reason;
      list.push_back(std::move(one));
    }
    fmt::print("{}\n", list.dump());
  } else {
    std::size_t width = 5;
    for (const broker::TopicView& topic : topics)
      width = std::max(width, topic.name.size());
    fmt::print("{:<{}}  {:>10}  {:>8}  {:>17}\n", "TOPIC", width, "PARTITIONS", "REPLICAS",
               "MAX.MESSAGE.BYTES");
    for (const broker::TopicView& topic : topics) {
      if (topic.failure) {
        fmt::print("{:<{}}  {}\n", topic.name, width, topic.failure->reason);
        continue;
      }
      fmt::print("{:<{}}  {:>10}  {:>8}  {:>17}\n", topic.name, width, topic.partitions,
                 topic.replication_factor, topic.message_bytes_max);
    }
  }
  for (const broker::TopicView& topic : topics) {
    if (topic.failure) return exit_code(ErrorKind::not_found);
  }
  return 0;
}

int create_topics(broker::Admin& admin, const std::vector<broker::NewTopic>& topics,
                  std::chrono::milliseconds timeout) {
  std::vector<std::string> names;
  for (const broker::NewTopic& topic : topics)
    names.push_back(topic.name);
  const std::vector<broker::TopicView> before = admin.topics(names, timeout);
  const auto failures = admin.create(topics, timeout);
  std::size_t failed = 0;
  for (std::size_t i = 0; i < topics.size(); ++i) {
    if (!failures[i]) {
      fmt::print("{}: created with {} partitions\n", topics[i].name, topics[i].partitions);
      continue;
    }
    if (!before[i].failure) {
      fmt::print("{}: is there already, with {} partitions\n", topics[i].name,
                 before[i].partitions);
      continue;
    }
    ++failed;
    fmt::print(stderr, "{}: {}\n", topics[i].name, failures[i]->reason);
  }
  if (failed == 0) return 0;
  return failed == topics.size() ? exit_code(ErrorKind::failed) : exit_partial;
}

}  // namespace

int command_topics(const Arguments& arguments) {
  if (arguments.words.empty()) {
    throw Error(ErrorKind::usage, "topics: say what to do", "`apply`, `create` or `list`");
  }
  const config::Settings settings = config::load(sources_of(arguments));
  if (arguments.words.front() == "apply") return command_topics_apply(arguments, settings);
  const auto timeout = settings.process().start_timeout;
  const auto admin = make_broker(settings).admin();
  const std::vector<std::string> names(arguments.words.begin() + 1, arguments.words.end());
  if (arguments.words.front() == "list") {
    return list_topics(admin->topics(names, timeout),
                       settings.process().output == config::OutputFormat::json);
  }
  if (arguments.words.front() != "create") {
    throw Error(ErrorKind::usage, "topics: '" + arguments.words.front() + "' is not known",
                "`apply`, `create` or `list`");
  }
  if (names.empty()) throw Error(ErrorKind::usage, "topics create: name at least one topic");
  std::vector<broker::NewTopic> topics;
  for (const std::string& name : names) {
    broker::NewTopic topic;
    topic.name = name;
    topic.partitions = whole_number(arguments, "partitions", topic.partitions);
    topic.replication_factor =
        whole_number(arguments, "replication-factor", topic.replication_factor);
    topics.push_back(std::move(topic));
  }
  return create_topics(*admin, topics, timeout);
}

}  // namespace outbox::app
