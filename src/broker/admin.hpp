// SPDX-License-Identifier: Apache-2.0
//
// The seam for looking at and making topics.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/consumer.hpp"
#include "core/failure.hpp"

namespace outbox::broker {

struct TopicView {
  std::string name;
  int partitions = 0;
  int replication_factor = 0;
  std::int64_t message_bytes_max =
      1000012;                     ///< max.message.bytes; Kafka's default where not readable.
  std::optional<Failure> failure;  ///< Missing or not authorised: hold_topic with the reason.
};

struct NewTopic {
  std::string name;
  int partitions = 3;
  int replication_factor = 1;
  std::map<std::string, std::string> config;
};

/// What is set for a topic, the brokers' defaults included, by Kafka's names.
struct TopicConfig {
  std::map<std::string, std::string> values;
  std::optional<Failure> failure;  ///< Nothing is known, and why.
};

struct ClusterView {
  std::string cluster_id;
  std::vector<std::string> brokers;  ///< host:port
};

struct GroupMember {
  std::string id;
  std::string client_id;
  std::string host;
  std::vector<PartitionName> partitions;
};

/// A consumer group as its coordinator sees it.
struct GroupView {
  std::string group_id;
  std::string state;  ///< Kafka's word: Stable, Empty, PreparingRebalance, Dead …
  std::vector<GroupMember> members;
  std::vector<Position> committed;  ///< The next offset of each partition it has committed.
  std::optional<Failure> failure;   ///< Nothing is known, and why.
};

/// Thread-safety: one thread at a time. Calls wait at most `timeout`; Error(unreachable) after it,
/// Error(configuration) where authentication failed.
class Admin {
 public:
  virtual ~Admin() = default;

  /// Connects and authenticates: what the start-up step "brokers" needs.
  virtual ClusterView cluster(std::chrono::milliseconds timeout) = 0;

  /// One view a name, in order; without names all topics that this user may see.
  virtual std::vector<TopicView> topics(const std::vector<std::string>& names,
                                        std::chrono::milliseconds timeout) = 0;

  /// Makes the topics; per topic none (made) or the failure (exists already: reason says so).
  virtual std::vector<std::optional<Failure>> create(const std::vector<NewTopic>& topics,
                                                     std::chrono::milliseconds timeout) = 0;

  /// One a name, in order.
  virtual std::vector<TopicConfig> configs(const std::vector<std::string>& names,
                                           std::chrono::milliseconds /*timeout*/) {
    const Failure unknown{FailureKind::hold_topic, "this broker does not tell its configuration"};
    return std::vector<TopicConfig>(names.size(), TopicConfig{{}, unknown});
  }

  /// One a name, in order; without names all groups that this user may see, without what they have
  /// committed.
  virtual std::vector<GroupView> groups(const std::vector<std::string>& names,
                                        std::chrono::milliseconds /*timeout*/) {
    const Failure unknown{FailureKind::hold_topic, "this broker does not tell its groups"};
    std::vector<GroupView> views;
    for (const std::string& name : names)
      views.push_back({name, {}, {}, {}, unknown});
    return views;
  }

  /// Raises the number of partitions to `count`, with which keys move. None: done.
  virtual std::optional<Failure> add_partitions(const std::string& topic, int /*count*/,
                                                std::chrono::milliseconds /*timeout*/) {
    return Failure{FailureKind::hold_topic,
                   "Topic '" + topic + "': this broker adds no partitions"};
  }
};

using AdminMaker = std::function<std::unique_ptr<Admin>()>;

}  // namespace outbox::broker
