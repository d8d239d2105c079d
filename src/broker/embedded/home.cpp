// SPDX-License-Identifier: Apache-2.0
#include "broker/embedded/home.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

// It depends on the header above without including it.
#include <librdkafka/rdkafka_mock.h>

#include <outbox/error.hpp>
#include <utility>

#include "broker/kafka/admin.hpp"
#include "broker/kafka/home.hpp"
#include "broker/kafka/properties.hpp"

namespace outbox::broker::embedded {
namespace {

// The mock cluster and the handle that it needs for its bookkeeping and its thread.
class Cluster {
 public:
  Cluster() {
    char text[512] = "";
    rd_kafka_conf_t* const configuration = rd_kafka_conf_new();
    // It says that it has no servers to connect to, and logs what clients do that went away.
    rd_kafka_conf_set_log_cb(configuration, nullptr);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, text, sizeof(text));
    if (handle_ == nullptr) {
      rd_kafka_conf_destroy(configuration);
      throw Error(ErrorKind::failed, fmt::format("The embedded broker did not start: {}", text));
    }
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    if (cluster_ == nullptr) {
      rd_kafka_destroy(handle_);
      throw Error(ErrorKind::failed, "The embedded broker found no free port on 127.0.0.1");
    }
    // A first consumer need not wait for others that might join.
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster_, 0);
  }
  ~Cluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] std::string bootstrap_servers() const {
    return rd_kafka_mock_cluster_bootstraps(cluster_);
  }

  [[nodiscard]] std::optional<Failure> create(const NewTopic& topic) {
    if (topic.name.empty() || topic.partitions < 1) {
      return Failure{
          FailureKind::dead_letter,
          fmt::format("Topic '{}': it needs a name and at least 1 partition", topic.name)};
    }
    const rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(
        cluster_, topic.name.c_str(), topic.partitions, topic.replication_factor);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
    return Failure{FailureKind::hold_topic,
                   error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
                       ? fmt::format("Topic '{}' exists already", topic.name)
                       : fmt::format("Topic '{}': {}", topic.name, rd_kafka_err2str(error))};
  }

 private:
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

// The kafka home's admin, save that the mock takes no request to make a topic.
class EmbeddedAdmin final : public Admin {
 public:
  EmbeddedAdmin(std::shared_ptr<Cluster> cluster, std::unique_ptr<Admin> admin)
      : cluster_(std::move(cluster)), admin_(std::move(admin)) {}

  ClusterView cluster(std::chrono::milliseconds timeout) override {
    return admin_->cluster(timeout);
  }

  std::vector<TopicView> topics(const std::vector<std::string>& names,
                                std::chrono::milliseconds timeout) override {
    return admin_->topics(names, timeout);
  }

  std::vector<std::optional<Failure>> create(const std::vector<NewTopic>& topics,
                                             std::chrono::milliseconds /*timeout*/) override {
    std::vector<std::optional<Failure>> results;
    results.reserve(topics.size());
    for (const NewTopic& topic : topics)
      results.push_back(cluster_->create(topic));
    return results;
  }

 private:
  const std::shared_ptr<Cluster> cluster_;
  const std::unique_ptr<Admin> admin_;
};

// The mock takes any time for one that nothing is as late as.
class EmbeddedReader final : public Reader {
 public:
  explicit EmbeddedReader(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}

  std::vector<PartitionRange> ranges(const std::string& topic,
                                     std::chrono::milliseconds timeout) override {
    return reader_->ranges(topic, timeout);
  }
  std::vector<Position> offsets_at(const std::string& /*topic*/, std::int64_t /*timestamp_ms*/,
                                   std::chrono::milliseconds /*timeout*/) override {
    throw Error(ErrorKind::failed, "the embedded broker finds no messages by their time",
                "read the topic from its first offset");
  }
  void assign(std::span<const Position> from) override { reader_->assign(from); }
  Answer poll(int messages_max, std::chrono::milliseconds timeout) override {
    return reader_->poll(messages_max, timeout);
  }
  void note_progress(std::span<const Position> next) override { reader_->note_progress(next); }
  void wake() override { reader_->wake(); }

 private:
  const std::unique_ptr<Reader> reader_;
};

}  // namespace

Home make_home(const Options& options) {
  const auto cluster = std::make_shared<Cluster>();
  for (const std::string& topic : options.topics) {
    if (const auto failure = cluster->create({topic, options.partitions, 1, {}})) {
      throw Error(ErrorKind::configuration, failure->reason);
    }
  }
  ConnectionOptions connection = options.connection;
  connection.bootstrap_servers = cluster->bootstrap_servers();
  connection.security_protocol = "plaintext";
  connection.user.clear();
  // The mock answers a fetch without data only after its whole wait, new data or not.
  connection.properties.try_emplace("fetch.wait.max.ms", "5");
  // Whenever a member comes or goes the mock waits for all others for nearly a session's time-out.
  connection.properties.try_emplace("session.timeout.ms", "2000");
  connection.properties.try_emplace("heartbeat.interval.ms", "300");
  Home home = kafka::make_home(connection);
  // Each maker keeps the cluster alive; what it made does so by the home that the caller holds.
  home.producer = [cluster, make = std::move(home.producer)](const std::string& name) {
    return make(name);
  };
  home.consumer = [cluster, make = std::move(home.consumer)](const ConsumerOptions& consumer) {
    return make(consumer);
  };
  home.reader = [cluster, make = std::move(home.reader)](const std::string& group_id) {
    return std::make_unique<EmbeddedReader>(make(group_id));
  };
  home.admin = [cluster, connection]() -> std::unique_ptr<Admin> {
    // The mock names a controller that is none of its brokers, so its one broker is asked.
    return std::make_unique<EmbeddedAdmin>(
        cluster, std::make_unique<kafka::KafkaAdmin>(
                     kafka::admin_properties(connection).make(RD_KAFKA_PRODUCER),
                     connection.bootstrap_servers, std::make_shared<kafka::Learnt>(), 1));
  };
  return home;
}

}  // namespace outbox::broker::embedded
