// SPDX-License-Identifier: Apache-2.0
//
// One connected client: what it wants, how far it has been served, and what waits to be sent to
// it, which is bounded. All on the server's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "gateway/filter.hpp"
#include "gateway/message.hpp"
#include "gateway/positions.hpp"
#include "http/push.hpp"

namespace outbox::gateway {

struct QueueLimits {
  std::size_t bytes = 1U << 20U;
  std::size_t messages = 1'000;
};

/// Whom a client tells what happens to it.
class ClientOwner {
 public:
  virtual ~ClientOwner() = default;
  virtual void joined(Client& client) = 0;
  /// Something was sent to one that is not live, so that its queue has room again, perhaps.
  virtual void drained(Client& client) = 0;
  virtual void left(Client& client) = 0;
};

/// How a client is served.
enum class Stage : std::uint8_t {
  joining,
  live,     ///< Messages as they come; its position is everybody's.
  ring,     ///< From the ring, up to its end, then live.
  waiting,  ///< For a reader of what is older.
  reading,  ///< From such a reader.
  gone,     ///< Closing or closed: gets nothing more.
};

struct ClientTerms {
  Form form = Form::plain;
  Filter filter;
  std::optional<Slots::Parsed> resume;  ///< Where it was before.
  std::string resume_text;
  bool wants_progress = false;  ///< Positions also where no message comes.
};

class Client : public http::PushClient, public std::enable_shared_from_this<Client> {
 public:
  Client(ClientTerms terms, const QueueLimits& limits, ClientOwner& owner)
      : terms_(std::move(terms)), limits_(limits), owner_(owner) {}

  [[nodiscard]] const Filter& filter() const { return terms_.filter; }
  [[nodiscard]] Form form() const { return terms_.form; }
  [[nodiscard]] const ClientTerms& terms() const { return terms_; }

  /// Sends it after what is queued; null is nothing to send. False, and the client is told to come
  /// back later, where it takes in too little for its queue to hold this too.
  bool push(http::PayloadPointer payload);

  [[nodiscard]] bool fits(const http::Payload& payload) const {
    // A message larger than the whole queue still goes to a client that has taken in all before.
    return queue_.empty() || (queue_.size() < limits_.messages &&
                              queued_bytes_ + payload.bytes.size() <= limits_.bytes);
  }
  /// Under half of what the queue may hold, and under `bytes`: for those who can wait with the next
  /// message.
  [[nodiscard]] bool has_room(std::size_t bytes) const {
    return queue_.empty() || (queue_.size() < limits_.messages / 2 &&
                              queued_bytes_ < std::min(bytes, limits_.bytes / 2));
  }
  /// Tells it to come back when it can take in more.
  void send_away();
  void close(http::CloseCode code, std::string_view reason);

  void opened(std::shared_ptr<http::Push> connection) override;
  void sent() override;
  void closed() override;

  // How far it is; kept by the hub.
  Stage stage = Stage::joining;
  Offsets next;                ///< Not while live: then it is the hub's.
  std::uint64_t cursor = 0;    ///< In the ring.
  std::uint64_t catch_up = 0;  ///< Which one it goes along with, while reading.
  bool is_behind = false;      ///< Was live, and did not take in enough.
  Moment behind_since{};
  bool was_ahead = false;        ///< Was seen beyond the end of its topic once.
  Moment ready_at{};             ///< No catch-up for it before.
  Moment told_at{};              ///< When it last got a position.
  std::uint64_t told_count = 0;  ///< Of the hub's messages then.

 private:
  void send_next();

  ClientTerms terms_;
  const QueueLimits& limits_;
  ClientOwner& owner_;
  std::shared_ptr<http::Push> connection_;
  std::deque<http::PayloadPointer> queue_;
  std::size_t queued_bytes_ = 0;
  bool is_sending_ = false;
};

}  // namespace outbox::gateway
