// SPDX-License-Identifier: Apache-2.0
#include "gateway/source.hpp"

#include <algorithm>
#include <utility>

#include <outbox/error.hpp>

#include "gateway/hub.hpp"

namespace outbox::gateway {
namespace {

using std::chrono::milliseconds;

constexpr int live_messages_max = 1'000;
constexpr int catch_up_messages_max = 500;
constexpr milliseconds idle_wait{500};  // Ends earlier by wake().
constexpr milliseconds busy_wait{2};    // With catch-ups that may get something at any time.
constexpr milliseconds ranges_timeout{5'000};
/// Once clients are served: live messages wait as long as a broker that hangs does not answer.
constexpr milliseconds look_timeout{1'000};
constexpr milliseconds pause_time{500};
constexpr milliseconds look_around_interval{10'000};
constexpr milliseconds look_again_interval{1'000};  // While there is nobody, or no topic.
constexpr milliseconds note_interval{5'000};
constexpr std::chrono::seconds log_interval{30};
/// Portions on their way to the hub: it is slower than the brokers, or it would have them by now.
constexpr int untaken_max = 8;
constexpr std::size_t live_portion = 100;
constexpr std::size_t spare_readers_max = 2;

constexpr const char* topic_gone = "a topic is gone, clients wait for it to be there again";

/// Waiting may help, where nobody has to change a setting or a right.
bool may_pass(const Error& error) {
  return error.kind() != ErrorKind::configuration && error.kind() != ErrorKind::usage;
}

}  // namespace

Source::Source(SourceOptions options, broker::ReaderMaker make_reader, Logger& logger)
    : options_(std::move(options)),
      make_reader_(std::move(make_reader)),
      logger_(logger),
      slots_(options_.topics) {}

Source::~Source() = default;

std::vector<Source::Start> Source::connect(milliseconds timeout, const std::stop_token& stop) {
  stop_ = stop;
  live_ = make_reader_(options_.group_id);
  const Moment until = BootClock::now() + timeout;
  std::vector<Start> starts;
  for (const std::string& topic : options_.topics) {
    while (true) {
      try {
        for (const broker::PartitionRange& range : live_->ranges(topic, ranges_timeout)) {
          slots_.add(topic, range.partition);
          next_.push_back(range.end);
          starts.push_back({topic, range.partition, range.end});
        }
        break;
      } catch (const Error& error) {
        const bool is_over = BootClock::now() >= until || stop.stop_requested();
        if (!may_pass(error) || error.kind() == ErrorKind::not_found || is_over) throw;
        say_away("the brokers are not reached yet", error.what());
        pause();
      }
    }
  }
  assign_live();
  return starts;
}

void Source::pause() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop_, pause_time, [this] { return stop_.stop_requested(); });
}

void Source::attach(Hub& hub, std::function<void(std::function<void()>)> post) {
  hub_ = &hub;
  post_ = std::move(post);
}

void Source::assign_live() {
  is_gone_.resize(slots_.size());
  std::vector<broker::Position> from;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (!is_gone_[slot]) from.push_back(slots_.position(slot, next_[slot]));
  }
  live_->assign(from);
}

void Source::run(const std::stop_token& stop) {
  stop_ = stop;
  const std::stop_callback stopped(stop, [this] { live_->wake(); });
  look_around_at_ = BootClock::now() + look_around_interval;
  while (!stop.stop_requested()) {
    do_what_is_asked();
    const bool is_busy = std::any_of(catch_ups_.begin(), catch_ups_.end(),
                                     [](const auto& entry) { return entry.second.wants_more; });
    const bool has_read = is_busy && read_catch_ups();
    read_live(has_read ? milliseconds(0) : is_busy ? busy_wait : idle_wait);
    look_around(BootClock::now());
  }
  catch_ups_.clear();
}

void Source::read_live(milliseconds wait) {
  try {
    take_live(live_->poll(live_messages_max, wait));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    brokers_away_ = is_topic_gone_ = true;
    say_away(topic_gone, error.what());
    pause();
    look_around_at_ = {};
  }
}

void Source::take_live(broker::Reader::Answer answer) {
  // In small portions, between which clients take in what they were sent.
  std::vector<MessagePointer> messages = taken(answer.messages, next_);
  for (std::size_t at = 0; at < messages.size(); at += live_portion) {
    const auto begin = messages.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        begin + static_cast<std::ptrdiff_t>(std::min(live_portion, messages.size() - at));
    tell([portion = std::vector<MessagePointer>(begin, end)](Hub& hub) mutable {
      hub.publish(std::move(portion));
    });
  }
  for (const broker::Position& end : answer.at_end) {
    const auto slot = slots_.find(end.topic, end.partition);
    if (!slot || next_[*slot] >= end.offset) continue;
    next_[*slot] = end.offset;
    tell([slot = *slot, offset = end.offset](Hub& hub) { hub.passed(slot, offset); });
  }
  if (!answer.out_of_range.empty()) move_live();
}

/// Retention has overtaken us, or a topic was made anew. Tried again until brokers answer: going on
/// from a guess would lose what nobody would hear of.
void Source::move_live() {
  for (const std::string& topic : options_.topics) {
    while (!stop_.stop_requested()) {
      try {
        move_live_of(topic);
        break;
      } catch (const Error& error) {
        if (!may_pass(error)) throw;
        say_away("the brokers do not say what they hold", error.what());
        pause();
      }
    }
  }
  assign_live();
}

void Source::move_live_of(const std::string& topic) {
  const auto ranges = live_->ranges(topic, ranges_timeout);
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_.topic(slot) != topic) continue;
    const auto found = std::find_if(ranges.begin(), ranges.end(), [&](const auto& range) {
      return range.partition == slots_.partition(slot);
    });
    is_gone_[slot] = found == ranges.end();
    const std::int64_t from = next_[slot];
    const std::int64_t to = is_gone_[slot] ? 0 : found->first;
    if (!is_gone_[slot] && from >= found->first && from <= found->end) continue;
    if (from == to) continue;
    next_[slot] = to;
    logger_.warn(
        "messages were lost before the gateway read them",
        {{"topic", topic}, {"partition", slots_.partition(slot)}, {"from", from}, {"to", to}});
    tell([slot, to](Hub& hub) { hub.moved(slot, to); });
  }
}

std::vector<MessagePointer> Source::taken(std::vector<broker::IncomingMessage>& incoming,
                                          Offsets& next) const {
  std::vector<MessagePointer> messages;
  messages.reserve(incoming.size());
  for (broker::IncomingMessage& message : incoming) {
    const auto slot = slots_.find(message.topic, message.partition);
    if (!slot || message.offset < next[*slot]) continue;
    next[*slot] = message.offset + 1;
    messages.push_back(read_message(std::move(message), *slot));
  }
  return messages;
}

bool Source::read_catch_ups() {
  bool has_read = false;
  for (auto& [id, catch_up] : catch_ups_)
    has_read = (catch_up.wants_more && read_catch_up(id, catch_up)) || has_read;
  return has_read;
}

bool Source::read_catch_up(std::uint64_t id, CatchUp& catch_up) {
  broker::Reader::Answer answer;
  bool is_lost = false;
  try {
    answer = catch_up.reader->poll(catch_up_messages_max, milliseconds(0));
  } catch (const Error& error) {
    if (!may_pass(error)) throw;
    is_lost = true;
  }
  if (is_lost || !answer.out_of_range.empty()) {
    // Retention was faster; the hub opens another, which finds out what is left.
    catch_up.wants_more = false;
    tell([id](Hub& hub) { hub.catch_up_failed(id); });
    return true;
  }
  CatchUpPortion portion;
  portion.messages = taken(answer.messages, catch_up.next);
  bool has_news = !portion.messages.empty();
  for (const broker::Position& end : answer.at_end) {
    const auto slot = slots_.find(end.topic, end.partition);
    if (!slot || catch_up.next[*slot] >= end.offset) continue;
    catch_up.next[*slot] = end.offset;
    has_news = true;
  }
  if (!has_news) return false;
  catch_up.wants_more = false;
  portion.next = catch_up.next;
  tell([id, portion = std::move(portion)](Hub& hub) mutable {
    hub.catch_up_read(id, std::move(portion));
  });
  return true;
}

/// Has the hub hear it on its thread; waits while it has not heard what came before.
void Source::tell(std::function<void(Hub&)> news) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop_, [this] { return untaken_ < untaken_max; });
    if (stop_.stop_requested()) return;
    ++untaken_;
  }
  auto kept = std::make_shared<std::function<void(Hub&)>>(std::move(news));
  post_([this, kept = std::move(kept)] {
    (*kept)(*hub_);
    {
      const std::lock_guard lock(mutex_);
      --untaken_;
    }
    changed_.notify_all();
  });
}

