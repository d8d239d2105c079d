// SPDX-License-Identifier: Apache-2.0
//
// The file of `outboxd topics apply`: which topics there are to be (B5).
//
//     defaults: {partitions: 3, replication-factor: 1}
//     topics:
//       order.events:
//       realtime.events: {retention: 1h}
//       stock.events: {partitions: 6, config: {cleanup.policy: delete}}
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace outbox::config {

struct DeclaredTopic {
  std::string name;
  std::optional<int> partitions;              ///< None: whatever there is; 3 where it is made.
  std::optional<int> replication_factor;      ///< The same; 1.
  std::map<std::string, std::string> config;  ///< `retention` is here as retention.ms.
  std::string origin;                         ///< `topics.yaml:4`
};

/// In the file's order. Throws Error(configuration) with `file`:line and the remedy.
[[nodiscard]] std::vector<DeclaredTopic> parse_topics_file(std::string_view text,
                                                           std::string_view file);

}  // namespace outbox::config
