// SPDX-License-Identifier: Apache-2.0
//
// The home of the broker's seams on Apache Kafka.
#pragma once

#include "broker/home.hpp"

namespace outbox::broker::kafka {

/// Makes the makers; nothing connects before one of them is called, and a maker itself does not
/// wait for a connection: Admin::cluster() tells whether there is one. The makers may be called
/// from any thread; options that librdkafka does not take throw Error(configuration) from there.
[[nodiscard]] Home make_home(const ConnectionOptions& options);

}  // namespace outbox::broker::kafka
