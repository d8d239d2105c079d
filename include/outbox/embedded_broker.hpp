// SPDX-License-Identifier: Apache-2.0
//
// A Kafka broker inside the process, on a loopback port that any Kafka client can connect to: for
// trying out and for tests of one's own, without any server.
//
//     outbox::EmbeddedBroker broker({.topics = {"order.events"}});
//     outbox::KafkaConnection kafka{.bootstrap_servers = broker.bootstrap_servers()};
//
// It is no place for data: it keeps at most 5 MiB and 100,000 batches a partition, forgets
// everything with the process, neither fences nor throws out what is sent twice, and knows no
// rights.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace outbox {

/// What the broker begins with.
struct EmbeddedBrokerOptions {
  std::vector<std::string> topics;  ///< Made at once.
  int partitions = 3;               ///< Of each of them.
};

/// Thread-safety: any thread. Lifetime: the broker is gone with the object and with what was made
/// for its address in this process: consumers, relays, gateways.
class EmbeddedBroker {
 public:
  /// Throws Error(failed) where no port could be had.
  explicit EmbeddedBroker(const EmbeddedBrokerOptions& options);
  ~EmbeddedBroker();
  EmbeddedBroker(const EmbeddedBroker&) = delete;
  EmbeddedBroker& operator=(const EmbeddedBroker&) = delete;

  /// `127.0.0.1:port`.
  [[nodiscard]] const std::string& bootstrap_servers() const noexcept;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace outbox
