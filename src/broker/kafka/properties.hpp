// SPDX-License-Identifier: Apache-2.0
//
// librdkafka's configuration of one handle, in three layers: our defaults, what the user passes
// through and, over both, what our promises rest on.
//
// Thread-safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/consumer.hpp"
#include "broker/home.hpp"
#include "broker/kafka/handle.hpp"

namespace outbox::broker::kafka {

class Properties {
 public:
  /// The defaults of all handles.
  Properties();

  /// Throws Error(configuration) naming the property and what librdkafka has against it; the value
  /// is never in the message where it may be a secret.
  void set(std::string_view name, std::string_view value);

  /// Errors and log lines come as events of the main queue, besides `events`.
  void take_events(int events);

  [[nodiscard]] rd_kafka_conf_t* get() noexcept { return configuration_.get(); }

  /// Makes the handle; the properties are used up. Throws Error(configuration), as set().
  [[nodiscard]] rd_kafka_t* make(rd_kafka_type_t type);

 private:
  ConfigurationPointer configuration_;
};

/// `batch_bytes_max`: what a request may hold of one partition.
[[nodiscard]] Properties producer_properties(const ConnectionOptions& options,
                                             const std::string& name, std::int64_t batch_bytes_max);
/// The same for a handle that sends in transactions.
[[nodiscard]] Properties transactional_properties(const ConnectionOptions& options,
                                                  const TransactionOptions& transactions,
                                                  std::int64_t batch_bytes_max);
[[nodiscard]] Properties admin_properties(const ConnectionOptions& options);
[[nodiscard]] Properties consumer_properties(const ConnectionOptions& options,
                                             const ConsumerOptions& consumer);
/// A reader sees what is committed, and nothing of transactions that were aborted.
[[nodiscard]] Properties reader_properties(const ConnectionOptions& options,
                                           const std::string& group_id);

}  // namespace outbox::broker::kafka
