// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "store/locks.hpp"

namespace outbox::library {

/// Makes the locks that a URL of a database or of a Redis leads to. Throws Error(configuration),
/// naming `option`, for a URL of no kind that is known.
[[nodiscard]] std::function<std::unique_ptr<store::Locks>()> find_locks(
    const std::string& url, std::chrono::milliseconds statement_timeout, const std::string& option);

}  // namespace outbox::library