void Source::say_away(const char* what, const std::string& why) {
  std::uint64_t suppressed = 0;
  if (!logger_.may_repeat(what, log_interval, suppressed)) return;
  logger_.warn(what, {{"error", why}, {"suppressed", suppressed}});
}

/// Are the brokers there, has a topic more partitions, and how far are we, for tools that show it.
void Source::look_around(Moment now) {
  if (now >= note_at_) {
    note_at_ = now + note_interval;
    std::vector<broker::Position> next;
    for (std::size_t slot = 0; slot < slots_.size(); ++slot)
      next.push_back(slots_.position(slot, next_[slot]));
    live_->note_progress(next);
  }
  if (now < look_around_at_) return;
  try {
    for (const std::string& topic : options_.topics)
      add_new_partitions(topic, live_->ranges(topic, look_timeout));
    if (std::exchange(is_topic_gone_, false)) move_live();
    if (brokers_away_.exchange(false)) logger_.info("the brokers are back, clients are served");
  } catch (const Error& error) {
    if (!may_pass(error)) throw;
    brokers_away_ = true;
    is_topic_gone_ = is_topic_gone_ || error.kind() == ErrorKind::not_found;
    say_away(is_topic_gone_ ? topic_gone : "the brokers are away, clients wait", error.what());
  }
  look_around_at_ = BootClock::now() + (brokers_away_ ? look_again_interval : look_around_interval);
}

