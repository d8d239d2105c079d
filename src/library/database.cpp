// SPDX-License-Identifier: Apache-2.0
#include <outbox/database.hpp>

#include <outbox/error.hpp>

#include "library/backend.hpp"
#include "library/connections.hpp"
#include "library/guarded_transaction.hpp"

namespace outbox {
namespace {

std::unique_ptr<library::Backend> make_backend(DatabaseOptions options) {
  if (options.connections_max < 1) {
    throw Error(ErrorKind::configuration, "DatabaseOptions::connections_max is below 1");
  }
  const library::DatabasePlace place = library::find_database(options.url, "DatabaseOptions::url");
  options.url = place.url;
  switch (place.kind) {
    case config::DatabaseKind::sqlite:
      return library::make_sqlite_backend(options);
    case config::DatabaseKind::mariadb:
      return library::make_mariadb_backend(options);
    default:
      return library::make_postgres_backend(options);
  }
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::committed:
      return "committed";
    case Outcome::rolled_back:
      return "rolled_back";
    case Outcome::unknown:
      break;
  }
  return "unknown";
}

class Database::Pool {
 public:
  explicit Pool(DatabaseOptions options)
      : backend(make_backend(std::move(options))), guarded(backend->dialect()) {}

  const std::unique_ptr<library::Backend> backend;
  library::GuardedTransactions guarded;
};

Database::Database(DatabaseOptions options) : pool_(std::make_unique<Pool>(std::move(options))) {}
Database::~Database() = default;

void Database::run(const std::function<void(Transaction&)>& work) {
  pool_->backend->run([&](Transaction& inner) { pool_->guarded.with(inner, work); });
}

PublishResult Database::publish_in_transaction(const Event& event,
                                               const std::function<void(Transaction&)>& operation) {
  PublishResult result;
  result.event_id = event.event_id;
  bool is_ready = false;  // All that is left is the COMMIT.
  const auto failed = [&](Outcome outcome, const std::exception& error) {
    result.outcome = outcome;
    result.reason = error.what();
    result.exception = std::current_exception();
  };
  try {
    if (result.event_id.is_nil()) result.event_id = random_uuid();
    Event identified = event;
    identified.event_id = result.event_id;
    run([&](Transaction& transaction) {
      operation(transaction);
      transaction.publish(identified);
      result.transaction_mark = pool_->backend->mark(transaction);
      is_ready = true;
    });
    result.outcome = Outcome::committed;
  } catch (const Error& error) {
    // What the operation threw may be in doubt about something else.
    failed(is_ready && error.in_doubt() ? Outcome::unknown : Outcome::rolled_back, error);
  } catch (const std::exception& error) {
    failed(Outcome::rolled_back, error);
  }
  return result;
}

Outcome Database::find_out(const PublishResult& result, std::chrono::milliseconds wait) {
  if (result.outcome != Outcome::unknown) return result.outcome;
  return pool_->backend->find_out(result, wait);
}

void Database::script(const std::string& sql) {
  pool_->backend->script(sql);
}

Dialect Database::dialect() const noexcept {
  return pool_->backend->dialect();
}

}  // namespace outbox
