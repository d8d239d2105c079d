// SPDX-License-Identifier: Apache-2.0
//
// Whether an event may go into the table. What is wrong is found here, where its author looks, and
// not later in a dead letter.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/event.hpp>
#include <outbox/publish.hpp>

#include "publish/insert.hpp"

namespace outbox::publishing {

/// An event that passed, with what it gets from us: its id where it has none, its headers as JSON.
/// It refers to the event.
class CheckedEvent {
 public:
  /// `id` is for an event that has none. Throws Error(usage), naming the field and the remedy.
  CheckedEvent(const Event& event, const PublishOptions& options, const Uuid& id = random_uuid());

  /// Views into the event and into this.
  [[nodiscard]] EventFields fields() const;
  [[nodiscard]] const Uuid& id() const noexcept { return id_; }

 private:
  const Event* event_;
  Uuid id_;
  std::string id_text_;
  std::string headers_json_;
};

/// All of them; where there are several, an error says which one it is.
[[nodiscard]] std::vector<CheckedEvent> check(std::span<const Event> events,
                                              const PublishOptions& options);

/// Throws Error(usage). `remedy` is how one is begun: "BEGIN".
[[noreturn]] void refuse_outside_transaction(std::string_view remedy);

[[nodiscard]] std::vector<EventFields> fields_of(std::span<const CheckedEvent> events);

[[nodiscard]] std::vector<Uuid> ids_of(std::span<const CheckedEvent> events);

/// The table's name as SQL: each part quoted as it stands. Throws Error(usage) where it is none.
[[nodiscard]] std::string quoted_table(const PublishOptions& options, char quote = '"');

}  // namespace outbox::publishing