void Source::add_new_partitions(const std::string& topic,
                                const std::vector<broker::PartitionRange>& ranges) {
  bool has_new = false;
  for (const broker::PartitionRange& range : ranges) {
    if (const auto known = slots_.find(topic, range.partition)) {
      // One that was away with its topic, and is there again.
      if (!is_gone_[*known]) continue;
      is_gone_[*known] = false;
      has_new = true;
      if (std::exchange(next_[*known], range.first) != range.first) {
        tell([slot = *known, first = range.first](Hub& hub) { hub.moved(slot, first); });
      }
      continue;
    }
    has_new = true;
    slots_.add(topic, range.partition);
    next_.push_back(range.first);
    is_gone_.push_back(false);
    logger_.info("a partition is new", {{"topic", topic}, {"partition", range.partition}});
    tell([topic, partition = range.partition, first = range.first](Hub& hub) {
      hub.add_slot(topic, partition, first);
    });
  }
  if (has_new) assign_live();
}

void Source::ask(std::function<void()> question) {
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(question));
  }
  live_->wake();
}

void Source::do_what_is_asked() {
  std::deque<std::function<void()>> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(asked_);
  }
  for (const auto& question : asked)
    question();
}

void Source::open(std::uint64_t id) {
  ask([this, id] { open_now(id); });
}

void Source::start(std::uint64_t id, Offsets from) {
  ask([this, id, from = std::move(from)]() mutable { start_now(id, std::move(from)); });
}

void Source::more(std::uint64_t id) {
  ask([this, id] {
    if (const auto found = catch_ups_.find(id); found != catch_ups_.end()) {
      found->second.wants_more = true;
    }
  });
}

void Source::end(std::uint64_t id) {
  ask([this, id] { end_now(id); });
}

void Source::open_now(std::uint64_t id) {
  try {
    std::vector<SlotRange> ranges(slots_.size());
    for (const std::string& topic : options_.topics) {
      for (const broker::PartitionRange& range : live_->ranges(topic, ranges_timeout)) {
        if (const auto slot = slots_.find(topic, range.partition)) {
          ranges[*slot] = {range.first, range.end};
        }
      }
    }
    catch_ups_[id];
    tell([id, ranges = std::move(ranges)](Hub& hub) { hub.catch_up_opened(id, ranges); });
  } catch (const Error& error) {
    say_away("the brokers do not say what they hold, clients that come back wait", error.what());
    tell([id](Hub& hub) { hub.catch_up_failed(id); });
  }
}

void Source::start_now(std::uint64_t id, Offsets from) {
  const auto found = catch_ups_.find(id);
  if (found == catch_ups_.end()) return;
  CatchUp& catch_up = found->second;
  if (spare_.empty()) {
    catch_up.reader = make_reader_(options_.group_id);
  } else {
    catch_up.reader = std::move(spare_.back());
    spare_.pop_back();
  }
  std::vector<broker::Position> positions;
  for (std::size_t slot = 0; slot < from.size(); ++slot) {
    if (!is_gone_[slot]) positions.push_back(slots_.position(slot, from[slot]));
  }
  catch_up.reader->assign(positions);
  catch_up.next = std::move(from);
  catch_up.next.resize(slots_.size(), 0);
  catch_up.wants_more = true;
}

void Source::end_now(std::uint64_t id) {
  const auto found = catch_ups_.find(id);
  if (found == catch_ups_.end()) return;
  if (found->second.reader && spare_.size() < spare_readers_max) {
    found->second.reader->assign({});
    spare_.push_back(std::move(found->second.reader));
  }
  catch_ups_.erase(found);
}

}  // namespace outbox::gateway
