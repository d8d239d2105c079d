// SPDX-License-Identifier: Apache-2.0
//
// Whether a newcomer's terms fit those that living instances go by, for the homes whose members
// may be on other machines.
#pragma once

#include <string>
#include <vector>

#include "store/agreement.hpp"

namespace outbox::store {

/// The terms stored for one relay name.
struct Standing {
  Terms terms;
  int living = 0;      ///< Members of that relay name.
  std::string member;  ///< One of them, with its host.
};

/// Throws Error(conflict) naming the setting, both values and who goes by the other one, where
/// `terms` do not fit: the same relay name on other terms, or another name with a share of the same
/// aggregate types. Both lists of types are in order. Not asked where nobody lives.
void check_fit(const Terms& terms, const Standing& other);

}  // namespace outbox::store
