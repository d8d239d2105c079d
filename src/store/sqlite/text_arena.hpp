// SPDX-License-Identifier: Apache-2.0
//
// Where the texts of one batch of rows live.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace outbox::store::sqlite {

/// Keeps copies of texts at addresses that stay, a few allocations for a whole batch.
class TextArena {
 public:
  [[nodiscard]] std::string_view keep(std::string_view text) {
    if (text.empty()) return {"", 0};
    if (text.size() > left_) grow(text.size());
    char* const at = next_;
    std::memcpy(at, text.data(), text.size());
    next_ += text.size();
    left_ -= text.size();
    return {at, text.size()};
  }

 private:
  static constexpr std::size_t chunk_bytes = 64U << 10U;

  void grow(std::size_t bytes) {
    left_ = bytes > chunk_bytes ? bytes : chunk_bytes;
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    next_ = chunks_.back().get();
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace outbox::store::sqlite
