// SPDX-License-Identifier: Apache-2.0
//
// What this process runs, for admin to look at: relays, consumers and clean-ups stand on the board
// while they run, and are asked for their figures there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "admin/instance.hpp"
#include "consume/options.hpp"
#include "jobs/cleanup.hpp"
#include "relay/relay.hpp"

namespace outbox::app {

/// Thread-safety: any thread. Outlives what stands on it.
class InstanceBoard : public admin::Instance {
 public:
  InstanceBoard();

  /// Takes its entry off the board when it ends.
  class Place {
   public:
    Place(InstanceBoard& board, int number) : board_(board), number_(number) {}
    ~Place() { board_.leave(number_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    InstanceBoard& board_;
    const int number_;
  };

  struct RelayNames {
    std::string store;
    std::string relay;
    std::string member;
  };
  /// Borrows `relay` until the place is left.
  [[nodiscard]] std::unique_ptr<Place> enter(RelayNames names, const relay::Relay& relay);

  struct ConsumerNames {
    std::string name;
    std::string group_id;
  };
  /// Borrows `counts` until the place is left.
  [[nodiscard]] std::unique_ptr<Place> enter(ConsumerNames names, const consume::Counts& counts);

  /// The store has a clean-up, which has not run here yet.
  void expect_cleanup(const std::string& store);
  /// A run came to its end; `failed`: by an error, after it had done what the summary says.
  void note_cleanup(const std::string& store, const jobs::CleanupSummary& summary, bool failed);

  [[nodiscard]] std::string id() const override { return id_; }
  [[nodiscard]] std::int64_t started_at_us() const override { return started_at_us_; }
  [[nodiscard]] std::vector<admin::RelayFigures> relays() const override;
  [[nodiscard]] std::vector<admin::ConsumerFigures> consumers() const override;
  [[nodiscard]] std::vector<admin::CleanupFigures> cleanups() const override;

 private:
  void leave(int number);

  const std::string id_;
  const std::int64_t started_at_us_;
  mutable std::mutex mutex_;
  int last_number_ = 0;
  std::map<int, std::function<admin::RelayFigures()>> relays_;
  std::map<int, std::function<admin::ConsumerFigures()>> consumers_;
  std::map<std::string, admin::CleanupFigures> cleanups_;
};

}  // namespace outbox::app
