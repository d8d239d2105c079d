// SPDX-License-Identifier: Apache-2.0
//
// broker::Reader by a librdkafka consumer that is given its partitions and joins no group.
//
// Thread-safety: one thread at a time; wake() from any.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <string>

#include "broker/kafka/handle.hpp"
#include "broker/reader.hpp"

namespace outbox::broker::kafka {

class Properties;

class KafkaReader final : public Reader {
 public:
  /// Makes a handle of reader_properties(). Throws Error(configuration).
  KafkaReader(Properties properties, std::string servers);
  ~KafkaReader() override;
  KafkaReader(const KafkaReader&) = delete;
  KafkaReader& operator=(const KafkaReader&) = delete;

  std::vector<PartitionRange> ranges(const std::string& topic,
                                     std::chrono::milliseconds timeout) override;
  std::vector<Position> offsets_at(const std::string& topic, std::int64_t timestamp_ms,
                                   std::chrono::milliseconds timeout) override;
  void assign(std::span<const Position> from) override;
  Answer poll(int messages_max, std::chrono::milliseconds timeout) override;
  void note_progress(std::span<const Position> next) override;
  void wake() override;

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  static void on_error(rd_kafka_t* handle, int code, const char* text, void* reader);
  /// Serves the callbacks; throws where one of them heard that the login is refused.
  void serve();
  [[nodiscard]] int partitions_of(const std::string& topic, Deadline deadline);
  /// Where each partition of `topic` begins (RD_KAFKA_OFFSET_SPEC_EARLIEST), ends (…_LATEST), or is
  /// at a time in milliseconds since 1970, -1 where it has nothing as late as that.
  [[nodiscard]] std::map<int, std::int64_t> offsets_of(const std::string& topic, int partitions,
                                                       std::int64_t which, Deadline deadline);
  void take(const rd_kafka_message_t& message, Answer& answer) const;
  [[noreturn]] void throw_error(int code, const std::string& text) const;
  [[noreturn]] void throw_unreachable(const std::string& topic) const;

  const std::string servers_;
  rd_kafka_t* handle_ = nullptr;
  QueuePointer queue_;
  std::vector<Position> refused_;  ///< By assign(), to be told by the next poll().
  int login_error_ = 0;
  std::string login_text_;
  std::string latest_error_;
  std::atomic<bool> woken_{false};
};

}  // namespace outbox::broker::kafka
