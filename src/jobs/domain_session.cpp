// SPDX-License-Identifier: Apache-2.0
#include "jobs/domain_session.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "jobs/handler_run.hpp"

namespace outbox::jobs {

namespace {

constexpr std::size_t troubles_max = 10'000;
constexpr std::size_t kept_routes_max = 1'000;
constexpr std::chrono::milliseconds pause_while_away{500};
constexpr std::chrono::milliseconds look_at_stuck{200};
constexpr std::chrono::seconds repeat_log{10};

// By what a row's turn is ordered: its key, or itself where it has none.
std::string line_of(const OutboxRow& row) {
  return row.key_is_null ? "r" + to_string(row.id) : "k" + std::string(row.key);
}

}  // namespace

DomainSession::DomainSession(const store::Home& home, Borrowed borrowed,
                             const DeliveryOptions& options)
    : options_(options),
      to_(borrowed),
      capture_(home.capture()),
      settlement_(home.settlement()),
      generator_(random_uuid().bytes[0] + std::uint64_t{256} * random_uuid().bytes[1]) {}

// What still runs, where the session ends by an error, is heard no more.
DomainSession::~DomainSession() {
  board_->abandon();
}

bool DomainSession::work(const std::stop_token& stop, std::optional<std::size_t> pass_limit,
                         const std::function<bool(bool idle)>& others_wanted) {
  pass_left_ = pass_limit;
  bool stopping = false;
  while (to_.hold.stands()) {
    const bool nothing_to_do = reached_end_ && nothing_in_hand();
    if (!stopping && (stop.stop_requested() || others_wanted(nothing_to_do))) {
      stopping = true;
      board_->close();
      forget_unbegun();
    }
    // Whoever stops waits for what runs alone; the token would wake him for nothing.
    const bool read_now =
        !stopping && BootClock::now() >= std::max(read_at_, not_before_) && room_to_read();
    const auto pause = read_now ? Duration(0) : Duration(options_.polling_interval);
    for (const CallReport& report : board_->take(pause, stopping ? std::stop_token() : stop))
      note(report);
    if (!to_.hold.stands()) break;  // The store would refuse it where a successor works already.
    if (BootClock::now() >= not_before_) settle();
    const bool idle = nothing_in_hand();
    if (idle && (stopping || (pass_left_ && reached_end_))) return true;
    if (!stopping && BootClock::now() >= std::max(read_at_, not_before_) && room_to_read()) read();
  }
  to_.counts.unsettled +=
      board_->abandon() + static_cast<std::int64_t>(published_.size() + changes_.size());
  return false;
}

// What waits in the queue may do so for long, behind a call that is stuck; it is not waited for.
void DomainSession::forget_unbegun() {
  std::erase_if(calls_, [&](const auto& entry) { return !board_->has_begun(entry.first); });
}

bool DomainSession::nothing_to_settle() const {
  return published_.empty() && changes_.empty() && keys_.empty();
}

bool DomainSession::nothing_in_hand() const {
  return calls_.empty() && nothing_to_settle();
}

bool DomainSession::room_to_read() {
  // A pass looks for a last time when all it took is done with: only then is nothing in the way.
  if (pass_left_ && *pass_left_ == 0) {
    reached_end_ = true;
    return false;
  }
  return calls_.size() < options_.batch_size;
}

void DomainSession::read() {
  learn_keys();
  open_keys();
  const bool last_look = nothing_in_hand();
  const store::ReadRequest asked = request();
  read_at_ = BootClock::now() + options_.polling_interval;
  const bool crowded = troubles_.size() >= troubles_max;
  if (leases_.empty() || (crowded && asked.only_keys.empty())) {
    reached_end_ = last_look;
    return;
  }
  RowBatch batch;
  try {
    batch = capture_->read(asked);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unreachable) throw;
    away("reading events", error);
    return;
  }
  bool taken = !batch.rows.empty();
  std::size_t rows = 0;
  for (const OutboxRow& row : batch.rows) {
    taken = take_row(batch, row);
    // A later row of the refused one's key must not get in before it.
    if (!taken) break;
    ++rows;
  }
  if (pass_left_) *pass_left_ -= std::min(*pass_left_, rows);
  reached_end_ = last_look && batch.rows.empty();
  // Where the queue is full of what is stuck in it, reading on would only turn in a circle.
  if (taken) read_at_ = BootClock::now();
}

