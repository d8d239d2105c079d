// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "config/settings_builder.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

constexpr std::chrono::hours inbox_retention_min{1};

bool is_table_name(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return is_sql_name(name);
  return is_sql_name(name.substr(0, dot)) && is_sql_name(name.substr(dot + 1));
}

}  // namespace

void SettingsBuilder::read_cleanup() {
  CleanupSettings& cleanup = settings_.cleanup_;
  cleanup.enabled = cleans_up_by_itself();
  cleanup.retention = reader_.duration("cleanup.retention-days");
  cleanup.interval = reader_.duration("cleanup.cleanup-interval");
  cleanup.batch_size = reader_.integer("cleanup.batch-size");
  cleanup.batch_pause = reader_.duration("cleanup.batch-pause");
  cleanup.inbox_retention = reader_.duration("cleanup.inbox-retention");
  cleanup.partitions_ahead = reader_.integer("cleanup.partitions-ahead");
  if (cleanup.inbox_retention.count() > 0 && cleanup.inbox_retention < inbox_retention_min) {
    reader_.fail("cleanup.inbox-retention", "is less than 1h",
                 "give a time longer than the topics keep their messages, or 0 for ever");
  }
  cleanup.archive_table = std::string(trimmed(reader_.text("cleanup.archive-table")));
  const TableShape& table = settings_.outbox_.table;
  if (!cleanup.archive_table.empty() && !is_table_name(cleanup.archive_table)) {
    reader_.fail(
        "cleanup.archive-table",
        fmt::format("is {}, which is no SQL name", reader_.quoted("cleanup.archive-table")),
        "give a letter or '_', then letters, digits and '_', at most 63; a schema goes "
        "before a dot");
  }
  if (cleanup.archive_table == table.table ||
      cleanup.archive_table == table.schema + "." + table.table) {
    reader_.fail("cleanup.archive-table", "is the outbox itself",
                 "give another table's name, or leave it empty to remove old rows");
  }
  settings_.outbox_.daily_partitions = reader_.word("outbox.partitions") == "daily";
  if (settings_.outbox_.daily_partitions) check_partitions();
  settings_.outbox_.lookup_indexes = reader_.boolean("outbox.lookup-indexes");
  if (settings_.outbox_.lookup_indexes && !table.native) {
    reader_.fail(
        "outbox.lookup-indexes", "is true, and the table is one of others",
        "a table of others stays as it is: leave it unset, and make such indexes yourself");
  }
}

// Rows of a table that belongs to others are not removed unasked.
bool SettingsBuilder::cleans_up_by_itself() const {
  const std::string enabled = reader_.word("cleanup.enabled");
  if (enabled != "auto") return enabled == "true";
  return settings_.outbox_.table.native || reader_.is_given_by_user("cleanup.retention-days");
}

void SettingsBuilder::check_partitions() const {
  if (!settings_.outbox_.table.native) {
    reader_.fail("outbox.partitions", "is 'daily', and the table is one of others",
                 "partitions are for the table that `outboxd migrate` makes: leave it unset");
  }
  const std::vector<StoreSettings>& stores = settings_.stores_;
  const auto sqlite = std::find_if(stores.begin(), stores.end(), [](const StoreSettings& store) {
    return store.database.kind == DatabaseKind::sqlite;
  });
  if (sqlite != stores.end()) {
    reader_.fail("outbox.partitions", fmt::format("is 'daily', and {} is SQLite", sqlite->name),
                 "SQLite has no partitions: leave it unset");
  }
}

}  // namespace outbox::config
