// SPDX-License-Identifier: Apache-2.0
//
// broker::Consumer by librdkafka's group consumer. Nothing is committed but by commit(); a
// partition that the group takes back is kept until release(), so that the caller can finish or
// roll back what it holds (design, Consume). Works with both protocols of assignment: all
// partitions at once, and only those that move (cooperative).
//
// Thread-safety: one thread at a time; wake() from any.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <outbox/error.hpp>

#include "broker/consumer.hpp"
#include "broker/kafka/handle.hpp"

namespace outbox::broker::kafka {

class Properties;

class KafkaConsumer final : public Consumer {
 public:
  /// Makes a handle of consumer_properties() and subscribes. Throws Error(configuration).
  KafkaConsumer(Properties properties, ConsumerOptions options, std::string servers);
  ~KafkaConsumer() override;
  KafkaConsumer(const KafkaConsumer&) = delete;
  KafkaConsumer& operator=(const KafkaConsumer&) = delete;

  /// Throws Error: configuration where the login or a right is refused, not_found where a topic is
  /// not there, failed where the group no longer takes this member. The next call goes on.
  IncomingBatch poll(int messages_max, std::chrono::milliseconds timeout) override;

  /// Throws Error(unreachable) where the group's coordinator gave no answer: the commit may have
  /// been made or not.
  [[nodiscard]] bool commit(std::span<const Position> next) override;

  void release() override;
  void pause(std::span<const PartitionName> partitions) override;
  void resume(std::span<const PartitionName> partitions) override;
  std::vector<Position> ends() override;

  void wake() override;

 private:
  static void on_rebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* partitions, void* consumer);
  static void on_error(rd_kafka_t* handle, int code, const char* text, void* consumer);
  void subscribe();
  void assign(const rd_kafka_topic_partition_list_t& partitions);
  void note_revoked(const rd_kafka_topic_partition_list_t& partitions);
  void take(const rd_kafka_message_t& message, IncomingBatch& batch);
  [[noreturn]] void throw_error(int code, const std::string& text) const;
  [[noreturn]] void throw_fatal() const;
  void close() noexcept;

  const ConsumerOptions options_;
  const std::string servers_;
  rd_kafka_t* handle_ = nullptr;
  QueuePointer queue_;
  std::vector<PartitionName> revoking_;  ///< The group wants them back.
  bool told_ = true;                     ///< The caller knows of them.
  bool lost_ = false;
  std::optional<Error> put_aside_;  ///< Found while messages were in hand.
  int login_error_ = 0;
  std::string login_text_;
  std::atomic<bool> woken_{false};
};

}  // namespace outbox::broker::kafka