store::ReadRequest DomainSession::request() {
  leases_ = to_.hold.leases();
  in_flight_.clear();
  for (const auto& [number, call] : calls_)
    in_flight_.push_back(call.row);
  for (const store::PublishedRow& row : published_)
    in_flight_.push_back(row.id);
  for (const store::RowChange& change : changes_)
    in_flight_.push_back(change.id);
  blocked_.clear();
  std::vector<std::string> ready;
  for (const auto& [line, trouble] : troubles_) {
    if (!trouble.has_key && trouble.closed) in_flight_.push_back(trouble.head);
    if (trouble.has_key) (trouble.closed ? blocked_ : ready).push_back(line.substr(1));
  }
  only_.clear();
  if (troubles_.size() >= troubles_max) only_ = std::move(ready);
  routes_.assign(kept_routes_.begin(), kept_routes_.end());
  store::ReadRequest request;
  request.leases = leases_;
  request.in_flight = in_flight_;
  request.blocked_keys = blocked_;
  request.only_keys = only_;
  request.held_routes = routes_;
  // What is skipped here is not kept account of, so that every read begins at the first row.
  request.rescan = true;
  request.rows_max = 2 * options_.batch_size - calls_.size();
  if (pass_left_) request.rows_max = std::min(request.rows_max, *pass_left_);
  return request;
}

void DomainSession::learn_keys() {
  for (const store::KeyState& state : to_.hold.take_keys()) {
    Trouble trouble;
    trouble.attempts = state.attempts;
    trouble.blocked_until =
        BootClock::now() + std::max(state.blocked_for, std::chrono::milliseconds(0));
    trouble.head = state.head;
    trouble.stored = true;
    troubles_.insert_or_assign("k" + state.key, trouble);
    board_->close_key("k" + state.key);
  }
}

void DomainSession::open_keys() {
  const Moment now = BootClock::now();
  for (auto entry = troubles_.begin(); entry != troubles_.end();) {
    auto& [line, trouble] = *entry;
    const bool waits = now < trouble.blocked_until || !trouble.stuck.empty() ||
                       calls_by_line_.contains(line) || !nothing_to_settle();
    if (!trouble.closed || waits) {
      ++entry;
      continue;
    }
    trouble.closed = false;
    board_->open_key(line);
    const bool forget = trouble.over || !trouble.has_key;
    entry = forget ? troubles_.erase(entry) : std::next(entry);
  }
}

bool DomainSession::take_row(const RowBatch& batch, const OutboxRow& row) {
  auto handler = options_.find_handler(options_.domain, row.event_type);
  if (handler == nullptr) {
    leave_unhandled(row);
    return true;
  }
  const std::string line = line_of(row);
  if (!to_.queue.is_stuck(line)) return order(batch, row, std::move(handler));
  // A call that an earlier session gave up still runs: nobody is to wait behind it.
  Trouble& trouble = troubles_[line];
  trouble.closed = true;
  trouble.has_key = !row.key_is_null;
  if (trouble.head != row.id) trouble.attempts = 0;
  trouble.head = row.id;
  trouble.blocked_until = pass_left_ ? Moment::max() : BootClock::now() + look_at_stuck;
  board_->close_key(line);
  return true;
}

