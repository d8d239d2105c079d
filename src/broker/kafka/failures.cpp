// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/failures.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <span>

namespace outbox::broker::kafka {
namespace {

// The event, as it is, was looked at and refused. Somebody may raise a limit, so it is retried.
constexpr std::array event_refused = {
    RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
    RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
    RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
    RD_KAFKA_RESP_ERR_INVALID_MSG,
    RD_KAFKA_RESP_ERR_INVALID_RECORD,
    RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
    RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
    RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT,
    RD_KAFKA_RESP_ERR_INVALID_REQUEST,
    RD_KAFKA_RESP_ERR_UNKNOWN,
    RD_KAFKA_RESP_ERR__BAD_MSG,
    RD_KAFKA_RESP_ERR__BAD_COMPRESSION,
    RD_KAFKA_RESP_ERR__INVALID_ARG,
    RD_KAFKA_RESP_ERR__KEY_SERIALIZATION,
    RD_KAFKA_RESP_ERR__VALUE_SERIALIZATION,
};

// The topic, or one partition of it, is missing, closed to this user or short of replicas.
constexpr std::array topic_held = {
    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID,
    RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
    RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    RD_KAFKA_RESP_ERR__ISR_INSUFF,
    RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    RD_KAFKA_RESP_ERR_LOG_DIR_NOT_FOUND,
    RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
    RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
    RD_KAFKA_RESP_ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_REASSIGNMENT_IN_PROGRESS,
    RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE,
    RD_KAFKA_RESP_ERR_TOPIC_DELETION_DISABLED,
    RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS,
};

// The handle gave the message up, together with others or without an answer: nothing certain is
// known of it, or it is no fault of its own.
constexpr std::array nothing_certain = {
    RD_KAFKA_RESP_ERR__PURGE_QUEUE,
    RD_KAFKA_RESP_ERR__PURGE_INFLIGHT,
    RD_KAFKA_RESP_ERR__DESTROY,
    RD_KAFKA_RESP_ERR__FATAL,
    RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE,
    RD_KAFKA_RESP_ERR__FENCED,
    RD_KAFKA_RESP_ERR__INCONSISTENT,
    RD_KAFKA_RESP_ERR__RETRY,
    RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
    RD_KAFKA_RESP_ERR__TIMED_OUT,
    RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
    RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER,
    RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
    RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
    RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
    RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD,
};

bool contains(std::span<const rd_kafka_resp_err_t> codes, int code) noexcept {
  return std::ranges::find(codes, code) != codes.end();
}

std::string remedy_of(int code, std::string_view topic) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return fmt::format("raise max.message.bytes of topic '{}' or make the event smaller", topic);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID:
      return fmt::format("make topic '{}' with: outboxd topics create", topic);
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return "the topic has fewer partitions than were counted on; it is looked at again";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return fmt::format("grant this Kafka user Write and Describe on topic '{}'", topic);
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "grant this Kafka user IdempotentWrite on the cluster";
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR__ISR_INSUFF:
      return "bring the topic's replicas back, or lower its min.insync.replicas";
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return "topic names are 1 to 249 of the characters a-z A-Z 0-9 . _ -";
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
      return "choose another compression.type";
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return "check KAFKA_USER, KAFKA_PASSWORD and KAFKA_SASL_MECHANISM";
    default:
      return {};
  }
}

}  // namespace

Verdict verdict_of(int code) noexcept {
  // The name itself is not one that any broker takes.
  if (code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
    return {DeliveryStatus::refused, FailureKind::dead_letter};
  }
  // In the log, but on too few replicas to count as acknowledged.
  if (code == RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND) {
    return {DeliveryStatus::unknown, FailureKind::hold_topic};
  }
  if (contains(event_refused, code)) return {DeliveryStatus::refused, FailureKind::retry_event};
  if (contains(topic_held, code)) return {DeliveryStatus::refused, FailureKind::hold_topic};
  if (contains(nothing_certain, code)) {
    return {DeliveryStatus::unknown, FailureKind::retry_connection};
  }
  // Everything else is about the way to the brokers, or about requests that no producer sends.
  return {DeliveryStatus::refused, FailureKind::retry_connection};
}

Failure failure_of(int code, std::string_view topic) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  std::string reason =
      topic.empty() ? std::string("Kafka: ") : fmt::format("Kafka, topic '{}': ", topic);
  reason += fmt::format("{} ({})", rd_kafka_err2str(error), rd_kafka_err2name(error));
  const std::string remedy = remedy_of(code, topic);
  if (!remedy.empty()) reason += "; " + remedy;
  return {verdict_of(code).kind, std::move(reason)};
}

bool means_bad_credentials(int code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
    case RD_KAFKA_RESP_ERR__SSL:
      return true;
    default:
      return false;
  }
}

bool means_partitions_lost(int code) noexcept {
  switch (code) {
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH:
    case RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
    case RD_KAFKA_RESP_ERR__STATE:
    case RD_KAFKA_RESP_ERR__UNKNOWN_GROUP:
      return true;
    default:
      return false;
  }
}

}  // namespace outbox::broker::kafka
