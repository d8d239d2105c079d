// SPDX-License-Identifier: Apache-2.0
//
// Reads the topics, on a thread of its own: what is new, and between that, without waiting, the
// catch-ups that the hub asks for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "broker/reader.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "gateway/catch_up.hpp"

namespace outbox::gateway {

class Hub;

struct SourceOptions {
  std::vector<std::string> topics;
  std::string group_id;  ///< Of this gateway alone: a name for note_progress().
};

/// Thread-safety: run() is one thread; the functions of CatchUps and brokers_away() are any's.
class Source : public CatchUps {
 public:
  Source(SourceOptions options, broker::ReaderMaker make_reader, Logger& logger);
  ~Source() override;

  /// A partition and where its new messages begin.
  struct Start {
    std::string topic;
    int partition = 0;
    std::int64_t offset = 0;
  };
  /// Asks for the topics' partitions and their ends, again until `timeout` is over. To be called
  /// once, before run(). Throws Error(not_found) without a topic, Error(unreachable).
  [[nodiscard]] std::vector<Start> connect(std::chrono::milliseconds timeout,
                                           const std::stop_token& stop);

  /// Where the hub's functions are called: `post` runs a task on its thread.
  void attach(Hub& hub, std::function<void(std::function<void()>)> post);

  /// Until a stop. Throws Error(configuration), Error(not_found) where no waiting helps.
  void run(const std::stop_token& stop);

  [[nodiscard]] bool brokers_away() const { return brokers_away_; }

  void open(std::uint64_t id) override;
  void start(std::uint64_t id, Offsets from) override;
  void more(std::uint64_t id) override;
  void end(std::uint64_t id) override;

 private:
  struct CatchUp {
    std::unique_ptr<broker::Reader> reader;
    Offsets next;
    bool wants_more = false;
  };

  void ask(std::function<void()> question);
  void do_what_is_asked();
  void open_now(std::uint64_t id);
  void start_now(std::uint64_t id, Offsets from);
  void end_now(std::uint64_t id);
  void read_live(std::chrono::milliseconds wait);
  void take_live(broker::Reader::Answer answer);
  bool read_catch_ups();
  bool read_catch_up(std::uint64_t id, CatchUp& catch_up);
  void move_live();
  void move_live_of(const std::string& topic);
  void pause();
  void look_around(Moment now);
  void add_new_partitions(const std::string& topic,
                          const std::vector<broker::PartitionRange>& ranges);
  void assign_live();
  [[nodiscard]] std::vector<MessagePointer> taken(std::vector<broker::IncomingMessage>& incoming,
                                                  Offsets& next) const;
  void tell(std::function<void(Hub&)> news);
  void say_away(const char* what, const std::string& why);

  const SourceOptions options_;
  const broker::ReaderMaker make_reader_;
  Logger& logger_;
  Slots slots_;
  Offsets next_;               ///< Of what is new.
  std::vector<bool> is_gone_;  ///< Partitions that a topic made anew has no more.
  std::unique_ptr<broker::Reader> live_;
  std::vector<std::unique_ptr<broker::Reader>> spare_;  ///< Connected, with nothing to read.
  std::map<std::uint64_t, CatchUp> catch_ups_;
  Hub* hub_ = nullptr;
  std::function<void(std::function<void()>)> post_;
  bool is_topic_gone_ = false;
  Moment look_around_at_{};
  Moment note_at_{};
  std::atomic<bool> brokers_away_{false};

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> asked_;
  int untaken_ = 0;  ///< Portions that the hub has not looked at yet.
  std::stop_token stop_;
};

}  // namespace outbox::gateway