void DomainSession::leave_unhandled(const OutboxRow& row) {
  ++to_.counts.unhandled;
  const std::string type(row.event_type);
  std::uint64_t suppressed = 0;
  if (to_.logger.may_repeat("unhandled " + options_.domain + " " + type, repeat_log, suppressed)) {
    to_.logger.warn(
        "no handler is registered for an event",
        {{"domain", options_.domain}, {"event_type", type}, {"row", to_string(row.id)}});
  }
  switch (options_.unhandled) {
    case UnhandledEvents::publish:
      published_.push_back({row.id, row.slot});
      return;
    case UnhandledEvents::dead_letter:
      changes_.push_back(
          {.id = row.id,
           .slot = row.slot,
           .outcome = store::RowOutcome::dead,
           .reason = "no handler is registered for " + type + " in the domain " + options_.domain,
           .retry_after = {},
           .attempts_made = 0});
      return;
    case UnhandledEvents::keep:
      // The statement leaves them out from now on, so that they starve nobody.
      if (kept_routes_.size() >= kept_routes_max) kept_routes_.clear();
      kept_routes_.insert(
          {std::string(row.topic), std::string(row.aggregate_type), std::string(row.event_type)});
      return;
  }
}

bool DomainSession::order(const RowBatch& batch, const OutboxRow& row,
                          std::shared_ptr<const HandlerCall::Plain> handler) {
  const std::uint64_t number = ++last_call_;
  Call call{.row = row.id,
            .line = line_of(row),
            .key = std::string(row.key),
            .has_key = !row.key_is_null,
            .slot = row.slot,
            .retry_count = row.retry_count,
            .attempts_max = row.max_retries.value_or(options_.max_attempts),
            .what = fmt::format("row {} ({})", to_string(row.id), row.event_type)};
  HandlerRun run;
  run.number = number;
  run.line = call.line;
  run.domain = options_.domain;
  run.row = row;
  run.memory = batch.memory;
  run.outbox_id = to_.hold.outbox_id();
  run.has_version = options_.has_version;
  run.fencing = to_.hold.fencing();
  run.lost = to_.hold.lost_token();
  run.ending = options_.ending;
  run.timeout = options_.handler_timeout;
  run.board = board_;
  run.handler = std::move(handler);
  run.unsettled = &to_.counts.unsettled;
  ++calls_by_line_[call.line];
  Work work = work_of(std::move(run));
  const std::string line = call.line;
  calls_.emplace(number, std::move(call));
  if (to_.queue.push(std::move(work), std::chrono::milliseconds(0))) return true;
  board_->post({.call = number, .end = CallEnd::not_called, .reason = {}}, line);
  return false;
}

void DomainSession::note(const CallReport& report) {
  if (report.end == CallEnd::late) {
    const auto stuck = stuck_lines_.find(report.call);
    if (stuck == stuck_lines_.end()) return;
    const auto trouble = troubles_.find(stuck->second);
    if (trouble != troubles_.end()) trouble->second.stuck.erase(report.call);
    stuck_lines_.erase(stuck);
    return;
  }
  board_->forget(report.call);
  const auto found = calls_.find(report.call);
  if (found == calls_.end()) return;
  const Call call = std::move(found->second);
  calls_.erase(found);
  const auto line = calls_by_line_.find(call.line);
  if (--line->second == 0) calls_by_line_.erase(line);
  // One that was not called is read again.
  if (report.end == CallEnd::not_called) return;
  if (report.end == CallEnd::done) {
    note_success(call);
  } else {
    note_failure(call, report);
  }
}

void DomainSession::note_success(const Call& call) {
  published_.push_back({call.row, call.slot});
  const auto trouble = troubles_.find(call.line);
  if (trouble == troubles_.end() || trouble->second.closed) return;
  if (trouble->second.stored) {
    keys_.push_back({.key = call.key,
                     .topic = {},
                     .slot = call.slot,
                     .attempts = 0,
                     .blocked_for = {},
                     .head = call.row,
                     .reason = {}});
  }
  troubles_.erase(trouble);
}

