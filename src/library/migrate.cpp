// SPDX-License-Identifier: Apache-2.0
#include <outbox/migrate.hpp>

#include "library/connections.hpp"

namespace outbox {

void migrate(const std::string& database_url) {
  const library::DatabasePlace place = library::find_database(database_url, "database_url");
  library::make_store(place, {}).migrations()->apply();
}

}  // namespace outbox
