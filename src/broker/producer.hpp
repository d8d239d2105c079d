// SPDX-License-Identifier: Apache-2.0
//
// The seam through which the relay hands messages over. A Producer is one *handle*: it keeps the
// order of a partition and, once a message was refused, sends no sibling of it (design, protocol 5
// and 6); then it is thrown away and a new one made.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.hpp"

namespace outbox::broker {

struct Header {
  std::string_view name;
  std::optional<std::string_view> value;  ///< None: a null header value.
};

/// Views need to live until produce() returns only: the handle copies.
struct OutgoingMessage {
  std::string_view topic;
  int partition = 0;  ///< Always explicit; the caller hashed the key.
  std::string_view key;
  std::optional<std::string_view> value;  ///< None: a tombstone.
  std::span<const Header> headers;
  std::uint64_t tag = 0;  ///< Comes back with the delivery.
};

enum class Handover : std::uint8_t {
  accepted,    ///< A delivery with the tag will follow, unless the handle is destroyed first.
  queue_full,  ///< Nothing happened; poll, then try again.
  refused,  ///< This message alone was refused at once (too large for the client): see refusal().
  fatal,    ///< The handle is finished: see Poll::fatal.
};

enum class DeliveryStatus : std::uint8_t {
  acknowledged,  ///< By all in-sync replicas.
  refused,       ///< The broker refused it (or its whole batch): failure says what kind.
  unknown,       ///< The handle gave up on it (purged): it may stand in the log or not.
};

struct Delivery {
  std::uint64_t tag = 0;
  DeliveryStatus status = DeliveryStatus::acknowledged;
  Failure failure;           ///< Empty when acknowledged.
  std::int64_t offset = -1;  ///< Where known.
};

/// What a call of poll() brought.
struct Poll {
  std::vector<Delivery> deliveries;
  std::optional<Failure> fatal;      ///< The handle accepts nothing more; make a new one.
  std::vector<std::string> notices;  ///< Brokers down, authentication failed…: for the log.
};

class Producer {
 public:
  /// Destroys the handle at once: what is still queued or in flight gets no delivery, and nothing
  /// that was not yet on the wire is sent.
  virtual ~Producer() = default;

  /// Never blocks. Calls from one thread at a time; poll() may run on another.
  [[nodiscard]] virtual Handover produce(const OutgoingMessage& message) = 0;

  /// Why the last produce() of this thread answered `refused`.
  [[nodiscard]] virtual Failure refusal() const = 0;

  /// Waits up to `timeout` for deliveries and takes all that are there (at most a few thousand).
  [[nodiscard]] virtual Poll poll(std::chrono::milliseconds timeout) = 0;

  /// Ends a poll() that waits on another thread, soon; safe from any thread.
  virtual void wake() = 0;
};

/// Makes handles: `name` is for logs and the client id. Throws Error(configuration) on bad
/// properties.
using ProducerMaker = std::function<std::unique_ptr<Producer>(const std::string& name)>;

}  // namespace outbox::broker
