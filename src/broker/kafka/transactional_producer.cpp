// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/transactional_producer.hpp"

#include <fmt/format.h>

#include "broker/kafka/failures.hpp"

namespace outbox::broker::kafka {
namespace {

std::string remedy_of(int code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return "; grant this Kafka user Write and Describe on the transactional ids that begin with "
             "the outbox's uuid";
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return "; the brokers' transaction.max.timeout.ms is shorter than this relay's transactions";
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
      return "; another relay has taken the slot over";
    default:
      return means_bad_credentials(code) ? "; check the settings of user, password and TLS" : "";
  }
}

std::optional<Failure> failure_of_call(const char* call, rd_kafka_error_t* raw) {
  const ErrorPointer error(raw);
  if (!error) return std::nullopt;
  const int code = rd_kafka_error_code(error.get());
  const bool passing = rd_kafka_error_is_retriable(error.get()) != 0;
  return Failure{passing ? FailureKind::retry_connection : FailureKind::hold_topic,
                 fmt::format("Kafka, {}: {} ({}){}", call, rd_kafka_error_string(error.get()),
                             rd_kafka_error_name(error.get()), remedy_of(code))};
}

int milliseconds_of(std::chrono::milliseconds timeout) {
  return static_cast<int>(timeout.count());
}

}  // namespace

std::optional<Failure> KafkaTransactionalProducer::fence(std::chrono::milliseconds timeout) {
  return failure_of_call("taking the transactional id over",
                         rd_kafka_init_transactions(handle_, milliseconds_of(timeout)));
}

std::optional<Failure> KafkaTransactionalProducer::begin() {
  return failure_of_call("beginning a transaction", rd_kafka_begin_transaction(handle_));
}

std::optional<Failure> KafkaTransactionalProducer::commit(std::chrono::milliseconds timeout) {
  return failure_of_call("committing a transaction",
                         rd_kafka_commit_transaction(handle_, milliseconds_of(timeout)));
}

}  // namespace outbox::broker::kafka
