// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <outbox/database.hpp>

namespace shop {

struct SeedOptions {
  std::int64_t products = 20;
  std::int64_t stock = 1000;  ///< Of each.
};

/// Products for a shop that has none. Returns how many were made.
std::int64_t seed(outbox::Database& database, const SeedOptions& options);

}  // namespace shop
