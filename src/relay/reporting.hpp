// SPDX-License-Identifier: Apache-2.0
//
// What people see of a running relay: counters, and log lines that stay few when events are many
// (A3). Used by the core's thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_set>

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

  void event(const Event& event, Moment now);
  void notice(const Notice& notice);

 private:
  void rows_read(const PreparedBatch& batch);
  bool told_before(const PreparedRow& row);
  void start_second(Moment now);
  void tell_left_out();

  Logger& logger_;
  Relay::Counting& counting_;
  Moment second_began_;
  int lines_in_second_ = 0;
  std::uint64_t rows_left_out_ = 0;
  std::uint64_t batches_left_out_ = 0;
  // Hashes of the rows of the last batches that were told, and their order: a row is read again
  // when its topic had to be looked up or held, or when it was refused, and is no new event then.
  std::unordered_set<std::size_t> told_;
  std::deque<std::size_t> told_order_;
};

}  // namespace outbox::relay
