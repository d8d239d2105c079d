// SPDX-License-Identifier: Apache-2.0
//
// Keys in trouble: an event of theirs was refused, or is on its way to the dead letters. All other
// keys are unknown here, which keeps the hot path to one look at an empty map. A key in trouble is
// sent on the second handle, one message in flight, and is blocked while it backs off (design,
// protocol 6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.hpp"
#include "core/row.hpp"
#include "store/leases.hpp"

namespace outbox::relay {

struct KeyTrouble {
  int slot = 0;
  std::string topic;
  RowId head;                  ///< The refused row that everything of the key waits for.
  std::uint64_t head_tag = 0;  ///< The head's when it was last in hand.
  bool head_done = true;       ///< It was published or dead-lettered, and that is settled.
  bool stored = false;         ///< The store knows of it: attempts were counted.
  int attempts = 0;
  Moment blocked_until;          ///< Back-off, by the local clock.
  int dead_letters_pending = 0;  ///< Rows whose dead-lettering is not settled yet.
  int retries_pending = 0;       ///< A counted retry that is not settled yet.
  int isolated_rows = 0;         ///< In hand, for the second handle.
  Moment touched;
  std::string reason;

  [[nodiscard]] bool blocked(Moment now) const {
    return dead_letters_pending > 0 || retries_pending > 0 || now < blocked_until;
  }
  [[nodiscard]] bool may_be_freed(Moment now) const {
    return !blocked(now) && isolated_rows == 0 && head_done;
  }
};

class KeyStates {
 public:
  [[nodiscard]] bool empty() const { return keys_.empty(); }
  [[nodiscard]] std::size_t count() const { return keys_.size(); }

  /// Null for a key without trouble.
  [[nodiscard]] KeyTrouble* find(std::string_view key);
  KeyTrouble& enter(std::string_view key, int slot, Moment now);
  void erase(std::string_view key);
  /// What a slot's former owner left.
  void load(const store::KeyState& state, Moment now);
  /// Forgets the keys of a slot that is no longer ours.
  void erase_slot(int slot);

  /// Wire keys that a read must leave out now.
  [[nodiscard]] std::vector<std::string> blocked(Moment now) const;
  /// Keys that may be tried now and have nothing in hand.
  [[nodiscard]] std::vector<std::string> ready(Moment now) const;

  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [key, trouble] : keys_)
      visit(key, trouble);
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, KeyTrouble, Hash, std::equal_to<>> keys_;
};

}  // namespace outbox::relay
