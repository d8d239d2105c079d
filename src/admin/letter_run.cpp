// SPDX-License-Identifier: Apache-2.0
#include "admin/letter_run.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/letter_edit.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t rows_per_chunk = 500;
constexpr std::size_t failures_told = 100;
constexpr std::size_t blocked_keys_max = 100'000;
constexpr std::size_t patched_payload_max = 4U << 20U;
constexpr std::int64_t claim_stale_after_ms = 300'000;
constexpr std::chrono::seconds page_patience{30};
// An order to stop is heard in between.
constexpr std::chrono::seconds portion_patience{1};
constexpr std::size_t skip_reasons_max = 20;
constexpr int unanswered_max = 3;

LetterDepth depth_of(const LetterOrder& order) {
  // Rows keep their payload where they stand; who changes it must see it, and the log does.
  const bool changes_payload = order.edit.merge_patch || order.edit.payload;
  return {changes_payload ? patched_payload_max : 0, order.action == LetterAction::replay};
}

}  // namespace

LetterRun::LetterRun(const Site& site, const LetterOrder& order, const Actor& actor,
                     const Running& running)
    : site_(site),
      order_(order),
      actor_(actor),
      running_(running),
      access_(site),
      pace_(order.letters_per_second, BootClock::now()) {
  progress_.total = order_.total;
}

Json LetterRun::run() {
  try {
    run_all();
  } catch (const std::exception&) {
    // What was done is told before what went wrong.
    try {
      write_ledgers();
    } catch (const Error&) {
      // The store is what went wrong.
    }
    throw;
  }
  write_ledgers();
  return {{"total", progress_.total ? Json(*progress_.total) : Json()},
          {"done", progress_.done},
          {"failed", progress_.failed},
          {"missing", missing_},
          {"skipped", progress_.skipped},
          {"skip_reasons", reasons_json(progress_.skip_reasons)},
          {"unconfirmed", progress_.unconfirmed},
          {"stopped", running_.stop.stop_requested()},
          {"failures", failures_}};
}

void LetterRun::run_all() {
  LetterFeed feed(site_, access_, order_.choice, depth_of(order_), running_.stop);
  LetterFeed::Portion portion;
  bool is_more = true;
  std::string position;
  Moment moved_at = BootClock::now();
  while (is_more && may_go_on()) {
    is_more = feed.next(portion, BootClock::now() + portion_patience);
    std::string reached = feed.position();
    if (reached != position) moved_at = BootClock::now();
    position = std::move(reached);
    if (is_more && portion.letters.empty() && BootClock::now() - moved_at >= page_patience) {
      throw Error(
          ErrorKind::unreachable,
          fmt::format("{} are done, the rest of the dead letters does not come", progress_.done),
          "check that the brokers run, then run it again; what is done stays done");
    }
    for (const LetterFeed::Missing& one : portion.missing) {
      if (one.is_settled) {
        count_skipped(one.id, one.reason);
      } else {
        ++missing_;
        count_failed(one.id, one.reason);
      }
    }
    take(portion.letters);
    if (running_.report) running_.report(progress_);
    if (!portion.letters.empty()) moved_at = BootClock::now();
  }
  if (feed.errors().empty() || !may_go_on()) return;
  const Json& first = feed.errors().front();
  const Json& where = first.contains("store") ? first["store"] : first["topic"];
  throw Error(ErrorKind::unreachable,
              fmt::format("{} are done, but {} could not be read: {}", progress_.done,
                          where.get<std::string>(), first["error"].get<std::string>()),
              "run it again for the rest; what is done stays done");
}

// Runs of letters of one store or one topic, in their order.
void LetterRun::take(Letters letters) {
  while (!letters.empty() && may_go_on()) {
    const Letter& first = letters.front();
    const bool are_rows = first.source == LetterSource::relay;
    const std::size_t most = room(pace_.portion(are_rows ? rows_per_chunk : 1));
    std::size_t count = 1;
    while (count < letters.size() && count < most && letters[count].source == first.source &&
           letters[count].store == first.store) {
      ++count;
    }
    const Moment now = BootClock::now();
    Moment begin = pace_.take(count, now);
    if (order_.shared != nullptr) begin = std::max(begin, order_.shared->take(count, now));
    if (!wait_until(begin)) return;
    if (are_rows) {
      take_rows(letters.first(count));
    } else {
      take_messages(letters.first(count));
    }
    letters = letters.subspan(count);
    if (running_.report) running_.report(progress_);
  }
}

