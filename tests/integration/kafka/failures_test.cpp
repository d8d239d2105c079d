// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/failures.hpp"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <map>
#include <set>
#include <span>
#include <string>

namespace outbox::broker::kafka {
namespace {

const std::map<std::string, FailureKind> refused_by_name = {
    {"TOPIC_EXCEPTION", FailureKind::dead_letter},

    {"MSG_SIZE_TOO_LARGE", FailureKind::retry_event},
    {"INVALID_MSG_SIZE", FailureKind::retry_event},
    {"RECORD_LIST_TOO_LARGE", FailureKind::retry_event},
    {"INVALID_MSG", FailureKind::retry_event},
    {"INVALID_RECORD", FailureKind::retry_event},
    {"INVALID_TIMESTAMP", FailureKind::retry_event},
    {"POLICY_VIOLATION", FailureKind::retry_event},
    {"UNSUPPORTED_FOR_MESSAGE_FORMAT", FailureKind::retry_event},
    {"INVALID_REQUEST", FailureKind::retry_event},
    {"UNKNOWN", FailureKind::retry_event},
    {"_BAD_MSG", FailureKind::retry_event},
    {"_BAD_COMPRESSION", FailureKind::retry_event},
    {"_INVALID_ARG", FailureKind::retry_event},
    {"_KEY_SERIALIZATION", FailureKind::retry_event},
    {"_VALUE_SERIALIZATION", FailureKind::retry_event},

    {"UNKNOWN_TOPIC_OR_PART", FailureKind::hold_topic},
    {"UNKNOWN_TOPIC_ID", FailureKind::hold_topic},
    {"_UNKNOWN_TOPIC", FailureKind::hold_topic},
    {"_UNKNOWN_PARTITION", FailureKind::hold_topic},
    {"TOPIC_AUTHORIZATION_FAILED", FailureKind::hold_topic},
    {"NOT_ENOUGH_REPLICAS", FailureKind::hold_topic},
    {"_ISR_INSUFF", FailureKind::hold_topic},
    {"KAFKA_STORAGE_ERROR", FailureKind::hold_topic},
    {"LOG_DIR_NOT_FOUND", FailureKind::hold_topic},
    {"LEADER_NOT_AVAILABLE", FailureKind::hold_topic},
    {"NOT_LEADER_FOR_PARTITION", FailureKind::hold_topic},
    {"REPLICA_NOT_AVAILABLE", FailureKind::hold_topic},
    {"FENCED_LEADER_EPOCH", FailureKind::hold_topic},
    {"UNKNOWN_LEADER_EPOCH", FailureKind::hold_topic},
    {"ELIGIBLE_LEADERS_NOT_AVAILABLE", FailureKind::hold_topic},
    {"PREFERRED_LEADER_NOT_AVAILABLE", FailureKind::hold_topic},
    {"REASSIGNMENT_IN_PROGRESS", FailureKind::hold_topic},
    {"UNSUPPORTED_COMPRESSION_TYPE", FailureKind::hold_topic},
    {"TOPIC_DELETION_DISABLED", FailureKind::hold_topic},
    {"TOPIC_ALREADY_EXISTS", FailureKind::hold_topic},
};

// The message may stand in the log, or fell for another's sake: it is sent again, without blame.
const std::set<std::string> unknown_by_name = {
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
    "_PURGE_QUEUE",
    "_PURGE_INFLIGHT",
    "_DESTROY",
    "_FATAL",
    "_GAPLESS_GUARANTEE",
    "_FENCED",
    "_INCONSISTENT",
    "_RETRY",
    "_MSG_TIMED_OUT",
    "_TIMED_OUT",
    "_TIMED_OUT_QUEUE",
    "REQUEST_TIMED_OUT",
    "OUT_OF_ORDER_SEQUENCE_NUMBER",
    "DUPLICATE_SEQUENCE_NUMBER",
    "UNKNOWN_PRODUCER_ID",
    "INVALID_PRODUCER_EPOCH",
    "INVALID_PRODUCER_ID_MAPPING",
    "PRODUCER_FENCED",
    "_INVALID_DIFFERENT_RECORD",
};

std::span<const rd_kafka_err_desc> all_codes() {
  const rd_kafka_err_desc* descriptions = nullptr;
  std::size_t count = 0;
  rd_kafka_get_err_descs(&descriptions, &count);
  return {descriptions, count};
}

TEST(Failures, translate_every_code_of_the_library) {
  std::set<std::string> seen;
  for (const rd_kafka_err_desc& description : all_codes()) {
    if (description.name == nullptr || description.code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const std::string name = description.name;
    seen.insert(name);
    const Verdict verdict = verdict_of(description.code);
    if (unknown_by_name.contains(name)) {
      EXPECT_EQ(verdict.status, DeliveryStatus::unknown) << name;
      continue;
    }
    EXPECT_EQ(verdict.status, DeliveryStatus::refused) << name;
    const auto expected = refused_by_name.find(name);
    EXPECT_EQ(verdict.kind,
              expected != refused_by_name.end() ? expected->second : FailureKind::retry_connection)
        << name;
  }
  for (const auto& [name, kind] : refused_by_name)
    EXPECT_TRUE(seen.contains(name)) << name;
  for (const std::string& name : unknown_by_name)
    EXPECT_TRUE(seen.contains(name)) << name;
}

TEST(Failures, of_the_connection_are_none_of_the_event) {
  for (const int code :
       {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
        RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR__SSL,
        RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE}) {
    EXPECT_EQ(verdict_of(code).kind, FailureKind::retry_connection) << code;
  }
}

TEST(Failures, name_the_topic_the_code_and_the_remedy) {
  const Failure missing = failure_of(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "orders");
  EXPECT_EQ(missing.kind, FailureKind::hold_topic);
  EXPECT_NE(missing.reason.find("'orders'"), std::string::npos);
  EXPECT_NE(missing.reason.find("UNKNOWN_TOPIC_OR_PART"), std::string::npos);
  EXPECT_NE(missing.reason.find("outboxd topics create"), std::string::npos);
  const Failure large = failure_of(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "orders");
  EXPECT_NE(large.reason.find("max.message.bytes"), std::string::npos);
  for (const rd_kafka_err_desc& description : all_codes()) {
    if (description.name == nullptr) continue;
    const std::string reason = failure_of(description.code, "orders").reason;
    EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
  }
}

TEST(Failures, of_a_login_are_told_apart_from_those_of_the_way) {
  EXPECT_TRUE(means_bad_credentials(RD_KAFKA_RESP_ERR__AUTHENTICATION));
  EXPECT_TRUE(means_bad_credentials(RD_KAFKA_RESP_ERR__SSL));
  EXPECT_FALSE(means_bad_credentials(RD_KAFKA_RESP_ERR__TRANSPORT));
  EXPECT_FALSE(means_bad_credentials(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
}

}  // namespace
}  // namespace outbox::broker::kafka
