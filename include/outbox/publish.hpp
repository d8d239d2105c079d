// SPDX-License-Identifier: Apache-2.0
//
// What publishing needs to know of the outbox table, whatever the database. The functions
// themselves are in one header a driver: <outbox/postgres.hpp>, <outbox/sqlite.hpp>.
#pragma once

#include <cstddef>
#include <string>

namespace outbox {

struct PublishOptions {
  /// As the connection finds it, e.g. `outbox_events` or `billing.outbox_events`.
  std::string table = "outbox_events";
  /// False: publishing checks the event and writes nothing (D4).
  bool enabled = true;
  /// The largest payload, in bytes. Kafka's own default for a whole message is 1,048,588; what is
  /// larger than the topic takes would end as a dead letter, where its author does not look.
  std::size_t payload_bytes_max = 1'000'000;
};

}  // namespace outbox
