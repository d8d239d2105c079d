// SPDX-License-Identifier: Apache-2.0
//
// A handle of librdkafka as broker::Producer. It is idempotent, waits for all in-sync replicas,
// never times out a message and keeps `enable.gapless.guarantee`: the first message that the broker
// refuses ends the handle, before a sibling can pass. What the library cannot know is the caller's:
// one message in flight per handle and partition until the first acknowledgement there (design,
// protocol 5).
//
// Thread-safety: produce() and refusal() on one thread, poll() on another at the same time, wake()
// on any. The destructor only once no other call is under way.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/kafka/handle.hpp"
#include "broker/kafka/notices.hpp"
#include "broker/kafka/queued.hpp"
#include "broker/producer.hpp"

namespace outbox::broker::kafka {

class KafkaProducer final : public Producer {
 public:
  /// Takes `handle`, which was made of producer_properties(). `queue_bytes_max` bounds what is
  /// queued and in flight, headers and overhead included; one message is always let in, however
  /// large.
  KafkaProducer(rd_kafka_t* handle, std::size_t queue_bytes_max);
  ~KafkaProducer() override;
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  [[nodiscard]] Handover produce(const OutgoingMessage& message) override;
  [[nodiscard]] Failure refusal() const override { return refusal_; }
  [[nodiscard]] Poll poll(std::chrono::milliseconds timeout) override;
  void wake() override;

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>{}(name);
    }
  };

  [[nodiscard]] rd_kafka_topic_t* topic_of(std::string_view name);
  [[nodiscard]] Handover not_accepted(int code, const OutgoingMessage& message,
                                      rd_kafka_topic_t* topic);
  void gather(std::chrono::milliseconds timeout, Poll& result);
  void take(rd_kafka_event_t& event, Poll& result);
  void take_deliveries(rd_kafka_event_t& event, Poll& result);
  void take_error(rd_kafka_event_t& event);
  [[nodiscard]] std::optional<Failure> why_finished();

  rd_kafka_t* const handle_;
  QueuePointer queue_;
  const std::size_t queue_bytes_max_;
  std::unordered_map<std::string, TopicPointer, NameHash, std::equal_to<>> topics_;
  std::string_view latest_name_;  ///< Of topics_: most batches are of one topic.
  rd_kafka_topic_t* latest_topic_ = nullptr;
  Failure refusal_;

  Queued queued_;
  std::atomic<bool> finished_{false};

  // Of the polling thread.
  Notices notices_;
  std::optional<Failure> refused_;  ///< The first refusal that was delivered.
  bool told_finished_ = false;
};

}  // namespace outbox::broker::kafka
