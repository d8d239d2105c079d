// SPDX-License-Identifier: Apache-2.0
#include <outbox/database.hpp>

#include <outbox/error.hpp>

#include "library/backend.hpp"
#include "library/connections.hpp"

namespace outbox {
namespace {

std::unique_ptr<library::Backend> make_backend(DatabaseOptions options) {
  if (options.connections_max < 1) {
    throw Error(ErrorKind::configuration, "DatabaseOptions::connections_max is below 1");
  }
  const library::DatabasePlace place = library::find_database(options.url, "DatabaseOptions::url");
  options.url = place.url;
  return place.kind == config::DatabaseKind::sqlite ? library::make_sqlite_backend(options)
                                                    : library::make_postgres_backend(options);
}

}  // namespace

class Database::Pool {
 public:
  explicit Pool(DatabaseOptions options) : backend(make_backend(std::move(options))) {}

  const std::unique_ptr<library::Backend> backend;
};

Database::Database(DatabaseOptions options) : pool_(std::make_unique<Pool>(std::move(options))) {}
Database::~Database() = default;

void Database::run(const std::function<void(Transaction&)>& work) {
  pool_->backend->run(work);
}

void Database::script(const std::string& sql) {
  pool_->backend->script(sql);
}

Dialect Database::dialect() const noexcept {
  return pool_->backend->dialect();
}

}  // namespace outbox
