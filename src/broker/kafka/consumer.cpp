// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/consumer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <outbox/error.hpp>
#include <utility>

#include "broker/kafka/failures.hpp"
#include "broker/kafka/properties.hpp"
#include "broker/kafka/reaper.hpp"

namespace outbox::broker::kafka {
namespace {

using Clock = std::chrono::steady_clock;

// Leaving the group tells its coordinator to give the partitions to others at once. Where it cannot
// be reached they notice by the session's time-out.
constexpr std::chrono::seconds close_wait_max{3};

std::string text_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

std::vector<IncomingHeader> headers_of(const rd_kafka_message_t& message) {
  std::vector<IncomingHeader> result;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return result;
  result.reserve(rd_kafka_header_cnt(headers));
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    IncomingHeader& header = result.emplace_back();
    header.name = name;
    if (value != nullptr) header.value = text_of(value, size);
  }
  return result;
}

}  // namespace

KafkaConsumer::KafkaConsumer(Properties properties, ConsumerOptions options, std::string servers)
    : options_(std::move(options)), servers_(std::move(servers)) {
  rd_kafka_conf_set_opaque(properties.get(), this);
  rd_kafka_conf_set_rebalance_cb(properties.get(), &KafkaConsumer::on_rebalance);
  rd_kafka_conf_set_error_cb(properties.get(), &KafkaConsumer::on_error);
  // Its log lines are about reconnects, which the errors tell as well.
  rd_kafka_conf_set_log_cb(properties.get(), nullptr);
  handle_ = properties.make(RD_KAFKA_CONSUMER);
  rd_kafka_poll_set_consumer(handle_);
  queue_.reset(rd_kafka_queue_get_consumer(handle_));
  try {
    subscribe();
  } catch (const Error&) {
    close();
    throw;
  }
}

KafkaConsumer::~KafkaConsumer() {
  close();
}

void KafkaConsumer::subscribe() {
  const PartitionsPointer topics(
      rd_kafka_topic_partition_list_new(static_cast<int>(options_.topics.size())));
  for (const std::string& topic : options_.topics) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const rd_kafka_resp_err_t error = rd_kafka_subscribe(handle_, topics.get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  throw Error(ErrorKind::configuration,
              fmt::format("Kafka group '{}' cannot subscribe: {}", options_.group_id,
                          rd_kafka_err2str(error)),
              "Check the topics of this consumer");
}

void KafkaConsumer::on_rebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                                 rd_kafka_topic_partition_list_t* partitions, void* consumer) {
  auto* const self = static_cast<KafkaConsumer*>(consumer);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    rd_kafka_assign(handle, partitions);
  } else {
    // Answered by the next poll(); the group waits for it.
    self->giving_up_ = true;
    self->revoked_ = true;
  }
}

void KafkaConsumer::on_error(rd_kafka_t* /*handle*/, int code, const char* text, void* consumer) {
  auto* const self = static_cast<KafkaConsumer*>(consumer);
  if (!means_bad_credentials(code)) return;  // The library reconnects by itself.
  self->login_error_ = code;
  self->login_text_ = text;
}

void KafkaConsumer::give_up_partitions() {
  if (!std::exchange(giving_up_, false)) return;
  rd_kafka_assign(handle_, nullptr);
}

IncomingBatch KafkaConsumer::poll(int messages_max, std::chrono::milliseconds timeout) {
  give_up_partitions();
  IncomingBatch batch;
  const auto deadline = Clock::now() + timeout;
  while (static_cast<int>(batch.messages.size()) < messages_max) {
    // Only the first message is waited for.
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const bool waits = batch.messages.empty() && rest.count() > 0 && !woken_.load();
    const MessagePointer message(
        rd_kafka_consumer_poll(handle_, waits ? static_cast<int>(rest.count()) : 0));
    if (message) take(*message, batch);
    if (login_error_ != 0) throw_error(std::exchange(login_error_, 0), login_text_);
    if (std::exchange(revoked_, false)) {
      // What this call had gathered may be of the partitions that are given up.
      batch.messages.clear();
      batch.revoked = true;
      break;
    }
    if (!message && !waits) break;
  }
  woken_.store(false);
  return batch;
}

