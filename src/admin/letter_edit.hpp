// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "admin/letter.hpp"

namespace outbox::admin {

/// Throws Error(usage) for an edit that fits no letter: both payload and patch, a patch or headers
/// that are no JSON, a topic that none can have.
void check_edit(const LetterEdit& edit);

/// What became of an edit: one of the two.
template <class Edited>
struct EditOutcome {
  Edited edited;
  std::string fault;  ///< Not empty: it cannot be made on this letter, and why.
};

/// `row` must have its payload whole, where the edit is a patch.
[[nodiscard]] EditOutcome<store::RowEdit> edit_row(const LetterEdit& edit,
                                                   const store::EventView& row);

/// The copy that is sent in place of the letter.
[[nodiscard]] EditOutcome<broker::IncomingMessage> edit_message(
    const LetterEdit& edit, const broker::IncomingMessage& message);

/// For the audit log, cut to 2,000 bytes a text.
[[nodiscard]] Json edit_json(const LetterEdit& edit);

/// The same with what stood there before and what stands there now, each with its digest; before
/// up to 64 KiB, so that it can be put back by hand.
[[nodiscard]] Json change_json(const LetterEdit& edit, const store::EventView& before,
                               const store::RowEdit& after);
[[nodiscard]] Json change_json(const LetterEdit& edit, const broker::IncomingMessage& before,
                               const broker::IncomingMessage& after);

}  // namespace outbox::admin
