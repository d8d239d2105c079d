// SPDX-License-Identifier: Apache-2.0
#include "jobs/work_queue.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "jobs/limits.hpp"

namespace outbox::jobs {

namespace {

// What has no key gets one that no other has; the first byte tells the two kinds apart.
constexpr char named = 'k';
constexpr char nameless = 'n';

std::string name_of(const std::string& line) {
  return line.front() == named ? line.substr(1) : std::string();
}

}  // namespace

std::string reason_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {  // thread entry: what is no std::exception says nothing
    return "something that is no std::exception was thrown";
  }
}

WorkQueue::WorkQueue(WorkQueueOptions options)
    : options_([&] {
        options.time_limit = bounded(options.time_limit);
        return std::move(options);
      }()) {
  {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < options_.workers; ++i)
      add_worker();
  }
  if (options_.time_limit.count() > 0) watching_ = std::jthread([this] { watch(); });
}

WorkQueue::~WorkQueue() {
  close();
  std::list<std::jthread> workers;
  {
    std::unique_lock lock(mutex_);
    // Not before all is done, for a late piece may still be given up and its worker replaced.
    changed_.wait(lock, [&] { return counts_.waiting == 0 && calls_.empty(); });
    workers.swap(workers_);
  }
  changed_.notify_all();
  workers.clear();
}

void WorkQueue::add_worker() {
  // Those that were replaced and have ended keep a stack each until they are joined. They take no
  // lock any more.
  for (const std::thread::id ended : ended_)
    std::erase_if(workers_, [&](const std::jthread& worker) { return worker.get_id() == ended; });
  ended_.clear();
  workers_.emplace_back([this] { work(); });
}

bool WorkQueue::push(Work work, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  const auto may_go_on = [&] { return closed_ || counts_.waiting < options_.length_max; };
  if (!has_room_.wait_for(lock, bounded(wait), may_go_on) || closed_) {
    ++counts_.rejected;
    return false;
  }
  std::string name = work.key.empty() ? nameless + std::to_string(++nameless_) : named + work.key;
  const auto line = lines_.try_emplace(std::move(name)).first;
  line->second.waiting.push_back(std::move(work));
  ++counts_.accepted;
  ++counts_.waiting;
  if (!line->second.busy && line->second.waiting.size() == 1) {
    ready_.push_back(line);
    lock.unlock();
    has_work_.notify_one();
  }
  return true;
}

void WorkQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  has_work_.notify_all();
  has_room_.notify_all();
  changed_.notify_all();
}

std::size_t WorkQueue::drop_waiting() {
  // What a piece holds may take locks of its own when it goes: after ours is free.
  std::vector<std::deque<Work>> dropped;
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    ready_.clear();
    for (auto line = lines_.begin(); line != lines_.end();) {
      count += line->second.waiting.size();
      dropped.push_back(std::exchange(line->second.waiting, {}));
      line = line->second.busy ? std::next(line) : lines_.erase(line);
    }
    counts_.waiting = 0;
  }
  has_work_.notify_all();
  has_room_.notify_all();
  changed_.notify_all();
  return count;
}

bool WorkQueue::idle() const {
  return counts_.waiting == 0 && counts_.running == counts_.stuck;
}

bool WorkQueue::drain(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, bounded(wait), [&] { return idle(); });
}

void WorkQueue::request_stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (Call& call : calls_)
    call.stop.request_stop();
}

bool WorkQueue::is_stuck(const std::string& key) const {
  const std::string line = named + key;
  const std::lock_guard lock(mutex_);
  return std::any_of(calls_.begin(), calls_.end(),
                     [&](const Call& call) { return call.given_up && call.line == line; });
}

WorkQueueCounts WorkQueue::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void WorkQueue::work() {
  while (true) {
    Work work;
    std::list<Call>::iterator call;
    {
      std::unique_lock lock(mutex_);
      if (!take(lock, work, call)) return;
    }
    run(work, call->stop.get_token());
    if (finish(work, call)) return;
  }
}

bool WorkQueue::take(std::unique_lock<std::mutex>& lock, Work& work,
                     std::list<Call>::iterator& call) {
  has_work_.wait(lock, [&] { return !ready_.empty() || (closed_ && counts_.waiting == 0); });
  if (ready_.empty()) return false;
  const auto line = ready_.front();
  ready_.pop_front();
  work = std::move(line->second.waiting.front());
  line->second.waiting.pop_front();
  line->second.busy = true;
  // From here on the key is the line's own, by which finish() finds it again.
  work.key = line->first;
  --counts_.waiting;
  ++counts_.running;
  calls_.push_front({.stop = {},
                     .on_timeout = work.on_timeout,
                     .deadline = BootClock::now() + options_.time_limit,
                     .given_up = false,
                     .line = line->first});
  call = calls_.begin();
  if (stopped_) call->stop.request_stop();
  has_room_.notify_one();
  changed_.notify_all();
  return true;
}

void WorkQueue::run(const Work& work, const std::stop_token& stop) {
  try {
    work.run(stop);
  } catch (...) {  // thread entry: somebody else's code ends here
    {
      const std::lock_guard lock(mutex_);
      ++counts_.failed;
    }
    if (options_.on_error) {
      options_.on_error(name_of(work.key), reason_of(std::current_exception()));
    }
  }
}

// True where this worker was replaced meanwhile.
bool WorkQueue::finish(const Work& work, std::list<Call>::iterator call) {
  bool replaced = false;
  {
    const std::lock_guard lock(mutex_);
    const auto line = lines_.find(work.key);
    line->second.busy = false;
    if (line->second.waiting.empty()) {
      lines_.erase(line);
    } else {
      ready_.push_back(line);
    }
    if (call->given_up) {
      --counts_.stuck;
      replaced = replaced_ > 0;
      if (replaced) {
        --replaced_;
        ended_.push_back(std::this_thread::get_id());
      }
    }
    calls_.erase(call);
    --counts_.running;
    ++counts_.done;
  }
  has_work_.notify_all();
  changed_.notify_all();
  return replaced;
}

std::optional<Moment> WorkQueue::next_deadline() const {
  std::optional<Moment> next;
  for (const Call& call : calls_) {
    if (!call.given_up && (!next || call.deadline < *next)) next = call.deadline;
  }
  return next;
}

void WorkQueue::watch() {
  std::unique_lock lock(mutex_);
  while (!closed_ || counts_.waiting > 0 || !calls_.empty()) {
    if (const auto next = next_deadline()) {
      changed_.wait_until(lock, *next);
    } else {
      changed_.wait(lock);
    }
    give_up_late_ones(lock);
  }
}

void WorkQueue::give_up_late_ones(std::unique_lock<std::mutex>& lock) {
  std::vector<std::function<void()>> to_tell;
  std::vector<std::stop_source> to_stop;
  for (Call& call : calls_) {
    if (call.given_up || BootClock::now() < call.deadline) continue;
    call.given_up = true;
    ++counts_.timed_out;
    ++counts_.stuck;
    to_stop.push_back(call.stop);
    if (call.on_timeout) to_tell.push_back(call.on_timeout);
    if (replaced_ >= options_.stuck_max) continue;
    ++replaced_;
    add_worker();
  }
  if (to_stop.empty()) return;
  lock.unlock();
  for (std::stop_source& source : to_stop)
    source.request_stop();
  for (const auto& tell : to_tell)
    tell();
  changed_.notify_all();
  lock.lock();
}

}  // namespace outbox::jobs
