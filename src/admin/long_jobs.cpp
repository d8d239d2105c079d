// SPDX-License-Identifier: Apache-2.0
#include "admin/long_jobs.hpp"

#include <algorithm>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>
#include <outbox/uuid.hpp>

#include "core/clock.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t id_characters = 8;

enum class JobState : std::uint8_t { running, done, cancelled, failed };

const char* word_of(JobState state) {
  switch (state) {
    case JobState::running:
      return "running";
    case JobState::done:
      return "done";
    case JobState::cancelled:
      return "cancelled";
    case JobState::failed:
      break;
  }
  return "failed";
}

struct Job {
  std::string id;
  NewJob order;
  JobState state = JobState::running;
  Progress progress;
  std::int64_t started_at_us = 0;
  std::optional<std::int64_t> ended_at_us;
  std::string error;
  Json result;
  std::jthread thread;
};

Json to_json(const Job& job) {
  const Progress& progress = job.progress;
  return {{"id", job.id},
          {"action", job.order.action},
          {"state", word_of(job.state)},
          {"total", progress.total ? Json(*progress.total) : Json()},
          {"done", progress.done},
          {"failed", progress.failed},
          {"skipped", progress.skipped},
          {"skip_reasons", reasons_json(progress.skip_reasons)},
          {"unconfirmed", progress.unconfirmed},
          {"started_at", time_json(job.started_at_us)},
          {"ended_at", time_json(job.ended_at_us)},
          {"who", text_json(job.order.actor.who)},
          {"reason", text_json(job.order.reason)},
          {"error", text_or_null(job.error)},
          {"result", job.result}};
}

}  // namespace

class LongJobs::Parts {
 public:
  Parts(std::size_t running_max, std::size_t remembered_max)
      : running_max_(running_max), remembered_max_(remembered_max) {}

  ~Parts() {
    std::deque<std::shared_ptr<Job>> jobs;
    {
      const std::lock_guard lock(mutex_);
      jobs.swap(jobs_);
    }
    for (const auto& job : jobs)
      job->thread.request_stop();
    // Joined here, while what they lock is still there.
    for (const auto& job : jobs)
      if (job->thread.joinable()) job->thread.join();
  }

  Json start(NewJob order) {
    const std::lock_guard lock(mutex_);
    const auto running =
        std::ranges::count(jobs_, JobState::running, [](const auto& job) { return job->state; });
    if (static_cast<std::size_t>(running) >= running_max_) {
      throw Error(ErrorKind::conflict, fmt::format("{} jobs are running already", running),
                  "wait until one has ended, or cancel one");
    }
    forget_old();
    const auto job = std::make_shared<Job>();
    do {
      job->id = to_string(random_uuid()).substr(0, id_characters);
    } while (find(job->id) != nullptr);
    job->order = std::move(order);
    job->started_at_us = wall_clock_us();
    jobs_.push_front(job);
    job->thread =
        std::jthread([this, one = job.get()](const std::stop_token& stop) { run(*one, stop); });
    return to_json(*job);
  }

  Json list() const {
    const std::lock_guard lock(mutex_);
    Json items = Json::array();
    for (const auto& job : jobs_)
      items.push_back(to_json(*job));
    return {{"items", std::move(items)}};
  }

  Json show(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return to_json(known(id));
  }

  Json cancel(const std::string& id) {
    const std::lock_guard lock(mutex_);
    Job& job = known(id);
    if (job.state != JobState::running) {
      throw Error(ErrorKind::conflict, fmt::format("job {} has ended", job.id));
    }
    job.thread.request_stop();
    return to_json(job);
  }

 private:
  void run(Job& job, const std::stop_token& stop) {
    Running running{stop, {}, {}, false};
    running.report = [this, &job](const Progress& progress) {
      const std::lock_guard lock(mutex_);
      job.progress = progress;
    };
    std::string error;
    Json result;
    bool failed = true;
    try {
      result = job.order.work(running);
      failed = false;
    } catch (const std::exception& exception) {
      error = exception.what();
    } catch (...) {  // Thread entry: a job must not end the program.
      error = "it ended with something that is no error of ours";
    }
    const std::lock_guard lock(mutex_);
    job.result = std::move(result);
    job.error = std::move(error);
    job.state = failed                  ? JobState::failed
                : stop.stop_requested() ? JobState::cancelled
                                        : JobState::done;
    job.ended_at_us = wall_clock_us();
    // What it held of others goes with its end, not when it is forgotten.
    job.order.work = nullptr;
  }

  void forget_old() {
    for (std::size_t i = jobs_.size(); i-- > 0 && jobs_.size() >= remembered_max_;) {
      // Its thread is past its last lock: joining waits for a few instructions.
      if (jobs_[i]->state != JobState::running) {
        jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }

  [[nodiscard]] Job* find(const std::string& id) const {
    const auto found = std::ranges::find(jobs_, id, [](const auto& job) { return job->id; });
    return found == jobs_.end() ? nullptr : found->get();
  }

  [[nodiscard]] Job& known(const std::string& id) const {
    Job* const job = find(id);
    if (job != nullptr) return *job;
    throw Error(ErrorKind::not_found, fmt::format("there is no job '{}'", clean_utf8(id)),
                "a process remembers its own, and the last 200 of them");
  }

  const std::size_t running_max_;
  const std::size_t remembered_max_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<Job>> jobs_;  ///< The newest first.
};

LongJobs::LongJobs(std::size_t running_max, std::size_t remembered_max)
    : parts_(std::make_unique<Parts>(running_max, remembered_max)) {}

LongJobs::~LongJobs() = default;

Json LongJobs::start(NewJob job) {
  return parts_->start(std::move(job));
}

Json LongJobs::list() const {
  return parts_->list();
}

Json LongJobs::show(const std::string& id) const {
  return parts_->show(id);
}

Json LongJobs::cancel(const std::string& id) {
  return parts_->cancel(id);
}

}  // namespace outbox::admin
