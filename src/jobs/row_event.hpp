// SPDX-License-Identifier: Apache-2.0
//
// A row of the outbox as a handler gets it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <outbox/received_event.hpp>

#include "core/clock.hpp"
#include "core/row.hpp"

namespace outbox::jobs {

/// Keeps all that the event's views look at.
class RowEvent {
 public:
  /// `memory` is the batch's. Throws Error(failed) where the headers are no JSON object of texts.
  RowEvent(const OutboxRow& row, std::shared_ptr<const void> memory, const Uuid& outbox_id,
           bool has_version);
  RowEvent(const RowEvent&) = delete;
  RowEvent& operator=(const RowEvent&) = delete;

  [[nodiscard]] const ReceivedEvent& event() const noexcept { return event_; }
  [[nodiscard]] const std::string& row_id() const noexcept { return row_id_; }

 private:
  const std::shared_ptr<const void> memory_;
  const std::string row_id_;
  const TimestampText occurred_at_;
  std::vector<ReceivedHeader> headers_;
  ReceivedEvent event_;
};

}  // namespace outbox::jobs
