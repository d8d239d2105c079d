// SPDX-License-Identifier: Apache-2.0
//
// What the targets share. A target is LLVMFuzzerTestOneInput in one file: clang's libFuzzer drives
// it for `./dev fuzz NAME`, replay.cpp runs its corpus in every test run. An input may be refused
// by an Error or a Fault; anything else that ends the function is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <outbox/error.hpp>

#include "config/fault.hpp"

namespace outbox::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};  // NOLINT
}

/// Ends the process, so that the fuzzer keeps the input.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

template <class Work>
void may_refuse(Work work) {
  try {
    work();
  } catch (const Error&) {
    return;
  } catch (const config::Fault&) {
    return;
  }
}

/// Takes an input apart: lengths in one byte each, so that the fuzzer can move the seams.
class Parts {
 public:
  explicit Parts(std::string_view rest) : rest_(rest) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view text() {
    const std::size_t size = byte();
    return text(size);
  }
  std::string_view rest() { return std::exchange(rest_, {}); }

 private:
  std::string_view text(std::size_t size) {
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(part.size());
    return part;
  }

  std::string_view rest_;
};

}  // namespace outbox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