void KafkaConsumer::take(const rd_kafka_message_t& message, IncomingBatch& batch) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
      return;  // The library goes on by itself.
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      revoked_ = true;  // The group has moved on; the next polls join it again.
      return;
    default:
      throw_error(message.err, rd_kafka_message_errstr(&message));
  }
  IncomingMessage& taken = batch.messages.emplace_back();
  taken.topic = rd_kafka_topic_name(message.rkt);
  taken.partition = message.partition;
  taken.offset = message.offset;
  if (message.key != nullptr) taken.key = text_of(message.key, message.key_len);
  if (message.payload != nullptr) taken.value = text_of(message.payload, message.len);
  taken.headers = headers_of(message);
  taken.timestamp_ms = std::max<std::int64_t>(rd_kafka_message_timestamp(&message, nullptr), 0);
}

void KafkaConsumer::throw_error(int code, const std::string& text) const {
  const std::string what =
      fmt::format("Kafka at {}, group '{}': {}", servers_, options_.group_id, text);
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      throw Error(ErrorKind::not_found, what, "Make the topic with: outboxd topics create");
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      throw Error(ErrorKind::configuration, what, "Grant this Kafka user Read on the topic");
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      throw Error(ErrorKind::configuration, what, "Grant this Kafka user Read on the group");
    default:
      break;
  }
  if (means_bad_credentials(code)) {
    throw Error(ErrorKind::configuration, what,
                "Check KAFKA_USER, KAFKA_PASSWORD, KAFKA_SASL_MECHANISM and the TLS settings");
  }
  throw Error(ErrorKind::failed, what);
}

bool KafkaConsumer::commit(const IncomingBatch& batch) {
  if (batch.messages.empty()) return true;
  std::map<std::pair<std::string_view, int>, std::int64_t> next;
  for (const IncomingMessage& message : batch.messages) {
    std::int64_t& offset = next[{message.topic, message.partition}];
    offset = std::max(offset, message.offset + 1);
  }
  const PartitionsPointer offsets(rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
  for (const auto& [where, offset] : next) {
    rd_kafka_topic_partition_t* const entry = rd_kafka_topic_partition_list_add(
        offsets.get(), std::string(where.first).c_str(), where.second);
    entry->offset = offset;
  }
  const rd_kafka_resp_err_t error = rd_kafka_commit(handle_, offsets.get(), 0);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const std::span entries(offsets->elems, static_cast<std::size_t>(offsets->cnt));
    return std::ranges::all_of(entries, [](const rd_kafka_topic_partition_t& entry) {
      return entry.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    });
  }
  if (means_partitions_lost(error)) return false;
  if (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
      error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
    throw_error(error, rd_kafka_err2str(error));
  }
  throw Error(ErrorKind::unreachable,
              fmt::format("Kafka at {}, group '{}': offsets could not be committed: {}", servers_,
                          options_.group_id, rd_kafka_err2str(error)),
              "The messages come again, the inbox skips them");
}

void KafkaConsumer::wake() {
  woken_.store(true);
  rd_kafka_queue_yield(queue_.get());
}

void KafkaConsumer::close() noexcept {
  give_up_partitions();
  QueuePointer last_events(rd_kafka_queue_new(handle_));
  const ErrorPointer error(rd_kafka_consumer_close_queue(handle_, last_events.get()));
  const auto deadline = Clock::now() + close_wait_max;
  while (!error && rd_kafka_consumer_closed(handle_) == 0 && Clock::now() < deadline) {
    // Messages that were fetched come out here too and are dropped.
    const EventPointer event(rd_kafka_queue_poll(last_events.get(), 20));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) {
      rd_kafka_assign(handle_, nullptr);
    }
  }
  last_events.reset();
  queue_.reset();
  reap(handle_);
}

}  // namespace outbox::broker::kafka
