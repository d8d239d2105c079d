// SPDX-License-Identifier: Apache-2.0
#include <outbox/embedded_broker.hpp>

#include "broker/embedded/home.hpp"
#include "library/connections.hpp"

namespace outbox {

class EmbeddedBroker::Parts {
 public:
  explicit Parts(const EmbeddedBrokerOptions& options)
      : home(broker::embedded::make_home({options.topics, options.partitions, {}})) {
    library::add_embedded_broker(home);
  }
  ~Parts() { library::remove_embedded_broker(home); }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  const broker::Home home;
};

EmbeddedBroker::EmbeddedBroker(const EmbeddedBrokerOptions& options)
    : parts_(std::make_unique<Parts>(options)) {}

EmbeddedBroker::~EmbeddedBroker() = default;

const std::string& EmbeddedBroker::bootstrap_servers() const noexcept {
  return parts_->home.bootstrap_servers;
}

}  // namespace outbox
