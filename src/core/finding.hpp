// SPDX-License-Identifier: Apache-2.0
//
// What a look at the health of something found, for `outboxd doctor`, the admin API and the page.
#pragma once

#include <cstdint>
#include <string>

namespace outbox {

enum class Severity : std::uint8_t {
  ok,       ///< Looked at, and well.
  notice,   ///< Well now; worth knowing.
  warning,  ///< Will hurt: under load, in an outage, or later.
  problem,  ///< Hurts now, or breaks a promise.
};

struct Finding {
  std::string check;  ///< A stable name such as `isolation-level`, by which it can be looked up.
  Severity severity = Severity::ok;
  std::string found;   ///< What is the case, with figures and names, in one sentence.
  std::string why;     ///< Why it matters; empty where it is ok.
  std::string remedy;  ///< The command or setting that mends it; empty where it is ok.
};

}  // namespace outbox
