// SPDX-License-Identifier: Apache-2.0
//
// Who gets which message. Clients that follow get each message as it comes, by the index of their
// filters. One that was away is served from where it was: from the ring where that still holds it,
// else by a catch-up from the brokers until the ring does, then it follows; it is in exactly one of
// these places, and its position says which messages it has had, so nothing is left out or doubled
// on the way.
//
// All on the server's thread. Nothing here waits.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/clock.hpp"
#include "core/log.hpp"
#include "gateway/catch_up.hpp"
#include "gateway/client.hpp"
#include "gateway/ring.hpp"

namespace outbox::gateway {

struct HubOptions {
  QueueLimits queue;
  std::size_t ring_bytes = 32U << 20U;
  std::size_t catch_ups_max = 2;
  /// Positions this many messages apart are read together.
  std::int64_t together_messages = 20'000;
  /// A catch-up gives way to clients that wait after this time.
  std::chrono::milliseconds turn{5'000};
  /// One client holds up the others of its catch-up no longer.
  std::chrono::milliseconds laggard_time{500};
  /// What waits to be sent to clients that are not live yet, all together, roughly.
  std::size_t catch_up_bytes = 32U << 20U;
  /// After brokers did not answer, or one was asked about twice.
  std::chrono::milliseconds retry_interval{1'000};
  /// How long a client may be behind that was live: longer than a burst takes.
  std::chrono::milliseconds lag_max{5'000};
  /// How often a client is told its position where no message does.
  std::chrono::milliseconds progress_interval{15'000};
};

class Hub : public ClientOwner {
 public:
  /// `post` runs a task later on the server's thread. All are borrowed.
  Hub(const HubOptions& options, Slots slots, CatchUps& catch_ups,
      std::function<void(std::function<void()>)> post);

  /// A client with these terms, to be given to the server.
  [[nodiscard]] std::shared_ptr<Client> make_client(ClientTerms terms);

  [[nodiscard]] const Slots& slots() const { return slots_; }
  /// What comes next: the position of those who follow.
  [[nodiscard]] const Offsets& next() const { return next_; }
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }

  // What the source tells.
  /// A partition whose messages come from `offset` on.
  void add_slot(const std::string& topic, int partition, std::int64_t offset);
  void publish(std::vector<MessagePointer> messages);
  /// The messages of a partition go on from `offset`, further on or, where the topic was made anew,
  /// further back; what lay between is lost.
  void moved(std::size_t slot, std::int64_t offset);
  /// Nothing but marks of transactions up to there.
  void passed(std::size_t slot, std::int64_t offset);
  void catch_up_opened(std::uint64_t id, const std::vector<SlotRange>& ranges);
  void catch_up_failed(std::uint64_t id);
  void catch_up_read(std::uint64_t id, CatchUpPortion portion);

  void tick(Moment now);

  // What clients tell.
  void joined(Client& client) override;
  void drained(Client& client) override;
  void left(Client& client) override;

 private:
  struct Reading {
    Client* client;      ///< Null once it has left.
    std::size_t at = 0;  ///< In the portion.
  };
  struct CatchUp {
    std::vector<Reading> readings;
    CatchUpPortion portion;
    bool is_started = false;
    bool is_reading = true;     ///< The source has something to do.
    bool is_scheduled = false;  ///< serve_catch_up() is posted.
    Moment opened_at{};
    Moment portion_at{};
  };

  void resume(Client& client);
  void follow(Client& client);
  void tell_gap(Client& client, const std::string& from);
  void tell_position(Client& client);
  void deliver(const MessagePointer& message);
  void fall_behind(Client& client, const Message& message);
  void send_laggards_away();
  void moved_under(Client& client, std::size_t slot, std::int64_t offset, bool is_back);

  // hub_catching_up.cpp
  [[nodiscard]] bool is_ahead(const Client& client) const;
  [[nodiscard]] std::size_t room_bytes() const;
  bool take(Client& client, const Message& message);
  void go_to_ring(Client& client);
  void serve_from_ring(Client& client);
  void serve_ring_clients();
  void schedule_ring_clients();
  void wait_for_catch_up(Client& client);
  void leave_catch_up(Client& client);
  void start_catch_ups();
  [[nodiscard]] std::vector<Reading> take_group();
  [[nodiscard]] bool adjust(Client& client, const std::vector<SlotRange>& ranges);
  void serve_catch_up(std::uint64_t id);
  void schedule_catch_up(std::uint64_t id);
  void serve_reading(CatchUp& catch_up, Reading& reading);
  void end_catch_up(std::uint64_t id);
  void restart_catch_ups();
  void look_at_catch_ups();

  const HubOptions options_;
  Slots slots_;
  CatchUps& catch_ups_;
  const std::function<void(std::function<void()>)> post_;
  Offsets next_;
  std::uint64_t published_ = 0;
  Ring ring_;
  FilterIndex index_;
  std::unordered_set<Client*> clients_;
  std::unordered_set<Client*> ring_clients_;
  std::vector<Client*> waiting_;
  std::map<std::uint64_t, CatchUp> running_;
  std::uint64_t last_catch_up_ = 0;
  std::vector<Client*> found_;
  std::size_t reading_clients_ = 0;
  Moment now_;
  Moment retry_at_{};
  bool is_ring_scheduled_ = false;
};

}  // namespace outbox::gateway
