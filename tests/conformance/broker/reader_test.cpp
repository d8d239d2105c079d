// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <outbox/error.hpp>
#include <thread>

#include "conformance/broker/broker_tools.hpp"
#include "conformance/broker/homes.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;

class Reading : public BrokerConformance {
 protected:
  void fill(const std::string& topic, int count, int partitions = 1) {
    const auto producer = home_.producer("filler");
    std::vector<Sent> sent;
    for (int i = 0; i < count; ++i) {
      sent.push_back({topic, i % partitions, "k", std::to_string(i), {}, 0});
    }
    ASSERT_EQ(acknowledged_in(send_all(*producer, sent)), static_cast<std::size_t>(count));
  }

  std::unique_ptr<broker::Reader> reader_ = home_.reader(unique_name("reader"));
};

/// Polls until `enough` says so, or patience ends.
template <class Enough>
broker::Reader::Answer read_until(broker::Reader& reader, Enough enough) {
  broker::Reader::Answer all;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!enough(all) && std::chrono::steady_clock::now() < deadline) {
    broker::Reader::Answer answer = reader.poll(1000, 200ms);
    std::move(answer.messages.begin(), answer.messages.end(), std::back_inserter(all.messages));
    all.out_of_range.insert(all.out_of_range.end(), answer.out_of_range.begin(),
                            answer.out_of_range.end());
    all.at_end.insert(all.at_end.end(), answer.at_end.begin(), answer.at_end.end());
  }
  return all;
}

auto messages(std::size_t count) {
  return [count](const broker::Reader::Answer& all) { return all.messages.size() >= count; };
}

TEST_P(Reading, tells_what_each_partition_holds) {
  const std::string topic = make_topic(home_, "ranges", 3);
  fill(topic, 5, 2);
  const auto ranges = reader_->ranges(topic, patience);
  ASSERT_EQ(ranges.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const broker::PartitionRange& range = ranges[static_cast<std::size_t>(i)];
    EXPECT_EQ(range.partition, i);
    EXPECT_EQ(range.first, 0);
    EXPECT_EQ(range.end, (std::vector<std::int64_t>{3, 2, 0})[static_cast<std::size_t>(i)]);
  }
}

TEST_P(Reading, finds_the_offsets_of_a_time_or_says_that_it_cannot) {
  const std::string topic = make_topic(home_, "times", 2);
  if (!features().knows_times) {
    EXPECT_THROW((void)reader_->offsets_at(topic, 1, patience), Error);
    return;
  }
  fill(topic, 4, 2);
  reader_->assign(std::vector<broker::Position>{{topic, 0, 0}, {topic, 1, 0}});
  const auto all = read_until(*reader_, messages(4));
  ASSERT_EQ(all.messages.size(), 4U);
  std::int64_t last_ms = 0;
  for (const broker::IncomingMessage& message : all.messages)
    last_ms = std::max(last_ms, message.timestamp_ms);
  const auto from_the_first = reader_->offsets_at(topic, 1, patience);
  const auto behind_the_last = reader_->offsets_at(topic, last_ms + 1, patience);
  ASSERT_EQ(from_the_first.size(), 2U);
  ASSERT_EQ(behind_the_last.size(), 2U);
  for (const int partition : {0, 1}) {
    const auto at = static_cast<std::size_t>(partition);
    EXPECT_EQ(from_the_first[at].partition, partition);
    EXPECT_EQ(from_the_first[at].offset, 0);
    EXPECT_EQ(behind_the_last[at].offset, 2) << "the end, where nothing is as late";
  }
}

TEST_P(Reading, says_that_a_topic_is_not_there) {
  try {
    static_cast<void>(reader_->ranges(unique_name("nowhere"), patience));
    FAIL() << "a range of a topic that is not there";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
  }
}

TEST_P(Reading, reads_only_the_partitions_assigned_from_the_offsets_given) {
  const std::string topic = make_topic(home_, "offsets", 3);
  fill(topic, 30, 3);
  reader_->assign(std::vector<broker::Position>{{topic, 0, 7}, {topic, 2, 0}});
  const auto answer = read_until(
      *reader_, [](const broker::Reader::Answer& all) { return all.at_end.size() >= 2; });
  ASSERT_EQ(answer.messages.size(), 13U);
  std::map<int, std::int64_t> next{{0, 7}, {2, 0}};
  for (const broker::IncomingMessage& message : answer.messages) {
    ASSERT_TRUE(next.contains(message.partition)) << message.partition;
    EXPECT_EQ(message.offset, next[message.partition]++);
    EXPECT_EQ(message.value, std::to_string(message.offset * 3 + message.partition));
  }
  for (const broker::Position& end : answer.at_end)
    EXPECT_EQ(end.offset, 10);
}

