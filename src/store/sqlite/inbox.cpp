// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

class SqliteInboxTransaction final : public InboxTransaction {
 public:
  explicit SqliteInboxTransaction(SharedContext context)
      : context_(std::move(context)), turn_(context_->write()), transaction_(turn_.connection()) {}

  std::vector<bool> claim(std::span<const Uuid> event_ids) override {
    std::vector<bool> is_new;
    is_new.reserve(event_ids.size());
    Query query = connection().query(
        "INSERT INTO processed_events (consumer_name, event_id) VALUES (?1, ?2) "
        "ON CONFLICT DO NOTHING",
        context_->options.consumer_name);
    char text[36];
    for (const Uuid& event_id : event_ids) {
      format_to(event_id, text);
      query.bind(2, std::string_view(text, sizeof text));
      query.run();
      is_new.push_back(connection().changes() == 1);
    }
    return is_new;
  }

  std::vector<std::vector<std::optional<std::string>>> execute(
      std::string_view sql, std::span<const std::optional<std::string>> parameters) override {
    Query query = connection().prepare_once(sql);
    // To SQLite `$1` is a name, numbered by where it first stands: hence by name.
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      query.bind_named(fmt::format("${}", i + 1), parameters[i]);
    }
    std::vector<std::vector<std::optional<std::string>>> rows;
    while (query.step()) {
      auto& row = rows.emplace_back();
      for (int column = 0; column < query.columns(); ++column) {
        row.push_back(query.is_null(column)
                          ? std::nullopt
                          : std::optional<std::string>(std::string(query.text(column))));
      }
    }
    if (!connection().in_transaction()) {
      throw Error(ErrorKind::usage, "a handler's statement ended the inbox transaction",
                  "leave COMMIT and ROLLBACK to the consumer");
    }
    return rows;
  }

  [[nodiscard]] bool usable() const noexcept override { return connection().in_transaction(); }

  void savepoint() override {
    if (has_savepoint_) connection().query("RELEASE outboxd_event").run();
    connection().query("SAVEPOINT outboxd_event").run();
    has_savepoint_ = true;
  }

  void rollback_to_savepoint() override { connection().query("ROLLBACK TO outboxd_event").run(); }

  void commit() override { transaction_.commit(); }

  sqlite3* sqlite() noexcept override { return connection().handle(); }

 private:
  [[nodiscard]] Connection& connection() const noexcept { return turn_.connection(); }

  const SharedContext context_;
  const Turn turn_;  // Before the transaction, so that it is given back after its end.
  Transaction transaction_;
  bool has_savepoint_ = false;
};

class SqliteInbox final : public Inbox {
 public:
  explicit SqliteInbox(SharedContext context) : context_(std::move(context)) {
    if (context_->options.consumer_name.empty()) {
      throw Error(ErrorKind::usage, "an inbox needs HomeOptions::consumer_name");
    }
  }

  std::unique_ptr<InboxTransaction> begin() override {
    return std::make_unique<SqliteInboxTransaction>(context_);
  }

 private:
  const SharedContext context_;
};

}  // namespace

std::unique_ptr<Inbox> make_inbox(SharedContext context) {
  return std::make_unique<SqliteInbox>(std::move(context));
}

}  // namespace outbox::store::sqlite
