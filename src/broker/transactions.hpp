// SPDX-License-Identifier: Apache-2.0
//
// The seam of `delivery: transactional`: a handle that sends in transactions under a name. Whoever
// opens the next handle of that name fences this one: what it has open is aborted, and nothing of
// it is committed any more (design, protocol 3).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/producer.hpp"

namespace outbox::broker {

/// After any failure, and after any answer that does not come, the handle is good for nothing: what
/// it had open may be committed or not. Only its successor knows, once fence() has returned: then
/// every transaction of the name before it is over.
///
/// Thread-safety: all calls on one thread; wake() on any.
class TransactionalProducer : public Producer {
 public:
  /// Takes the name over and waits until whatever was open under it is committed or aborted. Called
  /// once, before all else. `retry_connection`: no answer within `timeout`, call it again; any
  /// other failure ends the handle.
  [[nodiscard]] virtual std::optional<Failure> fence(std::chrono::milliseconds timeout) = 0;

  [[nodiscard]] virtual std::optional<Failure> begin() = 0;

  /// Once all of the transaction's messages are acknowledged. None: they are committed.
  [[nodiscard]] virtual std::optional<Failure> commit(std::chrono::milliseconds timeout) = 0;
};

struct TransactionOptions {
  std::string transactional_id;
  /// How long a transaction may be open before the brokers abort it by themselves.
  std::chrono::milliseconds timeout{15'000};
};

/// Throws Error(configuration) on bad properties.
using TransactionalProducerMaker =
    std::function<std::unique_ptr<TransactionalProducer>(const TransactionOptions& options)>;

}  // namespace outbox::broker
