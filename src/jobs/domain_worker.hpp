// SPDX-License-Identifier: Apache-2.0
//
// One domain on this instance: takes it where nobody else has it, works it, gives it back.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/domain_session.hpp"

namespace outbox::jobs {

/// `CHAT` of `chat`: ASCII letters alone.
[[nodiscard]] std::string upper_case(std::string_view text);

/// The spellings of an aggregate type that are taken without having been seen: as given, in upper
/// and in lower case, and with a capital.
[[nodiscard]] std::vector<std::string> usual_spellings(std::string_view aggregate_type);

/// A name for a lock or a relay: what is no letter, digit, `_`, `-` or `.` becomes `/` and two hex
/// digits, what is too long a UUID of it.
[[nodiscard]] std::string plain_name(std::string_view domain);

struct DomainTerms {
  DeliveryOptions delivery;
  std::chrono::milliseconds lock_ttl{30000};
  std::chrono::milliseconds lock_timeout{1000};
  std::chrono::milliseconds pause_after_error{10000};
  int workers = 1;
  int stuck_max = 16;
  store::HomeOptions home;  ///< Its relay name, member name and aggregate types are set here.
  std::function<store::Home(const store::HomeOptions&)> open_home;
};

/// Thread-safety: set_types() and the counts from any thread; turn() and pass() keep each other
/// out.
class DomainWorker {
 public:
  DomainWorker(DomainTerms terms, Logger& logger);

  [[nodiscard]] const std::string& domain() const noexcept { return terms_.delivery.domain; }

  /// The aggregate types that are the domain's, sorted. Taken up at once.
  void set_types(std::vector<std::string> types);

  /// Until a stop is requested, or until others wait (`crowded`) and there is nothing to do, or
  /// nothing that can be done, or it took a second. No outage ends it. True where more is to do.
  bool turn(const std::stop_token& stop, const std::function<bool()>& crowded);

  /// Whether a turn makes sense now: not where the last one failed, until the pause is over.
  [[nodiscard]] bool may_try() const noexcept;

  /// False where another has the domain. Throws what the store says, and Error(unreachable) where
  /// the domain was lost on the way.
  bool pass(const std::stop_token& stop, std::size_t rows_max);

  [[nodiscard]] const DeliveryCounts& counts() const noexcept { return counts_; }
  [[nodiscard]] std::int64_t errors() const noexcept { return errors_; }
  [[nodiscard]] bool held() const noexcept { return held_; }
  [[nodiscard]] std::size_t stuck() const;

 private:
  enum class End : std::uint8_t { taken, finished, lost };
  End work(const std::stop_token& stop, std::optional<std::size_t> pass_limit,
           const std::function<bool()>& crowded);
  WorkQueue& open_queue();
  void close_queue();
  [[nodiscard]] store::HomeOptions home_options(std::vector<std::string> types) const;

  const DomainTerms terms_;
  Logger& logger_;
  DeliveryCounts counts_;
  std::atomic<std::int64_t> errors_ = 0;
  std::atomic<bool> held_ = false;
  std::mutex working_;
  mutable std::mutex types_mutex_;
  std::vector<std::string> types_;
  std::atomic<int> types_version_ = 0;
  std::atomic<bool> gave_way_busy_ = false;
  std::atomic<Moment::rep> not_before_ = 0;
  mutable std::mutex queue_mutex_;
  /// While the domain is held, and afterwards until what was given up has ended.
  /// Last: its threads use what stands above.
  std::unique_ptr<WorkQueue> queue_;
};

}  // namespace outbox::jobs