void DomainSession::note_failure(const Call& call, const CallReport& report) {
  Trouble& trouble = troubles_[call.line];
  trouble.closed = true;
  trouble.has_key = call.has_key;
  if (trouble.head != call.row) trouble.attempts = 0;
  trouble.head = call.row;
  if (report.end == CallEnd::blameless) {
    ++trouble.outages;
    // A pass tries nothing twice, however long it takes.
    const auto delay = options_.backoff.delay(trouble.outages, random());
    trouble.blocked_until = pass_left_ ? Moment::max() : BootClock::now() + delay;
    to_.logger.warn("a handler could not reach what it needs; no attempt is counted",
                    {{"domain", options_.domain},
                     {"event", call.what},
                     {"again_in_ms", delay.count()},
                     {"error", report.reason}});
    return;
  }
  trouble.outages = 0;
  trouble.attempts = std::max(trouble.attempts, call.retry_count) + 1;
  if (report.end == CallEnd::timed_out) {
    ++to_.counts.timed_out;
    trouble.stuck.insert(report.call);
    stuck_lines_.emplace(report.call, call.line);
  }
  if (trouble.attempts >= call.attempts_max)
    give_up(call, trouble, report.reason);
  else
    try_again_later(call, trouble, report.reason);
}

void DomainSession::give_up(const Call& call, Trouble& trouble, const std::string& reason) {
  to_.logger.error("an event failed for the last time and is a dead letter",
                   {{"domain", options_.domain},
                    {"event", call.what},
                    {"attempts", trouble.attempts},
                    {"error", reason}});
  changes_.push_back({.id = call.row,
                      .slot = call.slot,
                      .outcome = store::RowOutcome::dead,
                      .reason = reason,
                      .retry_after = {},
                      .attempts_made = 1});
  if (trouble.stored) {
    keys_.push_back({.key = call.key,
                     .topic = {},
                     .slot = call.slot,
                     .attempts = 0,
                     .blocked_for = {},
                     .head = call.row,
                     .reason = {}});
  }
  trouble.blocked_until = BootClock::now();
  trouble.over = true;
}

void DomainSession::try_again_later(const Call& call, Trouble& trouble, const std::string& reason) {
  const auto delay = options_.backoff.delay(trouble.attempts, random());
  to_.logger.warn("an event failed and is tried again", {{"domain", options_.domain},
                                                         {"event", call.what},
                                                         {"attempt", trouble.attempts},
                                                         {"of", call.attempts_max},
                                                         {"again_in_ms", delay.count()},
                                                         {"error", reason}});
  changes_.push_back({.id = call.row,
                      .slot = call.slot,
                      .outcome = store::RowOutcome::retry,
                      .reason = reason,
                      .retry_after = delay,
                      .attempts_made = 1});
  // As above: a pass tries nothing twice.
  trouble.blocked_until = pass_left_ ? Moment::max() : BootClock::now() + delay;
  if (!call.has_key) return;
  keys_.push_back({.key = call.key,
                   .topic = {},
                   .slot = call.slot,
                   .attempts = trouble.attempts,
                   .blocked_for = delay,
                   .head = call.row,
                   .reason = reason});
  trouble.stored = true;
}

void DomainSession::settle() {
  if (nothing_to_settle()) return;
  leases_ = to_.hold.leases();
  store::SettleResult result;
  try {
    result = settlement_->settle(
        {.leases = leases_, .published = published_, .changes = changes_, .keys = keys_});
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unreachable) throw;
    away("writing down what became of events", error);
    return;
  }
  if (!result.lost_slots.empty()) {
    to_.hold.lose("settling was refused: a lease is another's");
    return;
  }
  count_settled();
  published_.clear();
  changes_.clear();
  keys_.clear();
}

void DomainSession::count_settled() {
  to_.counts.published += static_cast<std::int64_t>(published_.size());
  for (const store::RowChange& change : changes_)
    ++(change.outcome == store::RowOutcome::dead ? to_.counts.failed : to_.counts.retried);
}

void DomainSession::away(const char* doing, const Error& error) {
  not_before_ = BootClock::now() + pause_while_away;
  std::uint64_t suppressed = 0;
  if (to_.logger.may_repeat("away " + options_.domain, repeat_log, suppressed)) {
    to_.logger.warn("the database is away, trying again",
                    {{"domain", options_.domain}, {"doing", doing}, {"error", error.what()}});
  }
}

double DomainSession::random() {
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator_);
}

}  // namespace outbox::jobs
