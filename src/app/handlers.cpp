// SPDX-License-Identifier: Apache-2.0
#include "app/handlers.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "library/transaction_mariadb.hpp"
#include "library/transaction_postgres.hpp"
#include "library/transaction_sqlite.hpp"
#include "store/inbox.hpp"

namespace outbox::app {
namespace {

using config::HandlerKind;
using config::HandlerSettings;
using Call = decltype(consume::EventHandler::call);

template <class Work>
void with_transaction(store::InboxTransaction& inbox, const Work& work) {
  if (sqlite3* const connection = inbox.sqlite(); connection != nullptr) {
    library::SqliteTransaction transaction(connection, {});
    work(transaction);
    return;
  }
  if (inbox.mariadb() != nullptr) {
    library::MariadbTransaction transaction(
        {.native = [&inbox] { return inbox.mariadb(); }, .lost = [] {}}, {});
    work(transaction);
    return;
  }
  library::PostgresTransaction transaction(
      {[&inbox](std::string_view sql, std::span<const std::optional<std::string>> parameters) {
         return inbox.execute(sql, parameters);
       },
       [&inbox] { return inbox.postgres(); }},
      {});
  work(transaction);
}

// A server ends a transaction in which nothing is said for long; each call outside says something.
void show_life(store::InboxTransaction& inbox) {
  with_transaction(inbox, [](Transaction& transaction) { transaction.execute("SELECT 1"); });
}

bool is_program(const std::string& path) {
  return access(path.c_str(), X_OK) == 0;
}

// As posix_spawnp will look for it.
bool is_found(const std::string& program) {
  if (program.find('/') != std::string::npos) return is_program(program);
  const char* variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/bin:/bin";
  while (!path.empty()) {
    const std::size_t colon = path.find(':');
    if (is_program(fmt::format("{}/{}", path.substr(0, colon), program))) return true;
    if (colon == std::string_view::npos) break;
    path.remove_prefix(colon + 1);
  }
  return false;
}

Call sql_call(const HandlerSettings& handler) {
  return [statements = handler.statements](std::span<const ReceivedEvent> events,
                                           store::InboxTransaction& inbox) {
    with_transaction(inbox, [&](Transaction& transaction) {
      for (const ReceivedEvent& event : events)
        run_statements(statements, event, transaction);
    });
  };
}

Call command_call(const HandlerSettings& handler) {
  if (!is_found(handler.command.front())) {
    throw Error(
        ErrorKind::configuration,
        fmt::format("{}: there is no program '{}'", handler.origin, handler.command.front()),
        "install it, or correct the command");
  }
  return [handler](std::span<const ReceivedEvent> events, store::InboxTransaction& inbox) {
    show_life(inbox);
    run_command(handler, events);
  };
}

Call http_call(const HandlerSettings& handler) {
  return [handler, caller = std::make_shared<HttpCaller>()](std::span<const ReceivedEvent> events,
                                                            store::InboxTransaction& inbox) {
    show_life(inbox);
    caller->post(handler, events);
  };
}

// What EXPLAIN takes; others are found wanting when they run.
bool can_be_planned(std::string_view sql) {
  std::string word(sql.substr(0, std::min<std::size_t>(sql.find_first_of(" \n\t("), sql.size())));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word == "select" || word == "insert" || word == "update" || word == "delete" ||
         word == "with" || word == "merge" || word == "replace";
}

}  // namespace

void check_statements(std::span<const config::SqlStatement> statements,
                      store::InboxTransaction& inbox) {
  with_transaction(inbox, [&](Transaction& transaction) {
    for (const config::SqlStatement& statement : statements) {
      if (!can_be_planned(statement.sql)) continue;
      const std::vector<Parameter> nulls(statement.parameters.size(), Parameter(std::nullopt));
      try {
        transaction.run("EXPLAIN " + statement.sql, nulls);
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::unreachable) throw;
        throw Error(ErrorKind::configuration,
                    fmt::format("{}: the database refuses the statement: {}", statement.origin,
                                error.what()),
                    "correct it, or make the tables that it needs");
      }
    }
  });
}

std::shared_ptr<const consume::EventHandler> make_handler(const HandlerSettings& handler) {
  Call call = handler.kind == HandlerKind::sql       ? sql_call(handler)
              : handler.kind == HandlerKind::command ? command_call(handler)
                                                     : http_call(handler);
  return std::make_shared<const consume::EventHandler>(
      consume::EventHandler{std::move(call), handler.batch});
}

}  // namespace outbox::app
