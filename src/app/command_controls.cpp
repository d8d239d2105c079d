// SPDX-License-Identifier: Apache-2.0
//
// relays, pause, resume, pauses, audit-log.
#include <fmt/format.h>

#include "admin/controls.hpp"
#include "admin/status.hpp"
#include "app/commands.hpp"
#include "app/operating.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"

namespace outbox::app {
namespace {

std::string stores_of(const admin::Json& pauses) {
  std::string names;
  for (const admin::Json& one : list_of(pauses, "items"))
    names += (names.empty() ? "" : ", ") + text_of(one, "store");
  return names;
}

}  // namespace

int command_relays(const Arguments& arguments) {
  Operation operation(arguments);
  const admin::Json relays = admin::list_relays(operation.office(), arguments.value("store"));
  operation.print(relays, show_relays(relays, operation.look()));
  return list_of(relays, "errors").empty() ? 0 : exit_code(ErrorKind::unreachable);
}

int command_pause(const Arguments& arguments) {
  const bool pauses = arguments.command->name == "pause";
  const std::string& word = arguments.words.at(0);
  const std::string& name = arguments.words.at(1);
  const admin::PauseRequest request{admin::pause_kind_of(word), name, arguments.value("store"),
                                    reason_of(arguments)};
  const admin::Actor actor = actor_of(arguments);
  Operation operation(arguments);
  if (!pauses) {
    const admin::PauseOutcome outcome = admin::resume(operation.office(), request, actor);
    if (!outcome.changed) {
      throw Error(ErrorKind::not_found, fmt::format("{} '{}' is not paused", word, name),
                  "`outboxd pauses` shows what is");
    }
    operation.print(outcome.document, fmt::format("{} '{}' goes on\n", word, name));
    return 0;
  }
  const admin::PauseOutcome outcome = admin::pause(operation.office(), request, actor);
  const std::string stores = stores_of(outcome.document);
  operation.print(
      outcome.document,
      fmt::format("{} '{}' is paused{}{}\n", word, name, outcome.changed ? "" : " already",
                  stores.empty() ? "" : ", noted in store " + stores));
  return 0;
}

int command_pauses(const Arguments& arguments) {
  Operation operation(arguments);
  const admin::Json pauses = admin::list_pauses(operation.office(), arguments.value("store"));
  return operation.print_page(pauses, show_pauses(pauses, operation.look()), "pause");
}

int command_audit_log(const Arguments& arguments) {
  const admin::AuditRequest request{arguments.value("store"), page_limit(arguments),
                                    arguments.value("cursor").value_or("")};
  Operation operation(arguments);
  const admin::Json page = admin::list_audit(operation.office(), request);
  return operation.print_page(page, show_audit(page, operation.look()), "entry");
}

}  // namespace outbox::app
