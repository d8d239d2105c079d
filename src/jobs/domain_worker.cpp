// SPDX-License-Identifier: Apache-2.0
#include "jobs/domain_worker.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "jobs/job_runner.hpp"

namespace outbox::jobs {

namespace {

constexpr std::size_t plain_name_max = 120;
constexpr std::string_view lock_prefix = "outbox_consumer:";  // C7
constexpr std::string_view relay_prefix = "handlers:";
constexpr std::chrono::seconds turn_max{1};  // Where others wait for the place.

char lower(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}

char upper(char character) {
  return character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A')
                                              : character;
}

/// Says for as long as it lives that the domain is held.
class Flag {
 public:
  explicit Flag(std::atomic<bool>& flag) : flag_(flag) { flag_ = true; }
  ~Flag() { flag_ = false; }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

 private:
  std::atomic<bool>& flag_;
};

}  // namespace

std::string upper_case(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), upper);
  return made;
}

std::vector<std::string> usual_spellings(std::string_view aggregate_type) {
  std::string small(aggregate_type);
  std::transform(small.begin(), small.end(), small.begin(), lower);
  std::string capital = small;
  if (!capital.empty()) capital.front() = upper(capital.front());
  const std::set<std::string> all = {std::string(aggregate_type), upper_case(aggregate_type), small,
                                     capital};
  return {all.begin(), all.end()};
}

std::string plain_name(std::string_view domain) {
  std::string name;
  for (const char character : domain) {
    const bool plain = (lower(character) >= 'a' && lower(character) <= 'z') ||
                       (character >= '0' && character <= '9') || character == '_' ||
                       character == '-' || character == '.';
    if (plain)
      name += character;
    else
      name += fmt::format("/{:02x}", static_cast<unsigned char>(character));
  }
  return name.size() <= plain_name_max ? name : to_string(named_uuid(Uuid(), domain));
}

DomainWorker::DomainWorker(DomainTerms terms, Logger& logger)
    : terms_(std::move(terms)), logger_(logger) {}

std::size_t DomainWorker::stuck() const {
  const std::lock_guard lock(queue_mutex_);
  return queue_ ? queue_->counts().stuck : 0;
}

bool DomainWorker::may_try() const noexcept {
  return BootClock::now().time_since_epoch().count() >= not_before_;
}

WorkQueue& DomainWorker::open_queue() {
  const std::lock_guard lock(queue_mutex_);
  if (queue_ == nullptr) {
    queue_ =
        std::make_unique<WorkQueue>(WorkQueueOptions{.workers = terms_.workers,
                                                     .length_max = 4 * terms_.delivery.batch_size,
                                                     .time_limit = terms_.delivery.handler_timeout,
                                                     .stuck_max = terms_.stuck_max,
                                                     .on_error = {}});
  }
  return *queue_;
}

// Its threads go with it, for the instance may have many domains that it does not work.
void DomainWorker::close_queue() {
  std::unique_ptr<WorkQueue> closing;
  const std::lock_guard lock(queue_mutex_);
  if (queue_ && queue_->counts().running == 0) closing = std::move(queue_);
}

void DomainWorker::set_types(std::vector<std::string> types) {
  const std::lock_guard lock(types_mutex_);
  if (types == types_) return;
  types_ = std::move(types);
  ++types_version_;
}

store::HomeOptions DomainWorker::home_options(std::vector<std::string> types) const {
  store::HomeOptions options = terms_.home;
  options.relay_name = std::string(relay_prefix) + plain_name(domain());
  options.member_name = "handlers-" + to_string(random_uuid()).substr(0, 8);
  options.aggregate_types = std::move(types);
  options.lease_ttl = terms_.lock_ttl;
  return options;
}

DomainWorker::End DomainWorker::work(const std::stop_token& stop,
                                     std::optional<std::size_t> pass_limit,
                                     const std::function<bool()>& crowded) {
  int version = 0;
  std::vector<std::string> types;
  {
    const std::lock_guard lock(types_mutex_);
    version = types_version_;
    types = types_;
  }
  const store::HomeOptions options = home_options(std::move(types));
  const store::Home home = terms_.open_home(options);
  HoldTerms hold_terms;
  hold_terms.lock = {std::string(lock_prefix) + plain_name(domain()), terms_.lock_ttl,
                     crowded() ? std::chrono::milliseconds(0) : terms_.lock_timeout};
  hold_terms.terms.relay_name = options.relay_name;
  hold_terms.terms.aggregate_types = options.aggregate_types;
  hold_terms.terms.capture = "lease";
  hold_terms.terms.settle = "mark";
  hold_terms.terms.slots = options.slots;
  hold_terms.lease_ttl = terms_.lock_ttl;
  const auto hold = DomainHold::take(home, home.locks, hold_terms, logger_, stop);
  if (hold == nullptr) return End::taken;
  const Flag held(held_);
  logger_.info("a domain is worked here",
               {{"domain", domain()}, {"fencing_number", hold->fencing()}});
  bool finished = false;
  {
    DomainSession session(
        home, {.hold = *hold, .queue = open_queue(), .counts = counts_, .logger = logger_},
        terms_.delivery);
    const Moment turn_end = BootClock::now() + turn_max;
    finished = session.work(stop, pass_limit, [&](bool idle) {
      gave_way_busy_ = !idle;
      if (types_version_ != version) return true;
      return (idle || BootClock::now() >= turn_end) && crowded();
    });
  }
  close_queue();
  return finished ? End::finished : End::lost;
}

bool DomainWorker::turn(const std::stop_token& stop, const std::function<bool()>& crowded) {
  const std::lock_guard working(working_);
  while (!stop.stop_requested()) {
    std::chrono::milliseconds pause(0);
    try {
      if (work(stop, std::nullopt, crowded) == End::finished) {
        if (crowded()) return gave_way_busy_;
        continue;
      }
      pause = terms_.delivery.polling_interval;
    } catch (const std::exception& error) {
      ++errors_;
      pause = terms_.pause_after_error;
      logger_.error("a domain could not be worked, pausing",
                    {{"domain", domain()}, {"pause_ms", pause.count()}, {"error", error.what()}});
    }
    if (crowded()) {
      // The place is another's meanwhile.
      not_before_ = (BootClock::now() + pause).time_since_epoch().count();
      return false;
    }
    wait_or_stop(stop, pause);
  }
  return false;
}

bool DomainWorker::pass(const std::stop_token& stop, std::size_t rows_max) {
  const std::unique_lock working(working_, std::try_to_lock);
  if (!working) return false;
  const End end = work(stop, rows_max, [] { return false; });
  if (end == End::lost) {
    throw Error(ErrorKind::unreachable,
                "the domain " + domain() + " was lost while it was being worked",
                "another instance works it, or the database was away: try again");
  }
  return end != End::taken;
}

}  // namespace outbox::jobs
