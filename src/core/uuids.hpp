// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <outbox/uuid.hpp>

namespace outbox {

/// As random_uuid(), many at a sixteenth of the system calls.
[[nodiscard]] std::vector<Uuid> random_uuids(std::size_t count);

}  // namespace outbox