TEST_P(Reading, goes_on_with_what_is_sent_later) {
  const std::string topic = make_topic(home_, "later", 1);
  fill(topic, 3);
  reader_->assign(std::vector<broker::Position>{{topic, 0, 3}});
  const auto before =
      read_until(*reader_, [](const broker::Reader::Answer& all) { return !all.at_end.empty(); });
  EXPECT_TRUE(before.messages.empty());
  fill(topic, 2);
  const auto after = read_until(*reader_, messages(2));
  ASSERT_EQ(after.messages.size(), 2U);
  EXPECT_EQ(after.messages.front().offset, 3);
}

TEST_P(Reading, takes_another_assignment_in_place_of_the_former) {
  const std::string topic = make_topic(home_, "again", 2);
  fill(topic, 10, 2);
  reader_->assign(std::vector<broker::Position>{{topic, 0, 0}});
  ASSERT_EQ(read_until(*reader_, messages(5)).messages.size(), 5U);
  reader_->assign(std::vector<broker::Position>{{topic, 1, 4}});
  const auto answer = read_until(*reader_, messages(1));
  ASSERT_EQ(answer.messages.size(), 1U);
  EXPECT_EQ(answer.messages.front().partition, 1);
  EXPECT_EQ(answer.messages.front().offset, 4);
}

TEST_P(Reading, takes_at_most_what_was_asked_for) {
  const std::string topic = make_topic(home_, "few", 1);
  fill(topic, 20);
  reader_->assign(std::vector<broker::Position>{{topic, 0, 0}});
  std::size_t total = 0;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (total < 20 && std::chrono::steady_clock::now() < deadline) {
    const std::size_t count = reader_->poll(7, 1s).messages.size();
    EXPECT_LE(count, 7U);
    total += count;
  }
  EXPECT_EQ(total, 20U);
}

TEST_P(Reading, reports_an_offset_that_is_not_there_and_reads_the_other_partitions) {
  const std::string topic = make_topic(home_, "range", 3);
  fill(topic, 9, 3);
  reader_->assign(std::vector<broker::Position>{{topic, 0, 5000}, {topic, 1, 0}, {topic, 2, -7}});
  const auto answer = read_until(*reader_, [](const broker::Reader::Answer& all) {
    return all.out_of_range.size() >= 2 && all.messages.size() >= 3;
  });
  EXPECT_EQ(answer.messages.size(), 3U);
  ASSERT_EQ(answer.out_of_range.size(), 2U);
  std::map<int, std::int64_t> reported;
  for (const broker::Position& position : answer.out_of_range) {
    EXPECT_EQ(position.topic, topic);
    reported[position.partition] = position.offset;
  }
  EXPECT_EQ(reported, (std::map<int, std::int64_t>{{0, 5000}, {2, -7}}));
}

TEST_P(Reading, notes_its_progress_where_tools_find_it) {
  const std::string topic = make_topic(home_, "progress", 1);
  fill(topic, 10);
  // It is not told when the brokers have it, so it is given ever more time; with a group of its own
  // each time, since one that has members takes it from them alone.
  std::int64_t found = -1;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto time = 300ms; found != 6 && std::chrono::steady_clock::now() < deadline; time *= 2) {
    const std::string group = unique_name("group");
    const auto reader = home_.reader(group);
    reader->assign(std::vector<broker::Position>{{topic, 0, 0}});
    ASSERT_EQ(read_until(*reader, messages(10)).messages.size(), 10U);
    reader->note_progress(std::vector<broker::Position>{{topic, 0, 6}});
    static_cast<void>(reader->poll(1, time));
    const auto successor = home_.consumer({group, {topic}, "earliest"});
    const broker::IncomingBatch batch = read(*successor, 1);
    ASSERT_FALSE(batch.messages.empty());
    found = batch.messages.front().offset;
  }
  EXPECT_EQ(found, 6);
}

TEST_P(Reading, wakes_a_poll_that_waits_on_another_thread) {
  const std::string topic = make_topic(home_, "wake", 1);
  reader_->assign(std::vector<broker::Position>{{topic, 0, 0}});
  read_until(*reader_, [](const broker::Reader::Answer& all) { return !all.at_end.empty(); });
  const auto start = std::chrono::steady_clock::now();
  const std::jthread waker([&] { reader_->wake(); });
  EXPECT_TRUE(reader_->poll(10, 20s).messages.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

INSTANTIATE_TEST_SUITE_P(Broker, Reading, ::testing::ValuesIn(all_brokers()),
                         [](const auto& home) { return home.param.name; });

}  // namespace
}  // namespace outbox::testing
