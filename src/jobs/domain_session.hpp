// SPDX-License-Identifier: Apache-2.0
//
// The rows of one domain brought to their handlers, for as long as the domain is held.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include <outbox/handlers.hpp>

#include "core/backoff.hpp"
#include "jobs/board.hpp"
#include "jobs/domain_hold.hpp"
#include "jobs/row_event.hpp"
#include "jobs/work_queue.hpp"
#include "store/home.hpp"

namespace outbox::jobs {

/// The handler of an event; null where none is registered.
using FindHandler = std::function<std::shared_ptr<const HandlerCall::Plain>(
    std::string_view domain, std::string_view event_type)>;

struct DeliveryCounts {
  std::atomic<std::int64_t> published{0};
  std::atomic<std::int64_t> failed{0};
  std::atomic<std::int64_t> retried{0};
  std::atomic<std::int64_t> timed_out{0};
  std::atomic<std::int64_t> unhandled{0};
  std::atomic<std::int64_t> unsettled{0};
};

struct DeliveryOptions {
  std::string domain;
  std::chrono::milliseconds handler_timeout{30000};
  std::chrono::milliseconds polling_interval{200};
  int max_attempts = 3;
  Backoff backoff;
  std::size_t batch_size = 100;
  UnhandledEvents unhandled = UnhandledEvents::keep;
  bool has_version = false;
  FindHandler find_handler;
  std::stop_token ending;  ///< Futures and coroutines are waited for no more.
};

/// Used by one thread. What it borrows must outlive it; calls that were given up hold on to what
/// they need themselves.
class DomainSession {
 public:
  struct Borrowed {
    DomainHold& hold;
    WorkQueue& queue;
    DeliveryCounts& counts;
    Logger& logger;
  };

  DomainSession(const store::Home& home, Borrowed borrowed, const DeliveryOptions& options);
  ~DomainSession();
  DomainSession(const DomainSession&) = delete;
  DomainSession& operator=(const DomainSession&) = delete;

  /// Until a stop is requested or the domain is lost or `others_wanted` says so, which is told
  /// whether there is nothing to do; with `pass_limit`, until nothing is left that was not tried,
  /// or that many were read. What runs is waited for, what it came to is written down. False where
  /// the domain is lost.
  bool work(const std::stop_token& stop, std::optional<std::size_t> pass_limit,
            const std::function<bool(bool idle)>& others_wanted);

 private:
  struct Call {
    RowId row;
    std::string line;  ///< The key by which it is ordered; empty: none.
    std::string key;
    bool has_key = true;
    int slot = 0;
    int retry_count = 0;
    int attempts_max = 0;
    std::string what;  ///< For log lines.
  };
  /// A key whose event failed; a row without a key is one by itself.
  struct Trouble {
    int attempts = 0;  ///< Of the head.
    int outages = 0;   ///< In a row, that blamed no event.
    Moment blocked_until;
    RowId head;
    bool has_key = true;
    bool closed = true;  ///< Its rows are not read.
    bool stored = false;
    bool over = false;              ///< Its head is a dead letter.
    std::set<std::uint64_t> stuck;  ///< Calls that were given up and have not ended.
  };

  void read();
  [[nodiscard]] bool room_to_read();
  [[nodiscard]] store::ReadRequest request();
  /// False where the queue took it not.
  bool take_row(const RowBatch& batch, const OutboxRow& row);
  void leave_unhandled(const OutboxRow& row);
  bool order(const RowBatch& batch, const OutboxRow& row,
             std::shared_ptr<const HandlerCall::Plain> handler);
  void learn_keys();
  void open_keys();
  void note(const CallReport& report);
  void note_failure(const Call& call, const CallReport& report);
  void note_success(const Call& call);
  void give_up(const Call& call, Trouble& trouble, const std::string& reason);
  void try_again_later(const Call& call, Trouble& trouble, const std::string& reason);
  void forget_unbegun();
  void settle();
  void count_settled();
  void away(const char* doing, const Error& error);
  [[nodiscard]] bool nothing_to_settle() const;
  [[nodiscard]] bool nothing_in_hand() const;
  [[nodiscard]] double random();

  const DeliveryOptions& options_;
  const Borrowed to_;
  const std::unique_ptr<store::Capture> capture_;
  const std::unique_ptr<store::Settlement> settlement_;
  const std::shared_ptr<Board> board_ = std::make_shared<Board>();
  std::map<std::uint64_t, Call> calls_;
  std::map<std::string, int> calls_by_line_;
  std::map<std::uint64_t, std::string> stuck_lines_;  ///< Of calls that were given up.
  std::map<std::string, Trouble> troubles_;           ///< By the line's name.
  std::set<store::RouteColumns> kept_routes_;
  std::uint64_t last_call_ = 0;
  Moment not_before_;  ///< The database was away.
  Moment read_at_;
  std::optional<std::size_t> pass_left_;  ///< Rows that one pass may still take.
  bool reached_end_ = false;
  std::mt19937_64 generator_;

  // What ReadRequest and SettleRequest look at.
  std::vector<store::SlotLease> leases_;
  std::vector<RowId> in_flight_;
  std::vector<std::string> blocked_;
  std::vector<std::string> only_;
  std::vector<store::RouteColumns> routes_;
  std::vector<store::PublishedRow> published_;
  std::vector<store::RowChange> changes_;
  std::vector<store::KeyChange> keys_;
};

}  // namespace outbox::jobs
