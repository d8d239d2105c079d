// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <outbox/error.hpp>
#include <utility>

#include "broker/kafka/failures.hpp"
#include "broker/kafka/incoming.hpp"
#include "broker/kafka/properties.hpp"
#include "broker/kafka/reaper.hpp"

namespace outbox::broker::kafka {
namespace {

using Clock = std::chrono::steady_clock;
using OptionsPointer =
    std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<&rd_kafka_AdminOptions_destroy>>;

// A wait is cut into pieces of this, so that a refused login ends it and not its time-out.
constexpr std::chrono::milliseconds piece{250};

int ms_until(Clock::time_point deadline, std::chrono::milliseconds at_most) {
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(rest.count(), 0, at_most.count()));
}

PartitionsPointer list_of(std::span<const Position> positions) {
  PartitionsPointer list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const Position& position : positions) {
    rd_kafka_topic_partition_list_add(list.get(), position.topic.c_str(), position.partition)
        ->offset = position.offset;
  }
  return list;
}

}  // namespace

KafkaReader::KafkaReader(Properties properties, std::string servers)
    : servers_(std::move(servers)) {
  rd_kafka_conf_set_opaque(properties.get(), this);
  rd_kafka_conf_set_error_cb(properties.get(), &KafkaReader::on_error);
  // Its log lines are about reconnects, which the errors tell as well.
  rd_kafka_conf_set_log_cb(properties.get(), nullptr);
  handle_ = properties.make(RD_KAFKA_CONSUMER);
  queue_.reset(rd_kafka_queue_get_consumer(handle_));
}

KafkaReader::~KafkaReader() {
  // Without a group there is nobody to be told, and the fetching ends with the handle.
  queue_.reset();
  reap(handle_);
}

void KafkaReader::on_error(rd_kafka_t* /*handle*/, int code, const char* text, void* reader) {
  auto* const self = static_cast<KafkaReader*>(reader);
  // "All brokers are down" says less than what was said before it.
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) self->latest_error_ = text;
  if (!means_bad_credentials(code)) return;  // The library reconnects by itself.
  self->login_error_ = code;
  self->login_text_ = text;
}

void KafkaReader::serve() {
  rd_kafka_poll(handle_, 0);
  if (login_error_ != 0) throw_error(std::exchange(login_error_, 0), login_text_);
}

std::vector<PartitionRange> KafkaReader::ranges(const std::string& topic,
                                                std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  const int partitions = partitions_of(topic, deadline);
  // The beginnings first: what is removed meanwhile makes a range too long and not negative.
  const auto first = offsets_of(topic, partitions, RD_KAFKA_OFFSET_SPEC_EARLIEST, deadline);
  const auto end = offsets_of(topic, partitions, RD_KAFKA_OFFSET_SPEC_LATEST, deadline);
  std::vector<PartitionRange> ranges;
  ranges.reserve(first.size());
  for (int partition = 0; partition < partitions; ++partition) {
    ranges.push_back({partition, first.at(partition), end.at(partition)});
  }
  return ranges;
}

std::vector<Position> KafkaReader::offsets_at(const std::string& topic, std::int64_t timestamp_ms,
                                              std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  const int partitions = partitions_of(topic, deadline);
  // Negative times are words to Kafka, such as "the end".
  const auto found =
      offsets_of(topic, partitions, std::max<std::int64_t>(timestamp_ms, 0), deadline);
  const auto end = offsets_of(topic, partitions, RD_KAFKA_OFFSET_SPEC_LATEST, deadline);
  std::vector<Position> positions;
  positions.reserve(found.size());
  for (const auto& [partition, offset] : found)
    positions.push_back({topic, partition, offset < 0 ? end.at(partition) : offset});
  return positions;
}

int KafkaReader::partitions_of(const std::string& topic, Deadline deadline) {
  const TopicPointer object(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
  if (!object) throw_error(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "no topic can have this name");
  for (;;) {
    const rd_kafka_metadata_t* raw = nullptr;
    const rd_kafka_resp_err_t error = rd_kafka_metadata(handle_, 0, object.get(), &raw,
                                                        std::max(ms_until(deadline, 2 * piece), 1));
    const MetadataPointer metadata(raw);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
      const rd_kafka_metadata_topic_t& found = metadata->topics[0];
      if (found.err == RD_KAFKA_RESP_ERR_NO_ERROR && found.partition_cnt > 0) {
        return found.partition_cnt;
      }
      if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR &&
          found.err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        throw_error(found.err, fmt::format("topic '{}': {}", topic, rd_kafka_err2str(found.err)));
      }
    }
    serve();
    if (Clock::now() >= deadline) throw_unreachable(topic);
  }
}

