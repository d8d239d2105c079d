// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace outbox::admin {

/// Who does something, for the audit log.
struct Actor {
  std::string who;  ///< The token's name, or `user@host` on the command line.
  std::string via;  ///< `api`, `command line`, `page`.
};

}  // namespace outbox::admin
