// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/table_shape.hpp"

namespace outbox::library {

/// The shape that a preset of outboxd's stands for, under another name of the table where one is
/// given; the product's own without a preset. Throws Error(configuration) for names that are none.
[[nodiscard]] TableShape find_table_shape(const std::string& preset, const std::string& table);

}  // namespace outbox::library
