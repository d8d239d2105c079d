// SPDX-License-Identifier: Apache-2.0
//
// A broker inside the process, for trying out: librdkafka's mock cluster on a loopback port that
// any Kafka client can connect to (Home::bootstrap_servers). Producer, consumer and admin are the
// kafka home's own, so that the same code runs as with real brokers.
//
// What it does not do: it neither fences a former producer nor throws out what is sent twice, it
// knows no limits of size and no rights, it takes no offsets while a group is rebalanced, it keeps
// at most 5 MiB and 100,000 batches a partition, and nothing beyond the process. No test of what
// stands in a topic may rest on it.
#pragma once

#include <string>
#include <vector>

#include "broker/home.hpp"

namespace outbox::broker::embedded {

struct Options {
  std::vector<std::string> topics;  ///< Made at once.
  int partitions = 3;               ///< Of each of them.
  ConnectionOptions connection;     ///< bootstrap_servers and login are ignored.
};

/// Starts a cluster of one broker, which lives until the home, its copies and all that its makers
/// made are gone. More topics are made by Admin::create(). Throws Error(failed) where no port could
/// be had.
[[nodiscard]] Home make_home(const Options& options);

}  // namespace outbox::broker::embedded
