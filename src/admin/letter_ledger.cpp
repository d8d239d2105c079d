// SPDX-License-Identifier: Apache-2.0
//
// The run's lines in the audit log: one before it does anything in a store, and one for each
// thousand letters that are done, with their ids, by which a trace finds them.
#include <utility>

#include <fmt/format.h>

#include "admin/controls.hpp"
#include "admin/letter_edit.hpp"
#include "admin/letter_run.hpp"

namespace outbox::admin {

void LetterRun::begin_ledger(const std::string& store) {
  Ledger& ledger = ledgers_[store];
  if (ledger.has_begun) return;
  const bool replays = order_.action == LetterAction::replay;
  store::AuditEntry entry;
  entry.action = replays ? "replay" : "discard";
  entry.target = "dead letters";
  entry.reason = order_.reason;
  Json details = choice_json(order_.choice);
  if (replays) {
    details["edit"] = edit_json(order_.edit);
    details["letters_per_second"] = order_.letters_per_second;
  }
  persist_note(store, std::move(entry), details);
  ledger.has_begun = true;
}

void LetterRun::write_ledger(const std::string& store, std::size_t at_least) {
  Ledger& ledger = ledgers_[store];
  if (!ledger.unconfirmed.empty()) write_unconfirmed(store);
  if (ledger.done.empty() || ledger.done.size() < at_least) return;
  store::AuditEntry entry;
  entry.action = order_.action == LetterAction::replay ? "replayed" : "discarded";
  entry.target = ledger.done.size() == 1 ? ledger.done.front()
                                         : fmt::format("{} dead letters", ledger.done.size());
  entry.reason = order_.reason;
  Json ids = Json::array();
  for (const std::string& id : ledger.done)
    ids.push_back(text_json(id));
  persist_note(store, std::move(entry), {{"letters", std::move(ids)}});
  ledger.done.clear();
}

void LetterRun::write_unconfirmed(const std::string& store) {
  Ledger& ledger = ledgers_[store];
  store::AuditEntry entry;
  entry.action = "unconfirmed";
  entry.target = fmt::format("{} dead letters", ledger.unconfirmed.size());
  entry.reason = order_.reason;
  Json ids = Json::array();
  for (const std::string& id : ledger.unconfirmed)
    ids.push_back(text_json(id));
  persist_note(store, std::move(entry), {{"letters", std::move(ids)}});
  ledger.unconfirmed.clear();
}

// Before it is done: what nobody can tell about afterwards must not happen.
void LetterRun::note_edit(const Letter& letter, const Json& change) {
  if (letter.store.empty()) return;
  store::AuditEntry entry;
  entry.action = "edit";
  entry.target = letter.id;
  entry.reason = order_.reason;
  persist_note(letter.store, std::move(entry), change);
}

void LetterRun::note_refused_edit(const Letter& letter, const std::string& why) {
  store::AuditEntry entry;
  entry.action = "edit-failed";
  entry.target = letter.id;
  entry.reason = order_.reason;
  persist_note(letter.store, std::move(entry), {{"error", text_json(why)}});
}

void LetterRun::write_ledgers() {
  for (const auto& [store, ledger] : ledgers_)
    write_ledger(store, 1);
}

void LetterRun::persist_note(const std::string& store, store::AuditEntry entry,
                             const Json& details) {
  persist([&] { note(access_.seams(site_.store(store)).controls(), actor_, entry, details); });
}

}  // namespace outbox::admin
