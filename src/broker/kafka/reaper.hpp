// SPDX-License-Identifier: Apache-2.0
//
// Destroys handles aside. rd_kafka_destroy joins the library's threads, which can take its time
// while a connection is being made or a broker is frozen; whoever throws a handle away after a
// refusal must not wait for that.
//
// Thread-safety: any thread.
#pragma once

#include <chrono>

#include "broker/kafka/handle.hpp"

namespace outbox::broker::kafka {

/// Destroys `handle` on a thread of its own. What belongs to the handle (topics, queues) may be
/// given back by the caller before or after. At the end of the process its threads are waited for,
/// for at most two seconds.
void reap(rd_kafka_t* handle) noexcept;

/// Waits until all handles given to reap() are gone; false where that took longer than `timeout`.
[[nodiscard]] bool reaped_all(std::chrono::milliseconds timeout);

}  // namespace outbox::broker::kafka