void LetterRun::take_rows(Letters letters) {
  const StoreSite& site = site_.store(letters.front().store);
  begin_ledger(site.name);
  const std::vector<RowId> rows = edited_rows(letters, site);
  if (rows.empty()) return;
  const Acted acted = act_on(rows, site);
  const std::set<RowId> asked(rows.begin(), rows.end());
  for (const Letter& letter : letters) {
    if (!asked.contains(letter.row.row)) continue;
    if (acted.done.contains(letter.row.row)) {
      count_done(letter);
    } else if (acted.unconfirmed.contains(letter.row.row)) {
      count_unconfirmed(letter.id, letter.store);
    } else {
      count_skipped(letter.id, "it is no longer dead: somebody else was there first");
    }
  }
  write_ledger(site.name, 1'000);
}

/// Those that may go on, edited where an edit is wanted.
std::vector<RowId> LetterRun::edited_rows(Letters letters, const StoreSite& site) {
  std::vector<RowId> rows;
  for (const Letter& letter : letters) {
    if (is_blocked(letter)) {
      count_skipped(letter.id, "an earlier one of its key failed, which it must not overtake");
      continue;
    }
    if (order_.edit.empty()) {
      rows.push_back(letter.row.row);
      continue;
    }
    bool is_there = false;
    const std::string refused = edit_one(letter, site, is_there);
    if (!refused.empty()) {
      count_failed(letter.id, refused);
      block(letter);
    } else if (is_there) {
      rows.push_back(letter.row.row);
    } else {
      count_skipped(letter.id, "it is no longer dead: somebody else was there first");
    }
  }
  return rows;
}

/// Why it cannot be edited; empty: it was, where it was still there.
std::string LetterRun::edit_one(const Letter& letter, const StoreSite& site, bool& is_there) {
  const auto outcome = edit_row(order_.edit, letter.row);
  if (!outcome.fault.empty()) return outcome.fault;
  note_edit(letter, change_json(order_.edit, letter.row, outcome.edited));
  std::string refused;
  persist([&] {
    try {
      is_there = access_.seams(site).dead_rows().edit(letter.row.row, outcome.edited);
    } catch (const Error& error) {
      // The database does not take this value; others it may take.
      if (error.kind() != ErrorKind::failed) throw;
      refused = error.what();
    }
  });
  if (!refused.empty()) note_refused_edit(letter, refused);
  return refused;
}

LetterRun::Acted LetterRun::act_on(const std::vector<RowId>& rows, const StoreSite& site) {
  Acted acted;
  bool doubtful = false;
  const auto act = [&] {
    try {
      store::DeadRows& dead = access_.seams(site).dead_rows();
      const std::vector<RowId> done = order_.action == LetterAction::replay
                                          ? dead.replay(rows)
                                          : dead.discard(rows, actor_.who, order_.reason);
      acted.done.insert(done.begin(), done.end());
    } catch (const Error& error) {
      doubtful = doubtful || error.in_doubt();
      throw;
    }
  };
  try {
    persist(act);
  } catch (const Error&) {
    for (const RowId& row : rows) {
      if (doubtful) count_unconfirmed(id_text(site.name, row), site.name);
    }
    throw;
  }
  if (!doubtful) return acted;
  // Those that are no longer dead were most likely taken by the call whose answer was lost.
  for (const RowId& row : rows) {
    if (!acted.done.contains(row)) acted.unconfirmed.insert(row);
  }
  return acted;
}

void LetterRun::take_messages(Letters letters) {
  for (const Letter& letter : letters) {
    if (!may_go_on()) return;
    if (is_blocked(letter)) {
      count_skipped(letter.id, "an earlier one of its key failed, which it must not overtake");
      continue;
    }
    if (!letter.store.empty()) begin_ledger(letter.store);
    forget_overtaken(letter);
    if (!claim(letter)) continue;
    if (order_.action == LetterAction::discard) {
      settle(letter, store::LetterState::discarded);
      count_done(letter);
    } else {
      send(letter);
    }
    if (!letter.store.empty()) write_ledger(letter.store, 1'000);
  }
}

/// Without a store there are no marks, and nobody else to be told from.
bool LetterRun::claim(const Letter& letter) {
  if (letter.store.empty()) return true;
  const StoreSite& site = site_.store(letter.store);
  const store::LetterPlace place = place_of(letter.message);
  bool is_ours = false;
  persist([&] {
    const auto claimed = access_.seams(site).letter_marks().claim(std::vector{place}, actor_.who,
                                                                  claim_stale_after_ms);
    is_ours = !claimed.empty() && claimed.front();
  });
  if (is_ours) return true;
  std::vector<store::LetterMark> marks;
  persist([&] { marks = access_.marks(site, place, 1); });
  const bool is_settled = !marks.empty() && marks.front().place.is_of(place) &&
                          marks.front().state != store::LetterState::replaying;
  if (is_settled) {
    count_skipped(letter.id, "it was replayed or discarded already");
  } else {
    // How that ends is not known yet, and later ones of its key must not overtake it.
    count_skipped(letter.id, "somebody else is replaying it");
    block(letter);
  }
  return false;
}

void LetterRun::send(const Letter& letter) {
  const auto fail = [&](const std::string& reason) {
    forget(letter);
    count_failed(letter.id, reason);
    block(letter);
  };
  auto outcome = edit_message(order_.edit, letter.message);
  if (!outcome.fault.empty()) return fail(outcome.fault);
  if (sender_ == nullptr) {
    if (site_.letter_sender) sender_ = site_.letter_sender();
    if (sender_ == nullptr) return fail("nothing here can send messages");
  }
  if (!order_.edit.empty()) {
    note_edit(letter, change_json(order_.edit, letter.message, outcome.edited));
  }
  const std::optional<Failure> failure = sender_->send_back(outcome.edited, running_.stop);
  if (!failure) {
    unreachable_ = 0;
    settle(letter, store::LetterState::replayed);
    count_done(letter);
    return;
  }
  fail(failure->reason);
  unreachable_ = failure->kind == FailureKind::retry_connection ? unreachable_ + 1 : 0;
  if (unreachable_ >= unanswered_max && may_go_on()) {
    throw Error(ErrorKind::unreachable,
                fmt::format("{} are replayed, then the brokers stayed away: {}", progress_.done,
                            failure->reason),
                "run it again for the rest; what is done stays done");
  }
}

void LetterRun::settle(const Letter& letter, store::LetterState state) {
  if (letter.store.empty()) return;
  const store::LetterMark mark{place_of(letter.message), state, actor_.who, order_.reason, 0};
  persist(
      [&] { access_.seams(site_.store(letter.store)).letter_marks().settle(std::vector{mark}); });
}

void LetterRun::forget(const Letter& letter) {
  if (letter.store.empty()) return;
  const store::LetterPlace place = place_of(letter.message);
  persist(
      [&] { access_.seams(site_.store(letter.store)).letter_marks().forget(std::vector{place}); });
}

// Marks of letters that the topic itself no longer holds would only grow in number.
void LetterRun::forget_overtaken(const Letter& letter) {
  const std::string& topic = letter.message.topic;
  if (letter.store.empty() || !swept_.insert(letter.store + "\n" + topic).second) return;
  const std::vector<broker::PartitionRange> ranges = access_.ranges(topic);
  const StoreSite& site = site_.store(letter.store);
  persist([&] {
    for (const broker::PartitionRange& range : ranges) {
      if (range.first == 0) continue;
      access_.seams(site).letter_marks().forget_before({topic, range.partition, range.first, 0});
    }
  });
}

bool LetterRun::may_go_on() const {
  return !running_.stop.stop_requested() && room(1) > 0;
}

/// How many may still be taken, at most `most`.
std::size_t LetterRun::room(std::size_t most) const {
  if (!order_.choice.letters_max) return most;
  const std::int64_t left =
      *order_.choice.letters_max - progress_.done - progress_.failed - progress_.unconfirmed;
  return std::min(most, static_cast<std::size_t>(std::max<std::int64_t>(left, 0)));
}

/// False: a stop came first.
bool LetterRun::wait_until(Moment when) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!running_.stop.stop_requested()) {
    const Duration left = when - BootClock::now();
    if (left <= Duration::zero()) return true;
    never.wait_for(lock, running_.stop, left, [] { return false; });
  }
  return false;
}

