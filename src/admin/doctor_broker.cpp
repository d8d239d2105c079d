// SPDX-License-Identifier: Apache-2.0
//
// The brokers and the topics.
#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "admin/doctor.hpp"

namespace outbox::admin {

namespace {

constexpr std::size_t topics_max = 200;
// What a message has beside its payload: headers, key, the batch's own bytes.
constexpr std::int64_t envelope_bytes = 1024;

struct Topic {
  const broker::TopicView& view;
  const broker::TopicConfig& config;
  int brokers = 0;

  [[nodiscard]] std::string word(const std::string& name) const {
    const auto found = config.values.find(name);
    return found == config.values.end() ? std::string() : found->second;
  }
  [[nodiscard]] std::optional<std::int64_t> number(const std::string& name) const {
    const std::string text = word(name);
    std::int64_t value = 0;
    const auto end = text.data() + text.size();
    if (text.empty() || std::from_chars(text.data(), end, value).ptr != end) return std::nullopt;
    return value;
  }
};

class Round {
 public:
  explicit Round(const TopicNeeds& needs) : needs_(needs) {}

  void add(const char* check, Severity severity, std::string found, std::string why,
           std::string remedy) {
    findings_.push_back({check, severity, std::move(found), std::move(why), std::move(remedy)});
  }
  void well(const char* check, std::string found) {
    add(check, Severity::ok, std::move(found), {}, {});
  }

  void look_at(const Topic& topic) {
    if (topic.view.failure) {
      return add(
          "topics", Severity::problem, topic.view.failure->reason, why_needed(topic),
          fmt::format("outboxd topics create {}, or give this user the rights", topic.view.name));
    }
    if (topic.config.failure) {
      add("topic-settings", Severity::notice, topic.config.failure->reason,
          "how the topic keeps its messages is not known",
          fmt::format("give this user the right DESCRIBE_CONFIGS on topic {}", topic.view.name));
    }
    const std::size_t before = findings_.size();
    look_at_replicas(topic);
    look_at_elections(topic);
    look_at_sizes(topic);
    look_at_retention(topic);
    look_at_compaction(topic);
    if (findings_.size() == before && !topic.config.failure) ++well_;
  }

  void look_at_groups(const std::vector<broker::GroupView>& groups) {
    for (const broker::GroupView& group : groups) {
      if (group.failure) {
        add("consumer-groups", Severity::notice, group.failure->reason, "its lag cannot be told",
            "give this user the right DESCRIBE on the group");
      } else if (group.members.empty()) {
        add("consumer-groups", Severity::notice,
            fmt::format("nobody consumes in the group {} ({})", group.group_id, group.state),
            "what it should take waits in the topics, as long as they keep it",
            "start `outboxd consume` or `outboxd run`");
      } else {
        well("consumer-groups",
             fmt::format("the group {} has {} member{}", group.group_id, group.members.size(),
                         group.members.size() == 1 ? "" : "s"));
      }
    }
  }

  std::vector<Finding> take() {
    if (well_ > 0) {
      well("topics", well_ == 1 ? std::string("1 topic is as it should be")
                                : fmt::format("{} topics are as they should be", well_));
    }
    return std::move(findings_);
  }

