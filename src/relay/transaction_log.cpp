// SPDX-License-Identifier: Apache-2.0
#include "relay/transaction_log.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <outbox/error.hpp>

namespace outbox::relay {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int format_version = 1;
constexpr std::int64_t first_look = 16;  ///< Offsets from the end: a record, its mark, a few more.
constexpr std::int64_t look_growth = 16;
constexpr std::chrono::milliseconds topic_timeout{5'000};
constexpr std::chrono::milliseconds ranges_timeout{5'000};
constexpr std::chrono::milliseconds reading_timeout{30'000};
constexpr std::chrono::milliseconds piece{500};

void add_ids(std::string& text, std::span<const SentRow> rows, bool replays) {
  text += '[';
  bool first = true;
  for (const SentRow& row : rows) {
    if (row.replay != replays) continue;
    if (!first) text += ',';
    first = false;
    text += '"';
    // Numbers and UUIDs need no escapes; a foreign table's text ids may.
    if (row.id.text.empty()) {
      char digits[24];
      const auto written = std::to_chars(digits, digits + sizeof(digits), row.id.number);
      text.append(digits, written.ptr);
    } else {
      const std::string quoted = Json(row.id.text).dump();
      text.append(quoted, 1, quoted.size() - 2);
    }
    text += '"';
  }
  text += ']';
}

/// Ids of numbers are written as texts, for not every JSON reader holds 64 bits; what looks like a
/// number of ours is one.
RowId id_of(const std::string& text) {
  RowId id;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, id.number);
  if (read.ec != std::errc() || read.ptr != end || std::to_string(id.number) != text) {
    id = {0, text};
  }
  return id;
}

Error no_record(const std::string& why) {
  return Error(ErrorKind::conflict,
               "a record of the control topic is none of this program's: " + why,
               "let nothing else write to that topic, or name another one in "
               "relay.control-topic");
}

/// The last value under the key among the offsets from `first` to before `end`.
std::optional<std::string> last_value(broker::Reader& reader, const broker::Position& first,
                                      std::int64_t end, const std::string& key,
                                      const std::function<bool()>& stopped) {
  std::optional<std::string> found;
  reader.assign({&first, 1});
  const auto deadline = Clock::now() + reading_timeout;
  std::int64_t next = first.offset;
  while (next < end) {
    if (stopped()) throw Error(ErrorKind::failed, "stopped while the control topic was read");
    if (Clock::now() >= deadline) {
      throw Error(ErrorKind::unreachable,
                  "the control topic '" + first.topic + "' was not read to its end in time",
                  "check that its partition " + std::to_string(first.partition) + " has a leader");
    }
    const broker::Reader::Answer answer = reader.poll(1'000, piece);
    for (const broker::IncomingMessage& message : answer.messages) {
      next = std::max(next, message.offset + 1);
      if (message.offset < end && message.key == key && message.value) found = message.value;
    }
    for (const broker::Position& position : answer.at_end)
      next = std::max(next, position.offset);
    if (!answer.out_of_range.empty()) {
      throw Error(ErrorKind::unreachable, "the control topic '" + first.topic +
                                              "' lost records while it was read, it is read again");
    }
  }
  return found;
}

void make_control_topic(broker::Admin& admin, const std::string& topic, int slots) {
  broker::TopicView view = admin.topics({topic}, topic_timeout).at(0);
  if (view.failure) {
    const broker::NewTopic wanted{topic, slots, -1, {{"cleanup.policy", "compact"}}};
    const auto failure = admin.create({wanted}, topic_timeout).at(0);
    // Another relay may have made it just now, or it was only not to be seen.
    view = admin.topics({topic}, topic_timeout).at(0);
    if (view.failure) {
      throw Error(ErrorKind::configuration,
                  "relay.delivery is transactional, and its control topic '" + topic +
                      "' is not there: " + (failure ? failure->reason : view.failure->reason),
                  "make it with " + std::to_string(slots) +
                      " partitions and cleanup.policy=compact, or grant this user Create");
    }
  }
  if (view.partitions < slots) {
    throw Error(ErrorKind::configuration,
                "control topic '" + topic + "' has " + std::to_string(view.partitions) +
                    " partitions, and each of the " + std::to_string(slots) +
                    " slots needs one of its own",
                "name a topic of this relay alone in relay.control-topic, or raise its partitions");
  }
  const broker::TopicConfig config = admin.configs({topic}, topic_timeout).at(0);
  const auto policy = config.values.find("cleanup.policy");
  if (policy != config.values.end() && policy->second != "compact") {
    throw Error(ErrorKind::configuration,
                "control topic '" + topic + "' has cleanup.policy " + policy->second +
                    ": a slot's last record could be deleted, and its events sent twice",
                "set its cleanup.policy to compact");
  }
}

std::vector<SentRow> last_record(broker::Reader& reader, const std::string& topic, int partition,
                                 const std::string& key, const std::function<bool()>& stopped) {
  const auto ranges = reader.ranges(topic, ranges_timeout);
  if (partition >= static_cast<int>(ranges.size())) {
    throw Error(ErrorKind::configuration,
                "control topic '" + topic + "' has no partition " + std::to_string(partition),
                "each slot needs one of its own");
  }
  const broker::PartitionRange& range = ranges[static_cast<std::size_t>(partition)];
  if (range.first < 0 || range.end < 0) {
    throw Error(ErrorKind::unreachable,
                "Kafka did not tell what the control topic '" + topic + "' holds");
  }
  // Mostly the record stands right before the end; behind many aborted transactions, further back.
  for (std::int64_t look = first_look;; look *= look_growth) {
    const std::int64_t first = std::max(range.first, range.end - look);
    const auto value = last_value(reader, {topic, partition, first}, range.end, key, stopped);
    if (value) return decode_sent(*value);
    if (first == range.first) return {};
  }
}

}  // namespace

std::string encode_sent(std::int64_t epoch, std::span<const SentRow> rows) {
  std::string text;
  text.reserve(64 + rows.size() * 12);
  text += R"({"version":1,"epoch":)";
  text += std::to_string(epoch);
  text += R"(,"rows":)";
  add_ids(text, rows, false);
  text += R"(,"replays":)";
  add_ids(text, rows, true);
  text += '}';
  return text;
}

std::vector<SentRow> decode_sent(std::string_view value) {
  const Json record = Json::parse(value, nullptr, false);
  if (!record.is_object()) throw no_record("it is no JSON object");
  const auto version = record.find("version");
  if (version == record.end() || !version->is_number_integer())
    throw no_record("it has no version");
  if (version->get<int>() != format_version) {
    throw Error(ErrorKind::conflict,
                "the control topic's records are of version " + version->dump() +
                    ", this program reads version 1",
                "run the program that wrote them, or a newer one");
  }
  std::vector<SentRow> rows;
  for (const bool replays : {false, true}) {
    const auto list = record.find(replays ? "replays" : "rows");
    if (list == record.end() || !list->is_array()) throw no_record("it has no list of rows");
    for (const Json& id : *list) {
      if (!id.is_string()) throw no_record("an id is no text");
      rows.push_back({id_of(id.get<std::string>()), replays});
    }
  }
  return rows;
}

std::string transactional_id(const std::string& outbox_id, const std::string& relay_name,
                             int generation, int slot) {
  std::string id = outbox_id;
  if (relay_name != "default") id += "-" + relay_name;
  return id + "-g" + std::to_string(generation) + "-s" + std::to_string(slot);
}

TransactionLog::TransactionLog(const broker::Home& broker, const TransactionPlan& plan)
    : broker_(broker), plan_(plan) {}

std::string TransactionLog::transactional_id(int slot) const {
  return relay::transactional_id(plan_.outbox_id, plan_.relay_name, plan_.generation, slot);
}

void TransactionLog::require_topic() {
  const std::lock_guard lock(mutex_);
  if (has_topic_) return;
  make_control_topic(*broker_.admin(), plan_.control_topic, plan_.slots);
  has_topic_ = true;
}

std::unique_ptr<broker::Reader> TransactionLog::take_reader() {
  const std::lock_guard lock(mutex_);
  if (readers_.empty()) return broker_.reader("outboxd-transactions");
  auto reader = std::move(readers_.back());
  readers_.pop_back();
  return reader;
}

std::vector<SentRow> TransactionLog::read_back(int slot, const std::function<bool()>& stopped) {
  turns_.acquire();
  const std::unique_ptr<void, std::function<void(void*)>> turn(this,
                                                               [this](void*) { turns_.release(); });
  std::unique_ptr<broker::Reader> reader = take_reader();
  std::vector<SentRow> sent =
      last_record(*reader, plan_.control_topic, slot, transactional_id(slot), stopped);
  const std::lock_guard lock(mutex_);
  readers_.push_back(std::move(reader));
  return sent;
}

}  // namespace outbox::relay
