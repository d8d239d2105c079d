// SPDX-License-Identifier: Apache-2.0
//
// KafkaProducer in transactions. Nothing is ever aborted here: librdkafka's abort right after a
// produce may be fatal (its issue 4849), so a transaction that cannot be committed is left to the
// next handle of the name, whose fence() aborts it.
//
// Thread-safety: broker/transactions.hpp.
#pragma once

#include <chrono>
#include <optional>

#include "broker/kafka/producer.hpp"
#include "broker/transactions.hpp"

namespace outbox::broker::kafka {

class KafkaTransactionalProducer final : public TransactionalProducer {
 public:
  /// Takes `handle`, which was made of transactional_properties().
  KafkaTransactionalProducer(rd_kafka_t* handle, std::size_t queue_bytes_max)
      : handle_(handle), producer_(handle, queue_bytes_max) {}

  [[nodiscard]] Handover produce(const OutgoingMessage& message) override {
    return producer_.produce(message);
  }
  [[nodiscard]] Failure refusal() const override { return producer_.refusal(); }
  [[nodiscard]] Poll poll(std::chrono::milliseconds timeout) override {
    return producer_.poll(timeout);
  }
  void wake() override { producer_.wake(); }

  [[nodiscard]] std::optional<Failure> fence(std::chrono::milliseconds timeout) override;
  [[nodiscard]] std::optional<Failure> begin() override;
  [[nodiscard]] std::optional<Failure> commit(std::chrono::milliseconds timeout) override;

 private:
  rd_kafka_t* const handle_;  ///< The producer's.
  KafkaProducer producer_;
};

}  // namespace outbox::broker::kafka
