// SPDX-License-Identifier: Apache-2.0
#include "relay/key_states.hpp"

#include <algorithm>

namespace outbox::relay {

KeyTrouble* KeyStates::find(std::string_view key) {
  if (keys_.empty()) return nullptr;
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &found->second;
}

KeyTrouble& KeyStates::enter(std::string_view key, int slot, Moment now) {
  KeyTrouble& trouble = keys_[std::string(key)];
  trouble.slot = slot;
  trouble.touched = now;
  return trouble;
}

void KeyStates::erase(std::string_view key) {
  const auto found = keys_.find(key);
  if (found != keys_.end()) keys_.erase(found);
}

void KeyStates::load(const store::KeyState& state, Moment now) {
  KeyTrouble& trouble = enter(state.key, state.slot, now);
  trouble.topic = state.topic;
  trouble.head = state.head;
  trouble.head_done = false;
  trouble.stored = true;
  trouble.attempts = state.attempts;
  trouble.blocked_until = now + std::max(state.blocked_for, std::chrono::milliseconds{0});
  trouble.reason = state.reason;
}

void KeyStates::erase_slot(int slot) {
  std::erase_if(keys_, [&](const auto& entry) { return entry.second.slot == slot; });
}

std::vector<std::string> KeyStates::blocked(Moment now) const {
  std::vector<std::string> keys;
  for (const auto& [key, trouble] : keys_) {
    if (trouble.blocked(now)) keys.push_back(key);
  }
  // The map's order differs between builds; what is said to the store must not.
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::vector<std::string> KeyStates::ready(Moment now) const {
  std::vector<std::string> keys;
  for (const auto& [key, trouble] : keys_) {
    if (!trouble.blocked(now) && trouble.isolated_rows == 0) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace outbox::relay
