// SPDX-License-Identifier: Apache-2.0
#include "relay/pauses.hpp"

#include <algorithm>
#include <functional>
#include <tuple>

namespace outbox::relay {

namespace {

// The keys of one statement together: a key may be long, and a server takes no statement of any
// size.
constexpr std::size_t statement_keys_max = 10'000;
constexpr std::size_t statement_bytes_max = 4U << 20U;

bool by_name(const store::Pause& a, const store::Pause& b) {
  return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
}

std::vector<store::Pause> without(const std::vector<store::Pause>& some,
                                  const std::vector<store::Pause>& others) {
  std::vector<store::Pause> rest;
  std::set_difference(some.begin(), some.end(), others.begin(), others.end(),
                      std::back_inserter(rest), by_name);
  return rest;
}

}  // namespace

Pauses::Change Pauses::heed(const std::vector<store::Pause>& standing) {
  // Nearly every heartbeat brings what the last one brought.
  if (standing.empty() && standing_.empty()) return {};
  std::vector<store::Pause> sorted = standing;
  std::sort(sorted.begin(), sorted.end(), by_name);
  if (sorted == standing_) return {};
  const Change change{without(sorted, standing_), without(standing_, sorted)};
  relay_ = false;
  topics_.clear();
  keys_.clear();
  for (const store::Pause& pause : sorted) {
    switch (pause.kind) {
      case store::PauseKind::relay:
        relay_ = true;
        break;
      case store::PauseKind::topic:
        topics_.insert(pause.name);
        break;
      case store::PauseKind::key:
        keys_.insert(pause.name);
        break;
      case store::PauseKind::consumer:
        break;
    }
  }
  standing_ = std::move(sorted);
  return change;
}

void Pauses::add_keys(std::vector<std::string>& blocked) const {
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (const std::string& key : keys_) {
    bytes += key.size();
    if (++count > statement_keys_max || bytes > statement_bytes_max) return;
    blocked.push_back(key);
  }
}

}  // namespace outbox::relay
