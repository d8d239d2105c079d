// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/version.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <outbox/error.hpp>

namespace outbox::broker::kafka {
namespace {

constexpr int least = 0x020800ff;
static_assert(RD_KAFKA_VERSION >= least, "librdkafka 2.8.0 or newer is needed: run ./dev setup");

}  // namespace

std::string library_version() {
  return rd_kafka_version_str();
}

void require_library_version() {
  require_library_version(rd_kafka_version(), library_version());
}

void require_library_version(int version, const std::string& text) {
  // The last byte tells a release (0xff) from its candidates, which came before it.
  if (version >= least) return;
  throw Error(ErrorKind::configuration, fmt::format("librdkafka {} is older than 2.8.0", text),
              "Rebuild outboxd with ./dev build, which brings a newer one");
}

}  // namespace outbox::broker::kafka
