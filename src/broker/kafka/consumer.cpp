// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/consumer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <outbox/error.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "broker/kafka/failures.hpp"
#include "broker/kafka/incoming.hpp"
#include "broker/kafka/properties.hpp"
#include "broker/kafka/reaper.hpp"

namespace outbox::broker::kafka {
namespace {

using Clock = std::chrono::steady_clock;

// Leaving the group tells its coordinator to give the partitions to others at once. Where it cannot
// be reached they notice by the session's time-out.
constexpr std::chrono::seconds close_wait_max{3};
constexpr std::chrono::milliseconds commit_wait_max{5000};

bool is_cooperative(rd_kafka_t* handle) {
  const char* const protocol = rd_kafka_rebalance_protocol(handle);
  return protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
}

std::span<const rd_kafka_topic_partition_t> entries_of(
    const rd_kafka_topic_partition_list_t& list) {
  return {list.elems, static_cast<std::size_t>(list.cnt)};
}

PartitionsPointer list_of(std::span<const PartitionName> partitions) {
  PartitionsPointer list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const PartitionName& name : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), name.topic.c_str(), name.partition);
  }
  return list;
}

void unassign_all(rd_kafka_t* handle) {
  if (!is_cooperative(handle)) {
    rd_kafka_assign(handle, nullptr);
    return;
  }
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(handle, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const PartitionsPointer owned(assigned);
  const ErrorPointer refused(rd_kafka_incremental_unassign(handle, assigned));
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

void KafkaConsumer::on_rebalance(rd_kafka_t* /*handle*/, rd_kafka_resp_err_t code,
                                 rd_kafka_topic_partition_list_t* partitions, void* consumer) {
  auto* const self = static_cast<KafkaConsumer*>(consumer);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    self->assign(*partitions);
  } else {
    // Answered by release(); the group waits for it.
    self->note_revoked(*partitions);
  }
}

void KafkaConsumer::assign(const rd_kafka_topic_partition_list_t& partitions) {
  if (is_cooperative(handle_)) {
    const ErrorPointer refused(rd_kafka_incremental_assign(handle_, &partitions));
  } else {
    rd_kafka_assign(handle_, &partitions);
  }
}

void KafkaConsumer::note_revoked(const rd_kafka_topic_partition_list_t& partitions) {
  lost_ = rd_kafka_assignment_lost(handle_) != 0;
  told_ = false;
  for (const rd_kafka_topic_partition_t& entry : entries_of(partitions)) {
    revoking_.push_back({entry.topic, entry.partition});
  }
}

void KafkaConsumer::on_error(rd_kafka_t* /*handle*/, int code, const char* text, void* consumer) {
  auto* const self = static_cast<KafkaConsumer*>(consumer);
  if (!means_bad_credentials(code)) return;  // The library reconnects by itself.
  self->login_error_ = code;
  self->login_text_ = text;
}

void KafkaConsumer::release() {
  if (!told_) return;
  const std::vector<PartitionName> names = std::exchange(revoking_, {});
  if (names.empty()) return;
  if (is_cooperative(handle_)) {
    const PartitionsPointer partitions = list_of(names);
    const ErrorPointer refused(rd_kafka_incremental_unassign(handle_, partitions.get()));
  } else {
    rd_kafka_assign(handle_, nullptr);
  }
}

IncomingBatch KafkaConsumer::poll(int messages_max, std::chrono::milliseconds timeout) {
  release();
  if (put_aside_) {
    const Error error = *std::exchange(put_aside_, std::nullopt);
    throw error;
  }
  IncomingBatch batch;
  const auto deadline = Clock::now() + timeout;
  while (static_cast<int>(batch.messages.size()) < messages_max) {
    // Only the first message is waited for.
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const bool waits = batch.messages.empty() && rest.count() > 0 && !woken_.load();
    const MessagePointer message(
        rd_kafka_consumer_poll(handle_, waits ? static_cast<int>(rest.count()) : 0));
    try {
      if (message) take(*message, batch);
      if (login_error_ != 0) throw_error(std::exchange(login_error_, 0), login_text_);
    } catch (const Error& error) {
      // The position is past the messages in hand: they go first, and the error comes next time.
      if (batch.messages.empty()) throw;
      put_aside_ = error;
      break;
    }
    if (!std::exchange(told_, true)) {
      batch.revoked = revoking_;
      batch.lost = lost_;
      std::erase_if(batch.messages, [&](const IncomingMessage& held) {
        return std::ranges::find(revoking_, PartitionName{held.topic, held.partition}) !=
               revoking_.end();
      });
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
      return;  // The group has moved on: it says so as partitions that are lost.
    case RD_KAFKA_RESP_ERR__FATAL:
      throw_fatal();
    default:
      throw_error(message.err, rd_kafka_message_errstr(&message));
  }
  batch.messages.push_back(incoming_of(message));
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
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      throw Error(
          ErrorKind::configuration, what,
          "The group has no offset that the topic still holds: set offset_reset to earliest "
          "or latest, or give the group its offsets");
    default:
      break;
  }
  if (means_bad_credentials(code)) {
    throw Error(ErrorKind::configuration, what,
                "Check KAFKA_USER, KAFKA_PASSWORD, KAFKA_SASL_MECHANISM and the TLS settings");
  }
  throw Error(ErrorKind::failed, what);
}

void KafkaConsumer::throw_fatal() const {
  char text[512] = "";
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(handle_, text, sizeof text);
  if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
      code == RD_KAFKA_RESP_ERR_UNRELEASED_INSTANCE_ID) {
    throw Error(ErrorKind::conflict,
                fmt::format("Kafka group '{}': another member has the instance id '{}'",
                            options_.group_id, options_.instance_id),
                "Give each member an instance id of its own");
  }
  throw_error(code, text);
}

