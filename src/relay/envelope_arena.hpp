// SPDX-License-Identifier: Apache-2.0
//
// Memory for the texts that a batch makes of its rows, given back all at once with the batch. One
// block holds the short texts of all rows, so that preparing a row allocates nothing.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outbox::relay {

class TextArena {
 public:
  /// `expected`: bytes that will be asked for; more are no mistake.
  explicit TextArena(std::size_t expected) { add_block(expected); }

  TextArena(const TextArena&) = delete;
  TextArena& operator=(const TextArena&) = delete;

  /// Room for exactly `size` characters; never null.
  [[nodiscard]] char* room(std::size_t size) {
    if (size > left_) add_block(size > block_bytes ? size : block_bytes);
    char* const begin = next_;
    next_ += size;
    left_ -= size;
    return begin;
  }

  [[nodiscard]] std::string_view keep(std::string_view text) {
    char* const begin = room(text.size());
    if (!text.empty()) std::memcpy(begin, text.data(), text.size());
    return {begin, text.size()};
  }

  /// As above; a long text is taken over instead of copied, `text` is empty then.
  [[nodiscard]] std::string_view take(std::string& text) {
    if (text.size() < long_bytes) return keep(text);
    long_texts_.push_back(std::make_unique<std::string>(std::move(text)));
    text.clear();
    return *long_texts_.back();
  }

 private:
  static constexpr std::size_t block_bytes = 64U << 10U;
  static constexpr std::size_t long_bytes = 16U << 10U;

  void add_block(std::size_t size) {
    // Not make_unique: it would write zeros over what is written anyway.
    blocks_.push_back(std::unique_ptr<char[]>(new char[size + 1]));
    next_ = blocks_.back().get();
    left_ = size;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<std::unique_ptr<std::string>> long_texts_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace outbox::relay
