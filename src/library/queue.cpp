// SPDX-License-Identifier: Apache-2.0
#include <outbox/queue.hpp>

#include <atomic>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "core/log.hpp"
#include "jobs/work_queue.hpp"
#include "library/connections.hpp"

namespace outbox {

class QueueService::Parts {
 public:
  explicit Parts(QueueOptions given)
      : options(checked(std::move(given))),
        log(library::log_level_of(options.log_level, "QueueOptions::log_level")),
        queue(queue_options()) {}

  ~Parts() {
    queue.close();
    if (queue.drain(options.drain_timeout)) return;
    const std::size_t dropped = queue.drop_waiting();
    queue.request_stop();
    log.warn("a queue was not drained in time",
             {{"queue", options.name}, {"dropped", dropped}, {"running", queue.counts().running}});
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  static QueueOptions checked(QueueOptions options) {
    const auto require = [](bool holds, const std::string& what) {
      if (!holds) throw Error(ErrorKind::configuration, "QueueOptions::" + what);
    };
    require(options.workers >= 1, "workers is below 1");
    require(options.length_max >= 1, "length_max is 0");
    require(options.time_limit.count() >= 0, "time_limit is below zero");
    require(options.stuck_max >= 0, "stuck_max is below zero");
    require(options.drain_timeout.count() >= 0, "drain_timeout is below zero");
    return options;
  }

  [[nodiscard]] jobs::WorkQueueOptions queue_options() {
    return {.workers = options.workers,
            .length_max = options.length_max,
            .time_limit = options.time_limit,
            .stuck_max = options.stuck_max,
            .on_error = [this](const std::string& key, const std::string& reason) {
              log.error("a piece of work failed",
                        {{"queue", options.name}, {"key", key}, {"error", reason}});
            }};
  }

  bool push(std::string key, Work work, std::chrono::milliseconds wait) {
    if (!work) throw Error(ErrorKind::usage, "push(): the work is an empty function");
    return queue.push({.key = key,
                       .run = std::move(work),
                       .on_timeout =
                           [this, key] {
                             log.error("a piece of work takes too long and is left behind",
                                       {{"queue", options.name},
                                        {"key", key},
                                        {"limit_ms", options.time_limit.count()}});
                           }},
                      wait);
  }

  const QueueOptions options;
  Logger log;
  std::atomic<bool> closed = false;
  jobs::WorkQueue queue;
};

QueueService::QueueService(QueueOptions options)
    : parts_(std::make_unique<Parts>(std::move(options))) {}

QueueService::~QueueService() = default;

bool QueueService::try_push(std::string key, Work work) {
  return parts_->push(std::move(key), std::move(work), std::chrono::milliseconds(0));
}

void QueueService::push(std::string key, Work work, std::chrono::milliseconds timeout) {
  if (parts_->push(std::move(key), std::move(work), timeout)) return;
  if (parts_->closed) {
    throw Error(ErrorKind::usage, "push(): the queue " + parts_->options.name + " is closed");
  }
  throw Error(ErrorKind::conflict,
              fmt::format("the queue {} was full ({} pieces) for {} ms", parts_->options.name,
                          parts_->options.length_max, timeout.count()),
              "slow down, raise QueueOptions::workers, or let it hold more (length_max)");
}

void QueueService::close() {
  parts_->closed = true;
  parts_->queue.close();
}

bool QueueService::drain(std::chrono::milliseconds timeout) {
  return parts_->queue.drain(timeout);
}

QueueCounters QueueService::counters() const {
  const jobs::WorkQueueCounts now = parts_->queue.counts();
  return {now.accepted,
          now.rejected,
          now.done,
          now.failed,
          now.timed_out,
          static_cast<std::int64_t>(now.waiting),
          static_cast<std::int64_t>(now.running)};
}

}  // namespace outbox
