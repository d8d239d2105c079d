// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace outbox::config {

/// What is wrong with one value, thrown by the parsers of structured ones. The reader of the
/// setting catches it and makes an Error of it, with the setting's name and where the value came
/// from.
struct Fault {
  std::string what;  ///< The rest of a sentence that begins with the setting: `has no topic`.
  std::string hint;
};

}  // namespace outbox::config
