// SPDX-License-Identifier: Apache-2.0
#include "gateway/source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include <outbox/error.hpp>

#include "core/bounded_queue.hpp"
#include "fakes.hpp"
#include "gateway/hub.hpp"

namespace outbox::gateway {
namespace {

using testing::Connected;
using ::testing::ElementsAre;
using namespace std::chrono_literals;

/// A topic of one partition that all its readers share.
class FakeTopic {
 public:
  void append(int count) {
    {
      const std::lock_guard lock(mutex_);
      end_ += count;
    }
    changed_.notify_all();
  }
  void begin_anew(std::int64_t first, std::int64_t end) {
    {
      const std::lock_guard lock(mutex_);
      first_ = first;
      end_ = end;
    }
    changed_.notify_all();
  }
  void answer_ranges(bool answers) {
    const std::lock_guard lock(mutex_);
    answers_ = answers;
  }

  broker::ReaderMaker maker() {
    return [this](const std::string& group) {
      groups.push_back(group);
      return std::make_unique<Reader>(*this);
    };
  }

  std::vector<std::string> groups;

 private:
  class Reader : public broker::Reader {
   public:
    explicit Reader(FakeTopic& topic) : topic_(topic) {}

    std::vector<broker::PartitionRange> ranges(const std::string& name,
                                               std::chrono::milliseconds /*timeout*/) override {
      const std::lock_guard lock(topic_.mutex_);
      if (!topic_.answers_) throw Error(ErrorKind::unreachable, "away");
      if (name != "t") throw Error(ErrorKind::not_found, "no topic " + name);
      return {{0, topic_.first_, topic_.end_}};
    }
    std::vector<broker::Position> offsets_at(const std::string& /*name*/,
                                             std::int64_t /*timestamp_ms*/,
                                             std::chrono::milliseconds /*timeout*/) override {
      throw Error(ErrorKind::failed, "the gateway asks for no times");
    }
    void assign(std::span<const broker::Position> from) override {
      next_ = from.empty() ? -1 : from[0].offset;
    }
    Answer poll(int messages_max, std::chrono::milliseconds timeout) override {
      std::unique_lock lock(topic_.mutex_);
      const auto has_news = [this] {
        return is_woken_ || (next_ >= 0 && (next_ < topic_.end_ || is_out()));
      };
      topic_.changed_.wait_for(lock, timeout, has_news);
      is_woken_ = false;
      Answer answer;
      if (next_ >= 0 && is_out()) {
        answer.out_of_range.push_back({"t", 0, next_});
        next_ = -1;
      }
      while (next_ >= 0 && next_ < topic_.end_ &&
             static_cast<int>(answer.messages.size()) < messages_max) {
        broker::IncomingMessage message;
        message.topic = "t";
        message.offset = next_;
        message.value = std::to_string(next_++);
        answer.messages.push_back(std::move(message));
      }
      return answer;
    }
    void note_progress(std::span<const broker::Position> /*next*/) override {}
    void wake() override {
      {
        const std::lock_guard lock(topic_.mutex_);
        is_woken_ = true;
      }
      topic_.changed_.notify_all();
    }

   private:
    [[nodiscard]] bool is_out() const { return next_ < topic_.first_ || next_ > topic_.end_; }

    FakeTopic& topic_;
    std::int64_t next_ = -1;
    bool is_woken_ = false;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t first_ = 0;
  std::int64_t end_ = 0;
  bool answers_ = true;
};

/// A source on its thread, and a hub on this one.
class SourceTest : public ::testing::Test {
 protected:
  void start() {
    for (const auto& one : source_.connect(1s, {}))
      hub_.add_slot(one.topic, one.partition, one.offset);
    source_.attach(hub_, [this](auto task) { tasks_.push(std::move(task)); });
    thread_ = std::jthread([this](const std::stop_token& stop) { source_.run(stop); });
  }
  Connected connect(std::optional<std::string> position = {}) {
    ClientTerms terms;
    terms.form = Form::resumable;
    if (position) terms.resume = hub_.slots().parse(*position);
    Connected connected;
    connected.client = hub_.make_client(std::move(terms));
    connected.open();
    return connected;
  }
  /// Until the client has got so many frames.
  const std::vector<std::string>& wait_for(Connected& client, std::size_t count) {
    while (client.take_all().size() < count) {
      const auto task = tasks_.pop(5s);
      if (!task) {
        ADD_FAILURE() << "only " << client.push->received.size() << " of " << count;
        break;
      }
      (*task)();
    }
    return client.push->received;
  }
  static std::string frame(int offset) {
    return "{\"position\":\"0:" + std::to_string(offset + 1) +
           "\",\"key\":null,\"value\":" + std::to_string(offset) + "}";
  }

  FakeTopic topic_;
  Logger logger_{LogLevel::error};
  BoundedQueue<std::function<void()>> tasks_{100};
  Source source_{{{"t"}, "ws-consumer-1"}, topic_.maker(), logger_};
  Hub hub_{hub_options(), Slots({"t"}), source_,
           [this](auto task) { tasks_.push(std::move(task)); }};
  std::jthread thread_;

 private:
  static HubOptions hub_options() {
    HubOptions options;
    options.ring_bytes = 0;
    return options;
  }
};

TEST_F(SourceTest, begins_with_what_is_new) {
  topic_.append(3);
  start();
  Connected client = connect();
  topic_.append(2);
  EXPECT_THAT(wait_for(client, 2), ElementsAre(frame(3), frame(4)));
  EXPECT_THAT(topic_.groups, ElementsAre("ws-consumer-1"));
}

TEST_F(SourceTest, reads_what_is_older_for_who_comes_back_and_goes_on) {
  topic_.append(5);
  start();
  Connected client = connect("0:2");
  wait_for(client, 3);
  topic_.append(1);
  EXPECT_THAT(wait_for(client, 4), ElementsAre(frame(2), frame(3), frame(4), frame(5)));
}

TEST_F(SourceTest, tells_of_a_gap_where_the_topic_is_made_anew) {
  topic_.append(5);
  start();
  Connected client = connect();
  topic_.begin_anew(0, 2);
  EXPECT_THAT(wait_for(client, 3),
              ElementsAre(R"({"gap":true,"from":"0:5","to":"0:0"})", frame(0), frame(1)));
}

TEST_F(SourceTest, says_which_topic_is_missing) {
  Source source({{"missing"}, "g"}, topic_.maker(), logger_);
  try {
    (void)source.connect(10s, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
  }
}

TEST_F(SourceTest, gives_up_on_brokers_that_are_away_at_the_start) {
  topic_.answer_ranges(false);
  try {
    (void)source_.connect(1ms, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  }
}

}  // namespace
}  // namespace outbox::gateway
