// SPDX-License-Identifier: Apache-2.0
//
// What people see of a running relay: counters, and log lines that stay few when events are many
// (A3). Used by the core's thread alone.
#pragma once

#include <cstdint>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "relay/counting.hpp"
#include "relay/messages.hpp"

namespace outbox::relay {

class Reporting {
 public:
  Reporting(Logger& logger, Relay::Counting& counting) : logger_(logger), counting_(counting) {}

  /// Tells what was left out of the log so far.
  ~Reporting() { tell_left_out(); }
  Reporting(const Reporting&) = delete;
  Reporting& operator=(const Reporting&) = delete;

  void event(const Event& event);
  void notice(const Notice& notice);

 private:
  void rows_read(const PreparedBatch& batch);
  void start_second(Moment now);
  void tell_left_out();

  Logger& logger_;
  Relay::Counting& counting_;
  Moment second_began_;
  int lines_in_second_ = 0;
  std::uint64_t rows_left_out_ = 0;
  std::uint64_t batches_left_out_ = 0;
};

}  // namespace outbox::relay