void LetterRun::count_done(const Letter& letter) {
  ++progress_.done;
  if (!letter.store.empty()) ledgers_[letter.store].done.push_back(letter.id);
  if (running_.tells_all) tell("done", letter.id, {});
}

void LetterRun::count_failed(const std::string& id, const std::string& reason) {
  ++progress_.failed;
  if (failures_.size() < failures_told) {
    failures_.push_back({{"id", text_json(id)}, {"reason", text_json(reason)}});
  }
  tell("failed", id, reason);
}

void LetterRun::count_skipped(const std::string& id, const std::string& reason) {
  ++progress_.skipped;
  auto& reasons = progress_.skip_reasons;
  const bool has_room = reasons.size() < skip_reasons_max || reasons.contains(reason);
  ++reasons[has_room ? reason : "another reason"];
  tell("skipped", id, reason);
}

void LetterRun::count_unconfirmed(const std::string& id, const std::string& store) {
  ++progress_.unconfirmed;
  ledgers_[store].unconfirmed.push_back(id);
  tell("unconfirmed", id,
       "the database's answer was lost: most likely it was done; `outboxd events trace` shows it");
}

void LetterRun::tell(const char* result, const std::string& id, const std::string& reason) {
  if (!running_.tell) return;
  running_.tell({{"id", text_json(id)}, {"result", result}, {"reason", text_or_null(reason)}});
}

void LetterRun::block(const Letter& letter) {
  if (!letter.key || order_.action == LetterAction::discard) return;
  blocked_keys_.insert(fmt::format("{}\n{}\n{}", letter.store, letter.topic, *letter.key));
  if (blocked_keys_.size() > blocked_keys_max) {
    throw Error(ErrorKind::failed,
                fmt::format("letters of more than {} keys failed", blocked_keys_max),
                "look at the failures, then choose fewer letters");
  }
}

bool LetterRun::is_blocked(const Letter& letter) const {
  if (!letter.key || blocked_keys_.empty()) return false;
  return blocked_keys_.contains(fmt::format("{}\n{}\n{}", letter.store, letter.topic, *letter.key));
}

}  // namespace outbox::admin
