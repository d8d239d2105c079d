// SPDX-License-Identifier: Apache-2.0
//
// One thread that owns the connections to one server and answers questions in turn, for askers who
// will not wait for ever.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <outbox/error.hpp>

#include "core/clock.hpp"

namespace outbox::admin {

/// In the errors of questions that were given up before they were asked: they never will be.
inline constexpr const char* not_asked = " is busy with another question, it was not asked";

enum class QuestionStage : std::uint8_t { waiting, asked, given_up };

/// An answer that is under way.
template <class Result>
class PendingAnswer {
 public:
  PendingAnswer(std::future<Result> future, std::string whom,
                std::shared_ptr<std::atomic<QuestionStage>> stage)
      : future_(std::move(future)), whom_(std::move(whom)), stage_(std::move(stage)) {}

  /// Whether wait_until() need not wait; waits for that itself up to `deadline`.
  [[nodiscard]] bool is_there_by(Moment deadline) const {
    const Duration left = std::max(deadline - BootClock::now(), Duration::zero());
    return future_.wait_for(left) == std::future_status::ready;
  }

  /// Throws what the question threw, and Error(unreachable) after the deadline. A question that has
  /// not been asked by then is forgotten; one that is being asked may yet do what it is to do.
  Result wait_until(Moment deadline) {
    if (is_there_by(deadline)) return future_.get();
    QuestionStage stage = QuestionStage::waiting;
    if (stage_->compare_exchange_strong(stage, QuestionStage::given_up)) {
      throw Error(ErrorKind::unreachable, whom_ + not_asked, "try again in a while");
    }
    throw Error(ErrorKind::unreachable, whom_ + " does not answer",
                "check that it runs and can be reached; a change may yet be carried out, so look "
                "before you try again");
  }

 private:
  std::future<Result> future_;
  std::string whom_;
  std::shared_ptr<std::atomic<QuestionStage>> stage_;
};

template <class Seams>
class Desk {
 public:
  /// `whom` is the subject of errors: `store shop`.
  Desk(std::string whom, Seams seams) : whom_(std::move(whom)), seams_(std::move(seams)) {}

  template <class Result>
  PendingAnswer<Result> begin(std::function<Result(Seams&)> question) {
    auto task = std::make_shared<std::packaged_task<Result(Seams&)>>(std::move(question));
    auto stage = std::make_shared<std::atomic<QuestionStage>>(QuestionStage::waiting);
    PendingAnswer<Result> answer(task->get_future(), whom_, stage);
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= waiting_max) {
        throw Error(ErrorKind::unreachable, whom_ + " does not keep up with the questions",
                    "try again in a while");
      }
      waiting_.push_back([task, stage](Seams& seams) {
        QuestionStage now = QuestionStage::waiting;
        if (stage->compare_exchange_strong(now, QuestionStage::asked)) (*task)(seams);
      });
      // Begun by the first question: of a hundred stores a command may ask one.
      if (!thread_.joinable()) {
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
      }
    }
    changed_.notify_one();
    return answer;
  }

  template <class Result>
  Result ask(std::chrono::milliseconds timeout, std::function<Result(Seams&)> question) {
    return begin<Result>(std::move(question)).wait_until(BootClock::now() + timeout);
  }

 private:
  static constexpr std::size_t waiting_max = 64;
  static constexpr std::chrono::seconds idle_max{30};

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      const bool has_work =
          changed_.wait_for(lock, stop, idle_max, [this] { return !waiting_.empty(); });
      std::function<void(Seams&)> question;
      if (has_work) {
        question = std::move(waiting_.front());
        waiting_.pop_front();
      }
      lock.unlock();
      if (question) {
        question(seams_);  // What it throws is in its future.
      } else {
        seams_.close();
      }
      lock.lock();
    }
  }

  const std::string whom_;
  Seams seams_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void(Seams&)>> waiting_;
  std::jthread thread_;
};

}  // namespace outbox::admin
