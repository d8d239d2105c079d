// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/seams.hpp"
#include "store/mariadb/statement.hpp"

namespace outbox::store::mariadb {
namespace {

// Shared by the inbox and its transaction, so that either may go first.
struct Session {
  Session(ConnectionOptions options, std::string name)
      : connection(std::move(options)), consumer(std::move(name)) {}

  Connection connection;
  std::string consumer;
  std::string table;
};

class MariadbInboxTransaction final : public InboxTransaction {
 public:
  explicit MariadbInboxTransaction(std::shared_ptr<Session> session)
      : session_(std::move(session)) {
    connection().begin();
  }

  ~MariadbInboxTransaction() override {
    if (open_) connection().roll_back();
  }

  // In the order of the ids, so that two consumers of one group never wait for each other in a
  // circle; an id that stands twice is new where it stands first.
  std::vector<bool> claim(std::span<const Uuid> event_ids) override {
    std::vector<bool> is_new(event_ids.size(), false);
    std::vector<std::size_t> order(event_ids.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, {}, [&](std::size_t at) { return event_ids[at]; });
    const auto repeated =
        std::ranges::unique(order, {}, [&](std::size_t at) { return event_ids[at]; });
    order.erase(repeated.begin(), repeated.end());
    for (std::size_t begin = 0; begin < order.size(); begin += portion_max_) {
      const std::size_t size = std::min(portion_max_, order.size() - begin);
      claim_portion(event_ids, std::span(order).subspan(begin, size), is_new);
    }
    return is_new;
  }

  std::vector<std::vector<std::optional<std::string>>> execute(
      std::string_view sql, std::span<const std::optional<std::string>> parameters) override {
    connection().ensure_open();
    const std::vector<Parameter> values(parameters.begin(), parameters.end());
    try {
      auto rows = run_for_texts(connection().native(), sql, values);
      check_open();
      return rows;
    } catch (const SqlError& error) {
      if (error.is_lost()) connection().close();
      throw;
    }
  }

  // After a deadlock the server has rolled all of it back.
  [[nodiscard]] bool usable() const noexcept override {
    return connection().is_open() && is_in_transaction(connection().native());
  }

  void savepoint() override {
    check_open();
    // One level however many events; the same name replaces the one before.
    connection().run("opening a savepoint", "SAVEPOINT outboxd_event");
  }

  void rollback_to_savepoint() override {
    connection().run("rolling back to a savepoint", "ROLLBACK TO SAVEPOINT outboxd_event");
  }

  void commit() override {
    check_open();
    connection().commit();
    open_ = false;
  }

  st_mysql* mariadb() noexcept override { return session_->connection.native(); }

 private:
  static constexpr std::size_t portion_max_ = 1000;

  [[nodiscard]] Connection& connection() const noexcept { return session_->connection; }

  // Statements that change a schema commit, as COMMIT does: what follows would stand alone.
  void check_open() const {
    if (!connection().is_open() || is_in_transaction(connection().native())) return;
    throw Error(ErrorKind::usage, "a handler's statement ended the inbox transaction",
                "leave COMMIT, ROLLBACK and changes of the schema, which commit, out of handlers");
  }

  // What is known stays; the rest is new, unless somebody was faster since: then they are asked for
  // one by one, and each insert tells.
  void claim_portion(std::span<const Uuid> ids, std::span<const std::size_t> portion,
                     std::vector<bool>& is_new) {
    std::string list;
    for (const std::size_t at : portion)
      list += fmt::format("{}'{}'", list.empty() ? "" : ",", to_string(ids[at]));
    Result known = connection().run(
        doing_,
        fmt::format("SELECT event_id FROM {} WHERE consumer_name = {} AND event_id IN ({})",
                    session_->table, quote_text(session_->consumer), list),
        Effect::reads);
    std::vector<Uuid> done;
    while (known.next())
      done.push_back(parse_uuid(known.bytes(0)).value_or(Uuid{}));
    std::ranges::sort(done);
    std::vector<std::size_t> wanted;
    for (const std::size_t at : portion) {
      if (!std::ranges::binary_search(done, ids[at])) wanted.push_back(at);
    }
    if (wanted.empty()) return;
    connection().run(doing_, "SAVEPOINT outboxd_claim");
    const bool all = insert(ids, wanted) == static_cast<std::int64_t>(wanted.size());
    if (!all) connection().run(doing_, "ROLLBACK TO SAVEPOINT outboxd_claim");
    for (const std::size_t& at : wanted)
      is_new[at] = all || insert(ids, std::span(&at, 1)) == 1;
  }

  std::int64_t insert(std::span<const Uuid> ids, std::span<const std::size_t> wanted) {
    std::string rows;
    for (const std::size_t at : wanted) {
      rows += fmt::format("{}({}, '{}')", rows.empty() ? "" : ", ", quote_text(session_->consumer),
                          to_string(ids[at]));
    }
    return connection()
        .run(doing_, fmt::format("INSERT IGNORE INTO {} (consumer_name, event_id) VALUES {}",
                                 session_->table, rows))
        .touched();
  }

  static constexpr std::string_view doing_ = "claiming events";

  std::shared_ptr<Session> session_;
  bool open_ = true;
};

class MariadbInbox final : public Inbox {
 public:
  explicit MariadbInbox(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)),
        session_(std::make_shared<Session>(consumer_options(), shared_->options().consumer_name)) {}

  std::unique_ptr<InboxTransaction> begin() override {
    if (session_->table.empty()) {
      session_->table = own_table(session_->connection, shared_->options(), "processed_events");
    }
    return std::make_unique<MariadbInboxTransaction>(session_);
  }

 private:
  // A handler may wait for a row's lock as long as a statement may take.
  [[nodiscard]] ConnectionOptions consumer_options() const {
    ConnectionOptions options = shared_->connection_options("consumer");
    options.lock_timeout = options.statement_timeout;
    return options;
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<Inbox> make_inbox(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbInbox>(std::move(shared));
}

}  // namespace outbox::store::mariadb
