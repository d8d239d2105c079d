// SPDX-License-Identifier: Apache-2.0
//
// What the tests of a broker's home have in common: topics of their own, sending with the relay's
// gating, and reading until all that is expected has come.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/home.hpp"

namespace outbox::testing {

inline constexpr std::chrono::seconds patience{30};

/// A name that no other test and no other run uses.
inline std::string unique_name(const std::string& purpose) {
  static std::atomic<int> number{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return purpose + "-" + std::to_string(getpid()) + "-" + std::to_string(now % 1000000000) + "-" +
         std::to_string(++number);
}

inline std::string make_topic(const broker::Home& home, const std::string& purpose, int partitions,
                              std::map<std::string, std::string> config = {}) {
  broker::NewTopic topic;
  topic.name = unique_name(purpose);
  topic.partitions = partitions;
  topic.config = std::move(config);
  const auto failure = home.admin()->create({topic}, patience).front();
  EXPECT_FALSE(failure) << (failure ? failure->reason : "");
  return topic.name;
}

/// A message that owns what it points to.
struct Sent {
  std::string topic;
  int partition = 0;
  std::string key;
  std::optional<std::string> value;
  std::vector<broker::Header> headers;
  std::uint64_t tag = 0;
};

inline broker::Handover hand_over(broker::Producer& producer, const Sent& sent) {
  broker::OutgoingMessage message;
  message.topic = sent.topic;
  message.partition = sent.partition;
  message.key = sent.key;
  if (sent.value) message.value = *sent.value;
  message.headers = sent.headers;
  message.tag = sent.tag;
  return producer.produce(message);
}

/// All that a handle reports until `count` deliveries came, it ended, or patience did.
inline broker::Poll await_deliveries(broker::Producer& producer, std::size_t count) {
  broker::Poll all;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (all.deliveries.size() < count && !all.fatal &&
         std::chrono::steady_clock::now() < deadline) {
    broker::Poll poll = producer.poll(std::chrono::milliseconds(200));
    all.deliveries.insert(all.deliveries.end(), poll.deliveries.begin(), poll.deliveries.end());
    all.notices.insert(all.notices.end(), poll.notices.begin(), poll.notices.end());
    all.fatal = poll.fatal;
  }
  return all;
}

/// Hands `sent` over, polling where the queue is full, and waits for all deliveries.
inline broker::Poll send_all(broker::Producer& producer, const std::vector<Sent>& sent) {
  broker::Poll all;
  for (const Sent& message : sent) {
    broker::Handover answer = hand_over(producer, message);
    while (answer == broker::Handover::queue_full) {
      broker::Poll poll = producer.poll(std::chrono::milliseconds(50));
      all.deliveries.insert(all.deliveries.end(), poll.deliveries.begin(), poll.deliveries.end());
      answer = hand_over(producer, message);
    }
    EXPECT_EQ(answer, broker::Handover::accepted);
  }
  if (all.deliveries.size() < sent.size()) {
    const broker::Poll rest = await_deliveries(producer, sent.size() - all.deliveries.size());
    all.deliveries.insert(all.deliveries.end(), rest.deliveries.begin(), rest.deliveries.end());
    all.fatal = rest.fatal;
    all.notices = rest.notices;
  }
  return all;
}

inline std::size_t acknowledged_in(const broker::Poll& poll) {
  std::size_t count = 0;
  for (const broker::Delivery& delivery : poll.deliveries) {
    if (delivery.status == broker::DeliveryStatus::acknowledged) ++count;
  }
  return count;
}

/// Polls until `count` messages came; gives what came when patience ends.
inline broker::IncomingBatch read(broker::Consumer& consumer, std::size_t count) {
  broker::IncomingBatch all;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (all.messages.size() < count && std::chrono::steady_clock::now() < deadline) {
    broker::IncomingBatch batch = consumer.poll(10000, std::chrono::milliseconds(200));
    if (!batch.revoked.empty()) all.messages.clear();
    std::move(batch.messages.begin(), batch.messages.end(), std::back_inserter(all.messages));
  }
  return all;
}

/// The offsets behind the last message of each partition.
inline std::vector<broker::Position> behind(const broker::IncomingBatch& batch) {
  std::map<std::pair<std::string, int>, std::int64_t> next;
  for (const broker::IncomingMessage& message : batch.messages) {
    next[{message.topic, message.partition}] = message.offset + 1;
  }
  std::vector<broker::Position> positions;
  for (const auto& [where, offset] : next)
    positions.push_back({where.first, where.second, offset});
  return positions;
}

/// What a new group finds in `topic`, in order per partition.
inline std::vector<broker::IncomingMessage> read_topic(const broker::Home& home,
                                                       const std::string& topic,
                                                       std::size_t count) {
  const auto consumer = home.consumer({unique_name("reader"), {topic}, "earliest"});
  broker::IncomingBatch batch = read(*consumer, count);
  // Nothing may come behind what was expected.
  const broker::IncomingBatch surplus = consumer->poll(1000, std::chrono::milliseconds(300));
  std::move(surplus.messages.begin(), surplus.messages.end(), std::back_inserter(batch.messages));
  return batch.messages;
}

}  // namespace outbox::testing