bool KafkaConsumer::commit(std::span<const Position> next) {
  if (next.empty()) return true;
  const PartitionsPointer offsets(rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
  for (const Position& position : next) {
    rd_kafka_topic_partition_list_add(offsets.get(), position.topic.c_str(), position.partition)
        ->offset = position.offset;
  }
  const QueuePointer answers(rd_kafka_queue_new(handle_));
  rd_kafka_resp_err_t error =
      rd_kafka_commit_queue(handle_, offsets.get(), answers.get(), nullptr, nullptr);
  EventPointer answer;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    answer.reset(rd_kafka_queue_poll(answers.get(), static_cast<int>(commit_wait_max.count())));
    error = answer ? rd_kafka_event_error(answer.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
  }
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const auto* const answered = rd_kafka_event_topic_partition_list(answer.get());
    return answered == nullptr ||
           std::ranges::all_of(entries_of(*answered), [](const rd_kafka_topic_partition_t& entry) {
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

void KafkaConsumer::pause(std::span<const PartitionName> partitions) {
  rd_kafka_pause_partitions(handle_, list_of(partitions).get());
}

void KafkaConsumer::resume(std::span<const PartitionName> partitions) {
  rd_kafka_resume_partitions(handle_, list_of(partitions).get());
}

std::vector<Position> KafkaConsumer::ends() {
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(handle_, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const PartitionsPointer owned(assigned);
  std::vector<Position> ends;
  for (const rd_kafka_topic_partition_t& entry : entries_of(*assigned)) {
    std::int64_t first = 0;
    std::int64_t end = 0;
    const rd_kafka_resp_err_t error =
        rd_kafka_get_watermark_offsets(handle_, entry.topic, entry.partition, &first, &end);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && end >= 0) {
      ends.push_back({entry.topic, entry.partition, end});
    }
  }
  return ends;
}

void KafkaConsumer::wake() {
  woken_.store(true);
  rd_kafka_queue_yield(queue_.get());
}

void KafkaConsumer::close() noexcept {
  told_ = true;
  release();
  QueuePointer last_events(rd_kafka_queue_new(handle_));
  const ErrorPointer error(rd_kafka_consumer_close_queue(handle_, last_events.get()));
  const auto deadline = Clock::now() + close_wait_max;
  while (!error && rd_kafka_consumer_closed(handle_) == 0 && Clock::now() < deadline) {
    // Messages that were fetched come out here too and are dropped.
    const EventPointer event(rd_kafka_queue_poll(last_events.get(), 20));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) {
      unassign_all(handle_);
    }
  }
  last_events.reset();
  queue_.reset();
  reap(handle_);
}

}  // namespace outbox::broker::kafka
