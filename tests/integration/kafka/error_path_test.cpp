// SPDX-License-Identifier: Apache-2.0
//
// What the broker answers to a hand-over and what the relay is told of it, with answers put into
// librdkafka's mock that a single real broker does not give.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include "broker/kafka/handle.hpp"
#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;
using broker::DeliveryStatus;
using broker::Handover;
using broker::kafka::Destroy;

constexpr std::int16_t produce_request = 0;

class ErrorPath : public ::testing::Test {
 protected:
  ErrorPath() {
    char text[512] = "";
    rd_kafka_conf_t* const configuration = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(configuration, nullptr);
    handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, configuration, text, sizeof(text)));
    cluster_.reset(rd_kafka_mock_cluster_new(handle_.get(), 1));
    rd_kafka_mock_topic_create(cluster_.get(), "topic", 1, 1);
    broker::ConnectionOptions options;
    options.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(cluster_.get());
    producer_ = broker::kafka::make_home(options).producer("test");
    // The first acknowledgement, before which the relay would not pipeline.
    EXPECT_EQ(acknowledged_in(send_all(*producer_, {{"topic", 0, "k", "first", {}, 0}})), 1U);
  }

  // The broker's next answers to hand-overs.
  void answer(const std::vector<rd_kafka_resp_err_t>& codes) {
    rd_kafka_mock_push_request_errors_array(cluster_.get(), produce_request, codes.size(),
                                            codes.data());
  }

  broker::Poll send_one() {
    EXPECT_EQ(hand_over(*producer_, {"topic", 0, "k", "v", {}, 1}), Handover::accepted);
    return await_deliveries(*producer_, 1);
  }

  std::unique_ptr<rd_kafka_t, Destroy<&rd_kafka_destroy>> handle_;
  std::unique_ptr<rd_kafka_mock_cluster_t, Destroy<&rd_kafka_mock_cluster_destroy>> cluster_;
  std::unique_ptr<broker::Producer> producer_;
};

TEST_F(ErrorPath, what_may_pass_is_retried_by_the_library_and_no_refusal) {
  answer({RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
          RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
          RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR__TRANSPORT});
  const broker::Poll poll = send_one();
  ASSERT_EQ(poll.deliveries.size(), 1U);
  EXPECT_EQ(poll.deliveries[0].status, DeliveryStatus::acknowledged);
  EXPECT_FALSE(poll.fatal);
}

struct Refused {
  rd_kafka_resp_err_t code;
  FailureKind kind;
};

class RefusedPath : public ErrorPath, public ::testing::WithParamInterface<Refused> {};

TEST_P(RefusedPath, is_told_with_its_kind_and_ends_the_handle) {
  answer({GetParam().code});
  const broker::Poll poll = send_one();
  ASSERT_EQ(poll.deliveries.size(), 1U);
  EXPECT_EQ(poll.deliveries[0].tag, 1U);
  EXPECT_EQ(poll.deliveries[0].status, DeliveryStatus::refused);
  EXPECT_EQ(poll.deliveries[0].failure.kind, GetParam().kind) << poll.deliveries[0].failure.reason;
  const broker::Poll last = poll.fatal ? poll : producer_->poll(5s);
  ASSERT_TRUE(last.fatal);
  EXPECT_EQ(last.fatal->kind, GetParam().kind);
  EXPECT_EQ(hand_over(*producer_, {"topic", 0, "k", "sibling", {}, 2}), Handover::fatal);
}

INSTANTIATE_TEST_SUITE_P(
    Codes, RefusedPath,
    ::testing::Values(
        Refused{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, FailureKind::retry_event},
        Refused{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, FailureKind::retry_event},
        Refused{RD_KAFKA_RESP_ERR_INVALID_RECORD, FailureKind::retry_event},
        Refused{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, FailureKind::retry_event},
        Refused{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, FailureKind::hold_topic},
        Refused{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, FailureKind::retry_connection}),
    [](const auto& refused) { return std::string(rd_kafka_err2name(refused.param.code)); });

class FatalPath : public ErrorPath, public ::testing::WithParamInterface<rd_kafka_resp_err_t> {};

TEST_P(FatalPath, blames_no_event_and_ends_the_handle) {
  answer({GetParam()});
  ASSERT_EQ(hand_over(*producer_, {"topic", 0, "k", "v", {}, 1}), Handover::accepted);
  const broker::Poll poll = await_deliveries(*producer_, 2);  // It ends with the handle.
  for (const broker::Delivery& delivery : poll.deliveries) {
    EXPECT_EQ(delivery.status, DeliveryStatus::unknown);
  }
  ASSERT_TRUE(poll.fatal);
  EXPECT_EQ(poll.fatal->kind, FailureKind::retry_connection);
  EXPECT_EQ(hand_over(*producer_, {"topic", 0, "k", "sibling", {}, 2}), Handover::fatal);
}

INSTANTIATE_TEST_SUITE_P(Codes, FatalPath,
                         ::testing::Values(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                           RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH),
                         [](const auto& code) {
                           return std::string(rd_kafka_err2name(code.param));
                         });

}  // namespace
}  // namespace outbox::testing
