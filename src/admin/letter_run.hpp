// SPDX-License-Identifier: Apache-2.0
//
// Replaying and discarding: the work behind DeadLetters::replay() and discard(), on connections of
// its own and on the calling thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <outbox/error.hpp>

#include "admin/letter_feed.hpp"
#include "admin/pace.hpp"

namespace outbox::admin {

enum class LetterAction : std::uint8_t { replay, discard };

/// What is done to the letters.
struct LetterOrder {
  LetterAction action = LetterAction::replay;
  LetterChoice choice;
  LetterEdit edit;
  double letters_per_second = 0;      ///< Zero: as fast as it goes.
  SharedPerSecond* shared = nullptr;  ///< Which all runs of the process keep to together.
  std::string reason;
  std::optional<std::int64_t> total;  ///< As far as it was counted before.
};

/// One run; made anew for the next. Used by one thread.
class LetterRun {
 public:
  /// Borrows all of them.
  LetterRun(const Site& site, const LetterOrder& order, const Actor& actor, const Running& running);

  /// DeadLetters::replay()'s document; throws as it does.
  Json run();

 private:
  static constexpr int tries_max = 5;

  /// Ids that were done in one store since the last line in its log.
  struct Ledger {
    bool has_begun = false;
    std::vector<std::string> done;
    std::vector<std::string> unconfirmed;
  };
  /// Rows that were done, and those of which the answer was lost.
  struct Acted {
    std::set<RowId> done;
    std::set<RowId> unconfirmed;
  };
  using Letters = std::span<const Letter>;

  void run_all();
  void take(Letters letters);
  void take_rows(Letters letters);
  void take_messages(Letters letters);
  [[nodiscard]] std::vector<RowId> edited_rows(Letters letters, const StoreSite& site);
  [[nodiscard]] Acted act_on(const std::vector<RowId>& rows, const StoreSite& site);
  [[nodiscard]] std::string edit_one(const Letter& letter, const StoreSite& site, bool& is_there);
  [[nodiscard]] bool claim(const Letter& letter);
  void send(const Letter& letter);
  void settle(const Letter& letter, store::LetterState state);
  void forget(const Letter& letter);
  void forget_overtaken(const Letter& letter);

  [[nodiscard]] bool may_go_on() const;
  [[nodiscard]] std::size_t room(std::size_t most) const;
  bool wait_until(Moment when);
  /// A database that is away for a moment ends no run of hours.
  template <class Call>
  void persist(const Call& call) {
    for (int tries = 1;; ++tries) {
      try {
        call();
        return;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::unreachable || tries >= tries_max) throw;
        if (!wait_until(BootClock::now() + std::chrono::seconds(1))) throw;
      }
    }
  }

  void count_done(const Letter& letter);
  void count_failed(const std::string& id, const std::string& reason);
  void count_skipped(const std::string& id, const std::string& reason);
  void count_unconfirmed(const std::string& id, const std::string& store);
  void block(const Letter& letter);
  [[nodiscard]] bool is_blocked(const Letter& letter) const;
  void tell(const char* result, const std::string& id, const std::string& reason);

  void begin_ledger(const std::string& store);
  void write_ledger(const std::string& store, std::size_t at_least);
  void write_unconfirmed(const std::string& store);
  void write_ledgers();
  void note_edit(const Letter& letter, const Json& change);
  void note_refused_edit(const Letter& letter, const std::string& why);
  void persist_note(const std::string& store, store::AuditEntry entry, const Json& details);

  const Site& site_;
  const LetterOrder& order_;
  const Actor& actor_;
  const Running& running_;
  OwnAccess access_;
  PerSecond pace_;
  std::unique_ptr<LetterSender> sender_;
  Progress progress_;
  Json failures_ = Json::array();
  std::set<std::string> blocked_keys_;
  std::set<std::string> swept_;  ///< Stores and topics of which old marks are gone.
  std::map<std::string, Ledger> ledgers_;
  std::int64_t missing_ = 0;  ///< Of those that failed: they are not there.
  int unreachable_ = 0;       ///< Sends in a row that the brokers did not answer.
};

}  // namespace outbox::admin