 private:
  [[nodiscard]] const char* why_needed(const Topic& topic) const {
    const auto is_in = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), topic.view.name) != names.end();
    };
    if (is_in(needs_.dead_letter_topics)) {
      return "an event that a consumer gives up cannot be put there, so it stays where it is, and "
             "those behind it in its partition wait";
    }
    if (is_in(needs_.consumed_topics)) return "its consumers wait; relays hold events for it";
    return "events for it wait in the outbox; all others go on";
  }

  [[nodiscard]] static std::string alter(const Topic& topic, const std::string& setting) {
    return fmt::format("kafka-configs --alter --topic {} --add-config {}", topic.view.name,
                       setting);
  }

  void look_at_replicas(const Topic& topic) {
    const int replicas = topic.view.replication_factor;
    const auto least = topic.number("min.insync.replicas");
    const std::string& name = topic.view.name;
    if (least && *least > replicas) {
      return add("topic-replicas", Severity::problem,
                 fmt::format("topic {} has {} replicas and min.insync.replicas {}", name, replicas,
                             *least),
                 "no event can be written to it",
                 alter(topic, fmt::format("min.insync.replicas={}", std::max(1, replicas - 1))));
    }
    if (replicas == 1) {
      return add(
          "topic-replicas", topic.brokers > 1 ? Severity::warning : Severity::notice,
          fmt::format("topic {} has one replica (min.insync.replicas {})", name, least.value_or(1)),
          "while its broker is away its events wait; if the disk is lost, so are they",
          "make it with three replicas and min.insync.replicas 2 "
          "(kafka-reassign-partitions)");
    }
    if (least && *least == 1) {
      return add("topic-replicas", Severity::warning,
                 fmt::format("topic {} has {} replicas and min.insync.replicas 1", name, replicas),
                 "an acknowledged event may stand on one broker alone, and be lost with it",
                 alter(topic, "min.insync.replicas=2"));
    }
    if (least && *least == replicas) {
      add("topic-replicas", Severity::warning,
          fmt::format("topic {} has {} replicas and as many must be in sync", name, replicas),
          "with a single broker away its events wait",
          alter(topic, fmt::format("min.insync.replicas={}", replicas - 1)));
    }
  }

  void look_at_elections(const Topic& topic) {
    if (topic.word("unclean.leader.election.enable") != "true") return;
    add("topic-elections", Severity::problem,
        fmt::format("topic {} allows unclean leader elections", topic.view.name),
        "a replica that lacks acknowledged events may become the leader, and they are gone",
        alter(topic, "unclean.leader.election.enable=false"));
  }

  void look_at_sizes(const Topic& topic) {
    const auto largest = needs_.largest_bytes.find(topic.view.name);
    const auto limit = topic.number("max.message.bytes");
    if (largest == needs_.largest_bytes.end() || !limit) return;
    const std::int64_t bytes = largest->second + envelope_bytes;
    if (bytes * 5 < *limit * 4) return;
    add("topic-message-size", bytes > *limit ? Severity::problem : Severity::warning,
        fmt::format("topic {} takes messages of {} bytes, and one of the newest events has a "
                    "payload of {}",
                    topic.view.name, *limit, largest->second),
        bytes > *limit ? "such an event becomes a dead letter"
                       : "an event that is a little larger becomes a dead letter",
        alter(topic, fmt::format("max.message.bytes={}", bytes * 2)));
  }

  void look_at_retention(const Topic& topic) {
    const auto& consumed = needs_.consumed_topics;
    if (!std::binary_search(consumed.begin(), consumed.end(), topic.view.name)) return;
    const auto kept = topic.number("retention.ms");
    const std::int64_t inbox =
        needs_.inbox_retention.value_or(std::chrono::milliseconds{0}).count();
    if (inbox == 0 || !kept || (*kept >= 0 && *kept <= inbox)) return;
    const std::string days =
        *kept < 0 ? "for ever" : fmt::format("for {} hours", *kept / 3'600'000);
    add("topic-retention", Severity::warning,
        fmt::format("topic {} keeps messages {}, the inbox remembers them for {} hours",
                    topic.view.name, days, inbox / 3'600'000),
        "a consumer that goes back to the beginning handles events again whose claim is gone",
        fmt::format("raise cleanup.inbox-retention, or {}",
                    alter(topic, fmt::format("retention.ms={}", inbox))));
  }

  void look_at_compaction(const Topic& topic) {
    if (topic.word("cleanup.policy").find("compact") == std::string::npos) return;
    add("topic-compaction", Severity::warning,
        fmt::format("topic {} is compacted (cleanup.policy {})", topic.view.name,
                    topic.word("cleanup.policy")),
        "of a key's events only the last one stays: a consumer that is behind misses the others, "
        "and an event without a key is refused",
        alter(topic, "cleanup.policy=delete"));
  }

  const TopicNeeds& needs_;
  std::vector<Finding> findings_;
  int well_ = 0;
};

bool stays_here(std::string_view servers) {
  while (!servers.empty()) {
    const auto comma = servers.find(',');
    const std::string_view one = servers.substr(0, comma);
    if (!one.starts_with("127.") && !one.starts_with("localhost:") && !one.starts_with("[::1]")) {
      return false;
    }
    servers.remove_prefix(comma == std::string_view::npos ? servers.size() : comma + 1);
  }
  return true;
}

void look_at_connection(Round& round, const TopicNeeds& needs, const std::string& servers) {
  if (!needs.library.empty()) round.well("kafka-library", "librdkafka " + needs.library);
  const bool encrypted = needs.security_protocol.find("ssl") != std::string::npos &&
                         needs.security_protocol.find("plaintext") == std::string::npos;
  if (encrypted || stays_here(servers)) {
    return round.well("kafka-tls", encrypted ? "connections to the brokers are encrypted"
                                             : "connections to the brokers stay on this machine");
  }
  round.add("kafka-tls", Severity::warning,
            fmt::format("connections to {} are not encrypted ({})", servers,
                        needs.security_protocol.empty() ? "plaintext" : needs.security_protocol),
            "passwords and events can be read, and changed, on the way",
            "set kafka.security-protocol to ssl or sasl_ssl, and kafka.ssl-ca");
}

}  // namespace

std::vector<Finding> examine_brokers(BrokerSeams& seams, const TopicNeeds& needs,
                                     std::chrono::milliseconds timeout) {
  // Each question gets a share, so that all end before whoever asked has left.
  const std::chrono::milliseconds share = timeout / 5;
  Round round(needs);
  const broker::ClusterView cluster = seams.admin().cluster(share);
  round.well("broker", fmt::format("cluster {} answers, with {} broker{}", cluster.cluster_id,
                                   cluster.brokers.size(), cluster.brokers.size() == 1 ? "" : "s"));
  look_at_connection(round, needs, seams.site().broker.bootstrap_servers);
  std::vector<std::string> names = needs.topics;
  if (names.size() > topics_max) names.resize(topics_max);
  if (!names.empty()) {
    const auto views = seams.admin().topics(names, share);
    const auto configs = seams.admin().configs(names, share);
    for (std::size_t i = 0; i < views.size() && i < configs.size(); ++i)
      round.look_at({views[i], configs[i], static_cast<int>(cluster.brokers.size())});
  }
  if (!needs.groups.empty()) round.look_at_groups(seams.admin().groups(needs.groups, share));
  return round.take();
}

}  // namespace outbox::admin
