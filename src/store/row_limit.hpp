// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "store/capture.hpp"

namespace outbox::store {

/// How many rows a read looks at where the byte budget ended the one before it: for a database that
/// has to fetch large values to know their sizes, looking at 1,000 rows of 5 MB for three of them
/// is dear.
class RowLimit {
 public:
  [[nodiscard]] std::size_t of(const ReadRequest& request) const {
    return std::clamp<std::size_t>(limit_, 1, std::max<std::size_t>(request.rows_max, 1));
  }
  void follow(const ReadRequest& request, const RowBatch& batch) {
    const bool ended_by_rows = batch.rows.size() >= of(request);
    if (batch.more && !ended_by_rows)
      limit_ = batch.rows.size() * 2 + 1;
    else if (limit_ < request.rows_max)
      limit_ *= 2;
  }
  void too_slow() { limit_ = std::max<std::size_t>(limit_ / 8, 1); }

 private:
  std::size_t limit_ = 10'000;
};

}  // namespace outbox::store
