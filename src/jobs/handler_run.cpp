// SPDX-License-Identifier: Apache-2.0
#include "jobs/handler_run.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "jobs/row_event.hpp"

namespace outbox::jobs {

namespace {

class RunningCall : public std::enable_shared_from_this<RunningCall> {
 public:
  explicit RunningCall(HandlerRun run) : run_(std::move(run)) {}

  void execute(const std::stop_token& stop) {
    if (run_.lost.stop_requested() || !run_.board->begin(run_.number, run_.line)) {
      post(CallEnd::not_called, {});
      return;
    }
    const auto request = [this] { stop_.request_stop(); };
    const std::stop_callback at_timeout(stop, request);
    const std::stop_callback when_lost(run_.lost, request);
    CallEnd end = CallEnd::done;
    std::string reason;
    try {
      call();
    } catch (const Error& error) {
      end = error.kind() == ErrorKind::unreachable ? CallEnd::blameless : CallEnd::failed;
      reason = error.what();
    } catch (...) {  // thread entry: somebody else's code ends here
      end = CallEnd::failed;
      reason = reason_of(std::current_exception());
    }
    post(end, std::move(reason));
  }

  void time_out() {
    if (answered_.exchange(true)) return;
    run_.board->post(
        {.call = run_.number,
         .end = CallEnd::timed_out,
         .reason = fmt::format("its handler took longer than {} ms", run_.timeout.count())},
        run_.line);
  }

 private:
  void call() {
    event_.emplace(run_.row, run_.memory, run_.outbox_id, run_.has_version);
    context_.domain = run_.domain;
    context_.fencing_number = run_.fencing;
    context_.row_id = event_->row_id();
    context_.stop = stop_.get_token();
    // Weakly would not do: a coroutine may outlive this call.
    HandlerCall::prepare(context_, shared_from_this(), run_.ending);
    try {
      (*run_.handler)(event_->event(), context_);
    } catch (...) {
      HandlerCall::prepare(context_, nullptr, std::stop_token());
      throw;
    }
    HandlerCall::prepare(context_, nullptr, std::stop_token());
  }

  void post(CallEnd end, std::string reason) {
    if (answered_.exchange(true)) end = CallEnd::late;
    const bool handled = end == CallEnd::done;
    const bool heard =
        run_.board->post({.call = run_.number, .end = end, .reason = std::move(reason)}, run_.line);
    if (handled && !heard) ++*run_.unsettled;
  }

  const HandlerRun run_;
  std::optional<RowEvent> event_;
  HandlerContext context_;
  std::stop_source stop_;
  std::atomic<bool> answered_ = false;
};

}  // namespace

Work work_of(HandlerRun run) {
  std::string line = run.line;
  const auto call = std::make_shared<RunningCall>(std::move(run));
  return {.key = std::move(line),
          .run = [call](const std::stop_token& stop) { call->execute(stop); },
          .on_timeout = [call] { call->time_out(); }};
}

}  // namespace outbox::jobs
