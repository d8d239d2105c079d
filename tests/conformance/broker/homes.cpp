// SPDX-License-Identifier: Apache-2.0
#include "conformance/broker/homes.hpp"

#include "broker/embedded/home.hpp"
#include "broker/kafka/home.hpp"
#include "support/services.hpp"

namespace outbox::testing {

std::ostream& operator<<(std::ostream& stream, const BrokerCase& broker) {
  return stream << broker.name;
}

std::vector<BrokerCase> all_brokers() {
  BrokerCase kafka;
  kafka.name = "kafka";
  kafka.make = [](std::size_t queue_bytes_max) {
    broker::ConnectionOptions options;
    options.bootstrap_servers = services().kafka;
    options.queue_bytes_max = queue_bytes_max;
    return broker::kafka::make_home(options);
  };

  BrokerCase embedded;
  embedded.name = "embedded";
  embedded.features = {.refuses_too_large = false,
                       .alters_topics = false,
                       .commits_while_revoking = false,
                       .tells_groups = false,
                       .knows_times = false};
  embedded.make = [](std::size_t queue_bytes_max) {
    broker::embedded::Options options;
    options.connection.queue_bytes_max = queue_bytes_max;
    return broker::embedded::make_home(options);
  };
  return {kafka, embedded};
}

}  // namespace outbox::testing
