// SPDX-License-Identifier: Apache-2.0
//
// The homes that the suite runs against, and what each can do. A new home is one entry in
// homes.cpp.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "broker/home.hpp"

namespace outbox::testing {

struct Features {
  bool refuses_too_large = true;       ///< It knows max.message.bytes of a topic and keeps to it.
  bool alters_topics = true;           ///< It tells a topic's configuration and adds partitions.
  bool commits_while_revoking = true;  ///< Offsets are taken until the partitions are given up.
  bool tells_groups = true;            ///< It describes consumer groups.
  bool knows_times = true;             ///< It finds offsets by a time.
};

struct BrokerCase {
  std::string name;
  Features features;
  std::function<broker::Home(std::size_t queue_bytes_max)> make;
};

std::ostream& operator<<(std::ostream& stream, const BrokerCase& broker);

std::vector<BrokerCase> all_brokers();

/// The base of the suite's tests: a home of its own for each.
class BrokerConformance : public ::testing::TestWithParam<BrokerCase> {
 protected:
  [[nodiscard]] const Features& features() const { return GetParam().features; }

  broker::Home home_ = GetParam().make(32U << 20U);
};

}  // namespace outbox::testing
