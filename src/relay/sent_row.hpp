// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>

#include "core/row.hpp"

namespace outbox::relay {

/// A row that a transaction sends or has sent. `replay`: what was sent then was the replay; the
/// same row read without that mark, or the other way round, is another delivery.
struct SentRow {
  RowId id;
  bool replay = false;

  friend auto operator<=>(const SentRow&, const SentRow&) = default;
};

}  // namespace outbox::relay
