// SPDX-License-Identifier: Apache-2.0
//
// A thread that works partitions, each in order: the shell around WorkCore. It reads messages as
// events, claims and handles them in transactions of its own connection, and forwards those that
// cannot be handled.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "broker/home.hpp"
#include "consume/forwarder.hpp"
#include "consume/options.hpp"
#include "consume/read_event.hpp"
#include "consume/work_core.hpp"
#include "core/log.hpp"
#include "store/home.hpp"

namespace outbox::consume {

/// What all workers of a consumer have in common; outlives them.
struct Surroundings {
  const store::Home& store;
  const broker::Home& broker;
  const RuntimeOptions& options;
  const Handlers& handlers;
  Logger& log;
  Counts& counts;
};

class Worker {
 public:
  /// `wake` is called, from the worker's thread, whenever there is progress or a failure.
  Worker(const Surroundings& surroundings, std::function<void()> wake);
  /// Finishes the transaction under way, and leaves the rest undone.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Messages of one partition, in order.
  struct Arrival {
    broker::PartitionName partition;
    std::vector<broker::IncomingMessage> messages;
  };
  /// All at once, so that they may share a transaction.
  void add(std::vector<Arrival> arrivals);

  /// Returns when the transaction under way is finished and nothing of these partitions is in hand.
  void drop(std::span<const broker::PartitionName> partitions);

  /// How far partitions have moved since it was asked last: offsets that may be committed.
  [[nodiscard]] std::vector<broker::Position> take_progress();

  struct InHand {
    std::size_t messages = 0;
    std::size_t bytes = 0;  ///< Of keys and values.
  };
  [[nodiscard]] InHand in_hand(const broker::PartitionName& partition) const;

  /// Throws what ended the worker, if anything did: a fault that waiting does not mend.
  void check() const;

  /// Begins no transaction and forwards nothing until hold(false); what is under way is finished.
  /// What is in hand stays there, and can be dropped.
  void hold(bool holds);

  /// The transaction under way is the last one.
  void request_stop();
  /// Ends the thread; progress can still be taken.
  void stop();

 private:
  struct Held {
    broker::IncomingMessage message;
    EventReading reading;
    Uuid claim_id;
    const EventHandler* handler = nullptr;  ///< Null: ignored.
  };
  struct Lane {
    broker::PartitionName partition;
    std::deque<Held> held;
    std::uint64_t first_number = 0;
  };
  void work(const std::stop_token& stop);
  void wait_for_work(Moment until, const std::stop_token& stop);
  /// True: it is held, and has waited for news.
  bool wait_while_held(const std::stop_token& stop);
  void take_arrivals();
  void read(LaneId lane, broker::IncomingMessage message);
  [[nodiscard]] Happening execute(const Command& command, const std::stop_token& stop);
  [[nodiscard]] Happening run_together(const std::vector<ItemName>& items);
  [[nodiscard]] Happening run_singly(const std::vector<ItemName>& items);
  [[nodiscard]] Happening forward(const Command& command, const std::stop_token& stop);
  [[nodiscard]] Happening transaction_failed(const Error& error, bool committing);
  void call_handlers(std::span<const ItemName> items, store::InboxTransaction& transaction,
                     std::vector<ReceivedEvent>& handled);
  [[nodiscard]] bool call_one(const ItemName& item, store::InboxTransaction& transaction,
                              RanSingly& ran);
  [[nodiscard]] bool is_asked_back() const;
  void committed(std::span<const ReceivedEvent> handled, std::size_t duplicates,
                 std::size_t ignored);
  void publish_progress();
  void note_failure(const ItemFailed& failed);
  void warn(const std::string& subject, const std::string& message, const std::string& reason);
  [[nodiscard]] Held& at(const ItemName& item);
  [[nodiscard]] ReceivedEvent event_at(const ItemName& item);
  [[nodiscard]] std::unique_ptr<store::InboxTransaction> begin();
  [[nodiscard]] double random();

  const Surroundings around_;
  const std::function<void()> wake_;
  // The thread's own.
  WorkCore core_;
  std::map<LaneId, Lane> lanes_;
  std::map<broker::PartitionName, LaneId> lane_ids_;
  LaneId last_lane_ = 0;
  Forwarder forwarder_;
  std::unique_ptr<store::Inbox> inbox_;
  std::minstd_rand generator_;
  // Between the threads.
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Arrival> arrivals_;
  std::set<broker::PartitionName> dropping_;
  std::map<broker::PartitionName, InHand> held_;
  std::map<broker::PartitionName, std::int64_t> progress_;
  std::exception_ptr failure_;
  bool ended_ = false;
  bool holds_ = false;
  std::jthread thread_;
};

}  // namespace outbox::consume
