// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/producer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "broker/kafka/failures.hpp"
#include "broker/kafka/reaper.hpp"

namespace outbox::broker::kafka {
namespace {

using Clock = std::chrono::steady_clock;

// librdkafka's own bookkeeping and the allocator's, measured at 300 B with 8 headers.
constexpr std::size_t message_overhead_bytes = 320;
constexpr std::size_t header_overhead_bytes = 64;
constexpr std::size_t deliveries_max = 4096;
// A broker's refusal raises the fatal error first and reports its messages right after.
constexpr std::chrono::milliseconds refusal_grace{200};

// A pointer that is not null, for librdkafka takes a null one as "no key" or "no value".
const void* bytes_of(std::string_view text) noexcept {
  return text.data() == nullptr ? "" : text.data();
}

std::size_t header_bytes_of(const OutgoingMessage& message) noexcept {
  std::size_t bytes = 0;
  for (const Header& header : message.headers) {
    bytes += header_overhead_bytes + header.name.size();
    if (header.value) bytes += header.value->size();
  }
  return bytes;
}

HeadersPointer headers_of(std::span<const Header> headers) {
  if (headers.empty()) return nullptr;
  HeadersPointer result(rd_kafka_headers_new(headers.size()));
  for (const Header& header : headers) {
    const auto name_size = static_cast<ssize_t>(header.name.size());
    const void* const value = header.value ? bytes_of(*header.value) : nullptr;
    const auto value_size = header.value ? static_cast<ssize_t>(header.value->size()) : 0;
    rd_kafka_header_add(result.get(), header.name.data(), name_size, value, value_size);
  }
  return result;
}

// The library's opaque pointer carries the caller's tag through.
void* opaque_of(std::uint64_t tag) noexcept {
  static_assert(sizeof(void*) >= sizeof(tag));
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(tag));  // NOLINT
}

Delivery delivery_of(const rd_kafka_message_t& message) {
  Delivery result;
  result.tag = reinterpret_cast<std::uintptr_t>(message._private);  // NOLINT
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    result.offset = message.offset;
    return result;
  }
  result.status = verdict_of(message.err).status;
  // Whatever the code says: where the library cannot rule out that it was written, nobody can.
  if (rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED) {
    result.status = DeliveryStatus::unknown;
  }
  const char* const topic = message.rkt != nullptr ? rd_kafka_topic_name(message.rkt) : "";
  result.failure = failure_of(message.err, topic);
  return result;
}

}  // namespace

KafkaProducer::KafkaProducer(rd_kafka_t* handle, std::size_t queue_bytes_max)
    : handle_(handle), queue_(rd_kafka_queue_get_main(handle)), queue_bytes_max_(queue_bytes_max) {
  rd_kafka_set_log_queue(handle_, nullptr);
}

KafkaProducer::~KafkaProducer() {
  topics_.clear();
  queue_.reset();
  // Without this the library would try to send what is queued until the process ends.
  rd_kafka_purge(
      handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
  reap(handle_);
}

rd_kafka_topic_t* KafkaProducer::topic_of(std::string_view name) {
  if (latest_topic_ != nullptr && name == latest_name_) return latest_topic_;
  auto found = topics_.find(name);
  if (found == topics_.end()) {
    const std::string key(name);
    TopicPointer topic(rd_kafka_topic_new(handle_, key.c_str(), nullptr));
    if (!topic) return nullptr;
    found = topics_.try_emplace(key, std::move(topic)).first;
  }
  latest_name_ = found->first;
  latest_topic_ = found->second.get();
  return latest_topic_;
}

Handover KafkaProducer::produce(const OutgoingMessage& message) {
  if (finished_.load(std::memory_order_relaxed)) return Handover::fatal;
  const std::size_t value_size = message.value ? message.value->size() : 0;
  const std::size_t body_bytes = message_overhead_bytes + message.key.size() + value_size;
  const std::size_t header_bytes = header_bytes_of(message);
  if (!queued_.has_room(body_bytes + header_bytes, queue_bytes_max_)) return Handover::queue_full;
  rd_kafka_topic_t* const topic = topic_of(message.topic);
  if (topic == nullptr) {
    return not_accepted(rd_kafka_last_error(), message, nullptr);
  }
  HeadersPointer headers = headers_of(message.headers);
  const void* const value = message.value ? bytes_of(*message.value) : nullptr;
  // Counted before the hand-over, for the delivery may be polled before produce() returns.
  queued_.add(body_bytes, header_bytes);
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      handle_, RD_KAFKA_VTYPE_RKT, topic, RD_KAFKA_VTYPE_PARTITION,
      static_cast<std::int32_t>(message.partition), RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY,
      RD_KAFKA_VTYPE_KEY, bytes_of(message.key), message.key.size(), RD_KAFKA_VTYPE_VALUE, value,
      value_size, RD_KAFKA_VTYPE_HEADERS, headers.get(), RD_KAFKA_VTYPE_OPAQUE,
      opaque_of(message.tag), RD_KAFKA_VTYPE_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    static_cast<void>(headers.release());  // They are the message's now.
    return Handover::accepted;
  }
  queued_.take_back(body_bytes, header_bytes);
  return not_accepted(error, message, topic);
}

