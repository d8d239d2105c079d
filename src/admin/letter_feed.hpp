// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/letter_scan.hpp"

namespace outbox::admin {

/// Throws Error(usage) where not either ids or a filter are given, or ids that are none.
void check_choice(const Site& site, const LetterChoice& choice);

/// For the audit log.
[[nodiscard]] Json choice_json(const LetterChoice& choice);

/// The letters that were chosen, portion by portion, in the order in which they are replayed. Used
/// by one thread.
class LetterFeed {
 public:
  /// A letter that cannot be had, and why.
  struct Missing {
    std::string id;
    std::string reason;
    bool is_settled = false;  ///< There, but no longer dead.
  };
  struct Portion {
    std::vector<Letter> letters;
    std::vector<Missing> missing;
  };

  /// Borrows the site, the access and the choice. An order to stop ends a portion early.
  LetterFeed(const Site& site, LetterAccess& access, const LetterChoice& choice,
             const LetterDepth& depth, std::stop_token stop = {});

  /// False: that was the end.
  bool next(Portion& portion, Moment deadline);

  /// Another text once it is further.
  [[nodiscard]] std::string position() const;

  /// Of the stores and topics that a filter could not read: [{store|topic, error}].
  [[nodiscard]] const Json& errors() const;

 private:
  bool next_of_ids(Portion& portion, Moment deadline);
  void order_by_time();

  const Site& site_;
  LetterAccess& access_;
  const LetterChoice& choice_;
  const LetterDepth depth_;
  const std::stop_token stop_;
  std::optional<LetterScan> scan_;
  std::deque<LetterId> ids_;
  bool is_ordered_ = false;
};

/// One letter, or what was one. Throws Error(not_found).
[[nodiscard]] Letter find_letter(const Site& site, LetterAccess& access, const LetterId& id,
                                 const LetterDepth& depth);

}  // namespace outbox::admin