std::map<int, std::int64_t> KafkaReader::offsets_of(const std::string& topic, int partitions,
                                                    std::int64_t which, Deadline deadline) {
  std::vector<Position> wanted;
  wanted.reserve(static_cast<std::size_t>(partitions));
  for (int i = 0; i < partitions; ++i)
    wanted.push_back({topic, i, which});
  const PartitionsPointer list = list_of(wanted);
  const OptionsPointer options(rd_kafka_AdminOptions_new(handle_, RD_KAFKA_ADMIN_OP_LISTOFFSETS));
  char text[512] = "";
  const int timeout_ms = std::max(ms_until(deadline, std::chrono::hours(1)), 1);
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, text, sizeof(text));
  const QueuePointer answers(rd_kafka_queue_new(handle_));
  rd_kafka_ListOffsets(handle_, list.get(), options.get(), answers.get());
  // The library ends the request itself at its time-out; the margin lets its answer come.
  EventPointer event;
  while (!event && Clock::now() < deadline + piece) {
    event.reset(rd_kafka_queue_poll(answers.get(), static_cast<int>(piece.count())));
    serve();
  }
  if (!event || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw_unreachable(topic);
  }
  std::map<int, std::int64_t> offsets;
  std::size_t count = 0;
  const auto** const infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  for (const auto* const info : std::span(infos, count)) {
    const auto* const found = rd_kafka_ListOffsetsResultInfo_topic_partition(info);
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw_error(found->err, fmt::format("topic '{}', partition {}: {}", topic, found->partition,
                                          rd_kafka_err2str(found->err)));
    }
    offsets[found->partition] = found->offset;
  }
  if (static_cast<int>(offsets.size()) != partitions) throw_unreachable(topic);
  return offsets;
}

void KafkaReader::assign(std::span<const Position> from) {
  refused_.clear();
  std::vector<Position> held;
  for (const Position& position : from) {
    // To the library negative offsets are words such as "from the end".
    (position.offset < 0 ? refused_ : held).push_back(position);
  }
  const rd_kafka_resp_err_t error = rd_kafka_assign(handle_, list_of(held).get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw_error(error, rd_kafka_err2str(error));
}

Reader::Answer KafkaReader::poll(int messages_max, std::chrono::milliseconds timeout) {
  serve();
  Answer answer;
  answer.out_of_range = std::exchange(refused_, {});
  const Deadline deadline = Clock::now() + timeout;
  while (static_cast<int>(answer.messages.size()) < messages_max) {
    const bool empty =
        answer.messages.empty() && answer.out_of_range.empty() && answer.at_end.empty();
    const int wait_ms = empty && !woken_.load() ? ms_until(deadline, piece) : 0;
    const MessagePointer message(rd_kafka_consumer_poll(handle_, wait_ms));
    if (message) {
      take(*message, answer);
    } else if (wait_ms == 0) {
      break;
    } else {
      serve();
    }
  }
  woken_.store(false);
  return answer;
}

void KafkaReader::take(const rd_kafka_message_t& message, Answer& answer) const {
  const auto position = [&message] {
    return Position{rd_kafka_topic_name(message.rkt), message.partition, message.offset};
  };
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      answer.messages.push_back(incoming_of(message));
      return;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      answer.at_end.push_back(position());
      return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      if (message.rkt != nullptr) answer.out_of_range.push_back(position());
      return;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      throw_error(message.err, rd_kafka_message_errstr(&message));
    default:
      // Of the way to the brokers, on which the library goes on by itself; or of the group, whose
      // name is worth nothing here but for note_progress().
      return;
  }
}

void KafkaReader::note_progress(std::span<const Position> next) {
  if (next.empty()) return;
  rd_kafka_commit(handle_, list_of(next).get(), 1);
}

void KafkaReader::wake() {
  woken_.store(true);
  rd_kafka_queue_yield(queue_.get());
}

void KafkaReader::throw_error(int code, const std::string& text) const {
  const std::string what = fmt::format("Kafka at {}: {}", servers_, text);
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      throw Error(ErrorKind::not_found, what, "Make the topic with: outboxd topics create");
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      throw Error(ErrorKind::configuration, what,
                  "Grant this Kafka user Read and Describe on the topic");
    default:
      break;
  }
  if (means_bad_credentials(code)) {
    throw Error(ErrorKind::configuration, what,
                "Check KAFKA_USER, KAFKA_PASSWORD, KAFKA_SASL_MECHANISM and the TLS settings");
  }
  throw Error(ErrorKind::failed, what);
}

void KafkaReader::throw_unreachable(const std::string& topic) const {
  throw Error(ErrorKind::unreachable,
              fmt::format("Kafka at {} did not tell in time what topic '{}' holds{}", servers_,
                          topic, latest_error_.empty() ? "" : " (" + latest_error_ + ")"),
              "Check that it runs, KAFKA_BOOTSTRAP_SERVERS, and the security protocol");
}

}  // namespace outbox::broker::kafka
