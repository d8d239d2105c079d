// SPDX-License-Identifier: Apache-2.0
//
// One call of a handler as a piece of work.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include <outbox/handlers.hpp>

#include "core/row.hpp"
#include "jobs/board.hpp"
#include "jobs/work_queue.hpp"

namespace outbox::jobs {

struct HandlerRun {
  std::uint64_t number = 0;
  std::string line;
  std::string domain;
  OutboxRow row;
  std::shared_ptr<const void> memory;
  Uuid outbox_id;
  bool has_version = false;
  std::int64_t fencing = 0;
  std::stop_token lost;    ///< The domain is another's.
  std::stop_token ending;  ///< Futures and coroutines are waited for no more.
  std::chrono::milliseconds timeout{};
  std::shared_ptr<Board> board;
  std::shared_ptr<const HandlerCall::Plain> handler;
  /// Counts ends that came when nobody could write them down any more. Outlives the queue.
  std::atomic<std::int64_t>* unsettled = nullptr;
};

/// The work owns all that the handler sees until its call has ended.
[[nodiscard]] Work work_of(HandlerRun run);

}  // namespace outbox::jobs
