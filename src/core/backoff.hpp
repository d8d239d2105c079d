// SPDX-License-Identifier: Apache-2.0
//
// How long a key waits after its event failed (rows A4, B4, D6).
#pragma once

#include <chrono>
#include <cstdint>

namespace outbox {

struct Backoff {
  enum class Kind : std::uint8_t { fixed, exponential };

  Kind kind = Kind::exponential;
  std::chrono::milliseconds initial{1000};
  std::chrono::milliseconds max{300000};
  double jitter = 0.2;  ///< Share of the delay that may be taken off or put on, 0 to 1.

  /// The delay after the `attempts`-th failure (1 is the first): `initial`, or initial ×
  /// 2^(attempts-1) up to `max`, then jittered. `random` is uniform in [0, 1) and passed in so that
  /// a run can be repeated. Never negative, never above max.
  [[nodiscard]] std::chrono::milliseconds delay(int attempts, double random) const noexcept;
};

}  // namespace outbox
