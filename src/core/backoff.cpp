// SPDX-License-Identifier: Apache-2.0
#include "core/backoff.hpp"

#include <algorithm>
#include <cmath>

namespace outbox {

std::chrono::milliseconds Backoff::delay(int attempts, double random) const noexcept {
  auto base_ms = static_cast<double>(initial.count());
  if (kind == Kind::exponential) base_ms *= std::exp2(std::clamp(attempts - 1, 0, 62));
  const auto max_ms = static_cast<double>(max.count());
  base_ms = std::min(base_ms, max_ms);
  const double jittered_ms = base_ms * (1.0 + jitter * (2.0 * random - 1.0));
  return std::chrono::milliseconds{std::llround(std::clamp(jittered_ms, 0.0, max_ms))};
}

}  // namespace outbox
