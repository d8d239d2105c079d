// SPDX-License-Identifier: Apache-2.0
#include <outbox/database.hpp>

#include <outbox/error.hpp>

#include "config/database_url.hpp"
#include "config/fault.hpp"
#include "library/backend.hpp"

namespace outbox {
namespace {

bool is_path(std::string_view url) {
  return url.find("://") == std::string_view::npos &&
         (url.ends_with(".db") || url.ends_with(".sqlite")) &&
         url.find('=') == std::string_view::npos;
}

std::unique_ptr<library::Backend> make_backend(DatabaseOptions options) {
  if (options.connections_max < 1) {
    throw Error(ErrorKind::configuration, "DatabaseOptions::connections_max is below 1");
  }
  if (is_path(options.url)) return library::make_sqlite_backend(options);
  try {
    const auto settings = config::parse_database_url(options.url, "").settings;
    options.url = settings.url;
    return settings.kind == config::DatabaseKind::sqlite ? library::make_sqlite_backend(options)
                                                         : library::make_postgres_backend(options);
  } catch (const config::Fault& fault) {
    throw Error(ErrorKind::configuration, "DatabaseOptions::url " + fault.what, fault.hint);
  }
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
