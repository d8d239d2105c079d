// SPDX-License-Identifier: Apache-2.0
//
// The services' documents as text, for people: the same fields as the JSON, in tables.
#pragma once

#include <string>

#include "admin/json.hpp"
#include "app/text_table.hpp"

namespace outbox::app {

/// What `outboxd status` prints: one screen.
[[nodiscard]] std::string show_status(const admin::Json& status, const Look& look);
/// One relay of a status document, or of the list of relays.
[[nodiscard]] std::string show_relay(const admin::Json& relay, const Look& look);
[[nodiscard]] std::string show_relays(const admin::Json& relays, const Look& look);

[[nodiscard]] std::string show_events(const admin::Json& page, const Look& look);
[[nodiscard]] std::string show_event(const admin::Json& event, const Look& look);
[[nodiscard]] std::string show_trace(const admin::Json& trace, const Look& look);

[[nodiscard]] std::string show_letters(const admin::Json& page, const Look& look);
[[nodiscard]] std::string show_groups(const admin::Json& groups, const Look& look);
[[nodiscard]] std::string show_letter(const admin::Json& letter, const Look& look);

[[nodiscard]] std::string show_pauses(const admin::Json& pauses, const Look& look);
[[nodiscard]] std::string show_audit(const admin::Json& page, const Look& look);
/// Without `all` those that are ok are counted alone.
[[nodiscard]] std::string show_findings(const admin::Json& doctor, bool all, const Look& look);
/// A message that was followed, on one line or, where it does not fit, several.
[[nodiscard]] std::string show_message(const admin::Json& message, const Look& look);

/// The rates that command_top computes.
[[nodiscard]] std::string show_rates(const admin::Json& rates, const Look& look);

/// `name: value` lines, names in one width, of the fields that are there; `payload` behind them.
[[nodiscard]] std::string show_fields(const admin::Json& object, const Look& look);

/// For standard error: that there is more, what was not asked to its end, and who did not answer;
/// empty where the page is all there is. `what` is one of the things, `dead letter`.
[[nodiscard]] std::string page_notes(const admin::Json& page, const std::string& what);

}  // namespace outbox::app