Handover KafkaProducer::not_accepted(int code, const OutgoingMessage& message,
                                     rd_kafka_topic_t* topic) {
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) return Handover::queue_full;
  char text[512] = "";
  if (rd_kafka_fatal_error(handle_, text, sizeof(text)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    finished_.store(true, std::memory_order_relaxed);
    wake();
    return Handover::fatal;
  }
  refusal_ = failure_of(code, message.topic);
  if (topic != nullptr && refusal_.kind == FailureKind::hold_topic) {
    // Asks for the topic's metadata without waiting for it, so that a topic or partition made
    // meanwhile is known at the next try and not only at the next regular refresh.
    const rd_kafka_metadata_t* metadata = nullptr;
    if (rd_kafka_metadata(handle_, 0, topic, &metadata, 0) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(metadata);
    }
  }
  return Handover::refused;
}

Poll KafkaProducer::poll(std::chrono::milliseconds timeout) {
  Poll result;
  gather(timeout, result);
  if (finished_.load(std::memory_order_relaxed) && !told_finished_) {
    if (!refused_ && rd_kafka_fatal_error(handle_, nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      // The fatal error may have come a moment before the message that it is about.
      const auto deadline = Clock::now() + refusal_grace;
      for (auto rest = refusal_grace; !refused_ && rest.count() > 0;
           rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now())) {
        gather(rest, result);
      }
    }
    result.fatal = why_finished();
  }
  result.notices = notices_.take();
  return result;
}

void KafkaProducer::gather(std::chrono::milliseconds timeout, Poll& result) {
  auto wait_ms = static_cast<int>(timeout.count());
  while (result.deliveries.size() < deliveries_max) {
    const EventPointer event(rd_kafka_queue_poll(queue_.get(), wait_ms));
    if (!event) return;
    take(*event, result);
    wait_ms = 0;
  }
}

void KafkaProducer::take(rd_kafka_event_t& event, Poll& result) {
  switch (rd_kafka_event_type(&event)) {
    case RD_KAFKA_EVENT_DR:
      return take_deliveries(event, result);
    case RD_KAFKA_EVENT_ERROR:
      return take_error(event);
    case RD_KAFKA_EVENT_LOG: {
      const char* facility = "";
      const char* text = "";
      int level = 0;
      rd_kafka_event_log(&event, &facility, &text, &level);
      // CONFWARN tells of properties that are for other kinds of handles or called experimental;
      // TERMINATE of messages that the caller gives up knowingly.
      const std::string_view subject(facility);
      if (subject == "CONFWARN" || subject == "TERMINATE") return;
      return notices_.add(subject, fmt::format("Kafka: {}", text), Clock::now());
    }
    default:
      return;
  }
}

void KafkaProducer::take_deliveries(rd_kafka_event_t& event, Poll& result) {
  result.deliveries.reserve(result.deliveries.size() + rd_kafka_event_message_count(&event));
  std::size_t bytes = 0;
  std::size_t count = 0;
  while (const rd_kafka_message_t* const message = rd_kafka_event_message_next(&event)) {
    bytes += message_overhead_bytes + message->key_len + message->len;
    ++count;
    const Delivery& delivery = result.deliveries.emplace_back(delivery_of(*message));
    if (delivery.status == DeliveryStatus::refused && !refused_) refused_ = delivery.failure;
  }
  queued_.remove(count, bytes);
  // Some refusals are the library's own (a topic that went away) and raise no fatal error; siblings
  // must not pass those either.
  if (refused_) finished_.store(true, std::memory_order_relaxed);
}

void KafkaProducer::take_error(rd_kafka_event_t& event) {
  const int code = rd_kafka_event_error(&event);
  if (rd_kafka_event_error_is_fatal(&event) != 0) {  // The code is then that of the cause.
    finished_.store(true, std::memory_order_relaxed);
    return;
  }
  std::string text = fmt::format("Kafka: {}", rd_kafka_event_error_string(&event));
  if (means_bad_credentials(code)) text += "; check the settings of user, password and TLS";
  notices_.add(rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(code)), std::move(text),
               Clock::now());
}

std::optional<Failure> KafkaProducer::why_finished() {
  told_finished_ = true;
  if (refused_) return refused_;
  char text[512] = "";
  rd_kafka_fatal_error(handle_, text, sizeof(text));
  return Failure{FailureKind::retry_connection,
                 fmt::format("The Kafka handle is finished: {}", text)};
}

void KafkaProducer::wake() {
  rd_kafka_queue_yield(queue_.get());
}

}  // namespace outbox::broker::kafka
