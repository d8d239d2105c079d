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

/// Thread-safety: set_types() and the counts from any thread; run() and pass() keep each other out.
class DomainWorker {
 public:
  DomainWorker(DomainTerms terms, Logger& logger);

  [[nodiscard]] const std::string& domain() const noexcept { return terms_.delivery.domain; }

  /// The aggregate types that are the domain's, sorted. Taken up at once.
  void set_types(std::vector<std::string> types);

  /// Until a stop is requested. No outage ends it.
  void run(const std::stop_token& stop);

  /// False where another has the domain. Throws what the store says, and Error(unreachable) where
  /// the domain was lost on the way.
  bool pass(const std::stop_token& stop, std::size_t rows_max);

  [[nodiscard]] const DeliveryCounts& counts() const noexcept { return counts_; }
  [[nodiscard]] std::int64_t errors() const noexcept { return errors_; }
  [[nodiscard]] bool held() const noexcept { return held_; }
  [[nodiscard]] std::size_t stuck() const { return queue_.counts().stuck; }

 private:
  enum class End : std::uint8_t { taken, finished, lost };
  End work(const std::stop_token& stop, std::optional<std::size_t> pass_limit);
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
  WorkQueue queue_;  ///< Last: its threads use what stands above.
};

}  // namespace outbox::jobs
