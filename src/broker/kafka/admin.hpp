// SPDX-License-Identifier: Apache-2.0
//
// broker::Admin by librdkafka's admin requests. All answers and errors come to one queue, so that a
// refused login ends a call at once instead of at its time-out.
//
// Thread-safety: one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/admin.hpp"
#include "broker/kafka/handle.hpp"
#include "broker/kafka/notices.hpp"

namespace outbox::broker::kafka {

/// What the admins of a home learn and its producers need.
struct Learnt {
  /// The smallest max.message.bytes of any topic that was asked for by name. A request's share of a
  /// partition must stay below it: the broker refuses a batch as a whole, innocent messages
  /// included.
  std::atomic<std::int64_t> batch_bytes_max{1000000};
};

class KafkaAdmin final : public Admin {
 public:
  /// Takes `handle`, which was made of admin_properties(); `servers` is for messages. `broker_id`:
  /// whom to ask; without it the controller is asked.
  KafkaAdmin(rd_kafka_t* handle, std::string servers, std::shared_ptr<Learnt> learnt,
             std::optional<std::int32_t> broker_id = std::nullopt);
  ~KafkaAdmin() override;
  KafkaAdmin(const KafkaAdmin&) = delete;
  KafkaAdmin& operator=(const KafkaAdmin&) = delete;

  ClusterView cluster(std::chrono::milliseconds timeout) override;
  std::vector<TopicView> topics(const std::vector<std::string>& names,
                                std::chrono::milliseconds timeout) override;
  std::vector<std::optional<Failure>> create(const std::vector<NewTopic>& topics,
                                             std::chrono::milliseconds timeout) override;
  std::vector<TopicConfig> configs(const std::vector<std::string>& names,
                                   std::chrono::milliseconds timeout) override;
  std::vector<GroupView> groups(const std::vector<std::string>& names,
                                std::chrono::milliseconds timeout) override;
  std::optional<Failure> add_partitions(const std::string& topic, int count,
                                        std::chrono::milliseconds timeout) override;

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  using Send = std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;

  /// Sends and waits for the answer, whatever it is.
  [[nodiscard]] EventPointer request(rd_kafka_admin_op_t operation, Deadline deadline,
                                     const Send& send);
  /// Throws where the answer is an error of the whole request.
  void require_answer(rd_kafka_event_t& event) const;
  void take_error(rd_kafka_event_t& event);
  [[noreturn]] void throw_unreachable() const;
  [[nodiscard]] std::vector<TopicView> all_topics(Deadline deadline);
  [[nodiscard]] std::vector<TopicView> named_topics(const std::vector<std::string>& names,
                                                    Deadline deadline);
  /// The controller answers before the brokers know the topic.
  void await_made(const std::vector<NewTopic>& topics,
                  const std::vector<std::optional<Failure>>& results, Deadline deadline);
  /// The answer to a request for these, which are not empty.
  [[nodiscard]] EventPointer describe_configs(const std::set<std::string>& names,
                                              Deadline deadline);
  void await_partitions(const std::string& topic, int count, Deadline deadline);
  // admin_groups.cpp
  [[nodiscard]] std::vector<std::string> all_groups(Deadline deadline);
  [[nodiscard]] std::map<std::string, GroupView> describe_groups(std::set<std::string> names,
                                                                 Deadline deadline);
  void read_committed(GroupView& view, Deadline deadline);
  void read_limits(std::vector<TopicView>& views, Deadline deadline);

  rd_kafka_t* const handle_;
  QueuePointer queue_;
  const std::string servers_;
  const std::shared_ptr<Learnt> learnt_;
  const std::optional<std::int32_t> broker_id_;
  std::uintptr_t requests_ = 0;  ///< Numbers them: an answer may come after its call has ended.
  Notices notices_;
};

}  // namespace outbox::broker::kafka
