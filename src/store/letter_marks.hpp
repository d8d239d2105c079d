// SPDX-License-Identifier: Apache-2.0
//
// The seam that remembers what became of the dead letters in topics, which are logs and forget
// nothing themselves (habits: store/leases.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace outbox::store {

struct LetterPlace {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  /// The message's own time, which tells it from one that stood there before the topic was made
  /// anew; 0: not known, which is taken for any.
  std::int64_t message_at_ms = 0;

  /// The same message, as far as is known.
  [[nodiscard]] bool is_of(const LetterPlace& other) const noexcept {
    return offset == other.offset && partition == other.partition && topic == other.topic &&
           (message_at_ms == 0 || other.message_at_ms == 0 || message_at_ms == other.message_at_ms);
  }

  friend bool operator==(const LetterPlace&, const LetterPlace&) = default;
};

enum class LetterState : std::uint8_t {
  replaying,  ///< Somebody began, and did not come to say how it ended (yet).
  replayed,
  discarded,
};

struct LetterMark {
  LetterPlace place;
  LetterState state = LetterState::replaying;
  std::string who;
  std::string reason;
  std::int64_t at_us = 0;  ///< Microseconds since 1970 UTC; set by the store.
};

class LetterMarks {
 public:
  virtual ~LetterMarks() = default;

  /// Marks of one topic, by partition and offset, from `first` on (inclusive): at most `marks_max`.
  virtual std::vector<LetterMark> marks(const LetterPlace& first, std::size_t marks_max) = 0;

  /// Takes these for replaying; true where nobody had them. A mark `replaying` that is older than
  /// `stale_after_ms` by the database's clock is taken over, and any mark of another message that
  /// stood in this place.
  virtual std::vector<bool> claim(std::span<const LetterPlace> places, const std::string& who,
                                  std::int64_t stale_after_ms) = 0;

  /// Says how it ended, whatever stood there before.
  virtual void settle(std::span<const LetterMark> marks) = 0;

  /// They can be replayed again.
  virtual void forget(std::span<const LetterPlace> places) = 0;

  /// Forgets those before `first.offset` of its partition, which the topic no longer holds.
  virtual void forget_before(const LetterPlace& first) = 0;
};

}  // namespace outbox::store
