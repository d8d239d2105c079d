// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/diagnosis.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "store/sqlite/terms.hpp"

namespace outbox::store::sqlite {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;
constexpr auto quick_check_max = 3s;

std::int64_t size_of(const std::string& path) {
  std::error_code missing;
  const auto bytes = std::filesystem::file_size(path, missing);
  return missing ? 0 : static_cast<std::int64_t>(bytes);
}

std::int64_t number(Connection& connection, const std::string& sql) {
  Query query = connection.prepare_once(sql);
  return query.step() ? query.integer(0) : 0;
}

/// SQLite asks it now and then during a statement; what takes too long is interrupted.
class Deadline {
 public:
  Deadline(sqlite3* handle, Duration time) : handle_(handle), end_(BootClock::now() + time) {
    sqlite3_progress_handler(
        handle_, 10'000,
        [](void* self) { return BootClock::now() >= static_cast<Deadline*>(self)->end_ ? 1 : 0; },
        this);
  }
  ~Deadline() { sqlite3_progress_handler(handle_, 0, nullptr, nullptr); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  sqlite3* const handle_;
  const Moment end_;
};

class SqliteDiagnosis final : public Diagnosis {
 public:
  SqliteDiagnosis(SharedContext context, const DiagnosisLimits& limits)
      : context_(std::move(context)), limits_(limits) {}

  std::vector<Finding> examine() override {
    Examination examination(limits_.budget);
    const auto reader = context_->database->reader(patience);
    // Where the file cannot be read that is the answer, and not so many notices.
    (void)number(*reader, "SELECT count(*) FROM sqlite_schema");
    const auto check = [&](const char* name,
                           void (SqliteDiagnosis::*look)(Examination&, Connection&)) {
      examination.check(name, [&] { (this->*look)(examination, *reader); });
    };
    check("sqlite-version", &SqliteDiagnosis::examine_version);
    check("journal-mode", &SqliteDiagnosis::examine_journal);
    check("durability", &SqliteDiagnosis::examine_durability);
    check("write-ahead-log", &SqliteDiagnosis::examine_log);
    check("file-system", &SqliteDiagnosis::examine_file_system);
    check("disk-space", &SqliteDiagnosis::examine_space);
    check("file-permissions", &SqliteDiagnosis::examine_permissions);
    check("integrity", &SqliteDiagnosis::examine_integrity);
    examination.check("schema-version", [&] {
      outbox::store::examine_schema(examination, *make_migrations(context_));
    });
    bool has_table = false;
    examination.check("outbox-table", [&] {
      examine_outbox(examination, [&] {
        const std::string name = context_->table(*reader).shape.table;
        has_table = number(*reader,
                           "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
                           "name = " +
                               quoted_text(name)) > 0;
        if (!has_table)
          throw Error(ErrorKind::not_found, "there is no table " + name, "run `outboxd migrate`");
        return name;
      });
    });
    if (has_table) {
      check("read-plan", &SqliteDiagnosis::examine_plan);
      check("lookup-indexes", &SqliteDiagnosis::examine_lookups);
      check("settings-agreement", &SqliteDiagnosis::examine_agreement);
    }
    return examination.take();
  }

  // SQLite keeps no statistics of rows without ANALYZE; the file's size is one of all tables.
  TableFigures figures() override {
    TableFigures figures;
    figures.bytes =
        size_of(context_->database->path()) + size_of(context_->database->path() + "-wal");
    return figures;
  }

  std::vector<ReplicationSlot> replication_slots() override { return {}; }

  std::int64_t clock_us() override { return wall_clock_us(); }

 private:
  void examine_version(Examination& examination, Connection&) {
    const std::string version = std::string("SQLite ") + sqlite3_libversion();
    if (sqlite3_libversion_number() >= 3'051'003) return examination.well(version);
    examination.notice(
        version + " has the WAL-reset fault",
        "two connections that checkpoint and write at once can, rarely, corrupt the file; outboxd "
        "keeps one writing connection, which also runs the checkpoints, other programs may not",
        "let other programs set PRAGMA wal_autocheckpoint = 0, or use SQLite 3.51.3 or newer");
  }

  void examine_journal(Examination& examination, Connection& reader) {
    Query mode = reader.prepare_once("PRAGMA journal_mode");
    const std::string word = mode.step() ? std::string(mode.text(0)) : std::string();
    if (word == "wal") return examination.well("the journal is a write-ahead log");
    examination.warning("journal_mode is " + word, "readers and the writer keep each other waiting",
                        "stop all programs, then PRAGMA journal_mode = WAL");
  }

  void examine_durability(Examination& examination, Connection&) {
    const Turn turn = context_->database->write(patience);
    const std::int64_t level = number(turn.connection(), "PRAGMA synchronous");
    if (level >= 2) {
      return examination.well(
          "outboxd writes with synchronous = FULL; a back end's connections set their own");
    }
    examination.problem("synchronous is below FULL",
                        "a COMMIT that was answered can be gone after the machine lost its power",
                        "PRAGMA synchronous = FULL");
  }

  void examine_log(Examination& examination, Connection&) {
    const std::int64_t bytes = size_of(context_->database->path() + "-wal");
    const std::string words = "the write-ahead log has " + bytes_words(bytes);
    if (bytes <= limits_.log_bytes) return examination.well(words);
    examination.warning(words,
                        "a reader that stays keeps it from being copied back: it grows, and every "
                        "read becomes slower",
                        "find the program that holds a transaction open (`fuser` on the file) and "
                        "end it; then PRAGMA wal_checkpoint(TRUNCATE)");
  }

  void examine_file_system(Examination& examination, Connection&) {
    struct statfs facts {};
    if (statfs(context_->database->path().c_str(), &facts) != 0) return;
    // NFS, SMB, CIFS, SMB2, 9P, AFS: statfs(2).
    for (const unsigned long remote :
         {0x6969UL, 0x517BUL, 0xFF534D42UL, 0xFE534D42UL, 0x01021997UL, 0x5346414FUL}) {
      if ((static_cast<unsigned long>(facts.f_type) & 0xFFFFFFFFUL) != remote) continue;
      return examination.problem(
          "the file lies on a network file system",
          "locks and shared memory do not hold there: two machines can corrupt the file",
          "move the file to a local disk, or use PostgreSQL or MariaDB");
    }
    examination.well("the file lies on a local file system");
  }

  void examine_space(Examination& examination, Connection&) {
    struct statvfs facts {};
    if (statvfs(context_->database->path().c_str(), &facts) != 0 || facts.f_blocks == 0) return;
    const auto free = static_cast<std::int64_t>(facts.f_bavail * facts.f_frsize);
    const double part = static_cast<double>(facts.f_bavail) / static_cast<double>(facts.f_blocks);
    const std::string words =
        fmt::format("{} of the disk are free ({:.0f} %)", bytes_words(free), part * 100);
    if (part >= 0.05 || free >= 20LL << 30U) return examination.well(words);
    examination.warning(words, "on a full disk nothing can be written, business changes included",
                        "make room, or let `outboxd cleanup` remove more (cleanup.*)");
  }

  void examine_permissions(Examination& examination, Connection&) {
    struct stat facts {};
    if (stat(context_->database->path().c_str(), &facts) != 0) return;
    const std::string mode = fmt::format("{:o}", facts.st_mode & 0777U);
    if ((facts.st_mode & S_IWOTH) != 0) {
      return examination.warning("every user of this machine may write the file (" + mode + ")",
                                 "anybody can change events, or all else in it",
                                 "chmod o-rwx on it");
    }
    if ((facts.st_mode & S_IROTH) != 0) {
      return examination.notice("every user of this machine may read the file (" + mode + ")",
                                "events may hold what is not for everybody", "chmod o-rwx on it");
    }
    examination.well("the file is its owner's and group's (" + mode + ")");
  }

  void examine_integrity(Examination& examination, Connection& reader) {
    const std::int64_t bytes = size_of(context_->database->path());
    const std::string remedy =
        fmt::format("in a quiet hour: sqlite3 {} 'PRAGMA quick_check'", context_->database->path());
    if (bytes > limits_.quick_check_bytes) {
      return examination.notice(
          fmt::format("the file was not checked: it has {}", bytes_words(bytes)),
          "a fault of the disk may be in it that nobody has met yet", remedy);
    }
    const Deadline deadline(reader.handle(), quick_check_max);
    Query check = reader.prepare_once("PRAGMA quick_check(1)");
    const std::string said = check.step() ? std::string(check.text(0)) : std::string();
    if (said == "ok") return examination.well("PRAGMA quick_check finds nothing");
    examination.problem("PRAGMA quick_check says: " + said, "the file is damaged",
                        "stop all programs, save a copy, restore a backup or use .recover");
  }

  void examine_plan(Examination& examination, Connection& reader) {
    const Table& table = context_->table(reader);
    // The read asks functions of the capture's own, of which the plan needs no more than the names.
    for (const char* const name : {"outboxd_wanted", "outboxd_in_flight"}) {
      sqlite3_create_function_v2(
          reader.handle(), name, -1, SQLITE_UTF8, nullptr,
          [](sqlite3_context* call, int, sqlite3_value**) { sqlite3_result_int(call, 1); }, nullptr,
          nullptr, nullptr);
    }
    const std::string own = derived_name(table.shape.table, "_unsettled");
    std::string index;
    const bool may_ask =
        !table.shape.native ||
        number(reader, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = " +
                           quoted_text(own)) > 0;
    if (may_ask) index = index_of(reader, table.sql.read);
    if (!index.empty() && !index.starts_with("sqlite_autoindex")) {
      return examination.well("the relay's read uses the index " + index);
    }
    report_no_index(examination, table, own);
  }

  // By which the statement goes through the outbox; empty where there is none.
  static std::string index_of(Connection& reader, const std::string& sql) {
    Query plan = reader.prepare_once("EXPLAIN QUERY PLAN " + sql);
    while (plan.step()) {
      const std::string line(plan.text(3));
      const auto at = line.find("INDEX ");
      if (at == std::string::npos || line.find("outboxd_replays") != std::string::npos) continue;
      return line.substr(at + 6, line.find(' ', at + 6) - at - 6);
    }
    return {};
  }

  static void report_no_index(Examination& examination, const Table& table,
                              const std::string& own) {
    const std::string why =
        "every read looks at settled rows too, and takes longer with each of them";
    if (table.shape.native) {
      return examination.problem(
          "the index of unsettled rows is not used", why,
          fmt::format("CREATE INDEX {} ON {} (id) WHERE status = 'PENDING' OR status = "
                      "'PROCESSING' OR status = 'FAILED'; then ANALYZE",
                      quoted_identifier(own), quoted_identifier(table.shape.table)));
    }
    examination.notice("no index serves the relay's read of " + table.shape.table, why,
                       fmt::format("CREATE INDEX ON {} ({})", table.shape.table,
                                   table.shape.columns.status.value_or("status")));
  }

  void examine_lookups(Examination& examination, Connection& reader) {
    const Table& table = context_->table(reader);
    std::string missing;
    for (const auto& column : {table.shape.columns.event_id, table.shape.columns.aggregate_id}) {
      if (!column) continue;
      Query found = reader.prepare_once(fmt::format(
          "SELECT 1 FROM pragma_index_list({}) l JOIN pragma_index_info(l.name) i WHERE "
          "l.partial = 0 AND i.seqno = 0 AND i.name = {}",
          quoted_text(table.shape.table), quoted_text(*column)));
      if (!found.step()) missing += (missing.empty() ? "" : ", ") + *column;
    }
    if (missing.empty()) return examination.well("events can be found by their ids");
    examination.notice("no index serves looking for events by " + missing,
                       "a search looks at the newest 200,000 rows alone",
                       "set outbox.lookup-indexes and run `outboxd migrate`; each index costs "
                       "every insert a little");
  }

  void examine_agreement(Examination& examination, Connection& reader) {
    const Terms terms = terms_of(context_->options);
    Query stored = reader.query(
        "SELECT r.settle, EXISTS (SELECT 1 FROM outboxd_members m WHERE m.outbox_table = "
        "r.outbox_table AND m.relay_name = r.relay_name AND m.expires_at > ?3) "
        "FROM outboxd_relays r WHERE r.outbox_table = ?1 AND r.relay_name = ?2",
        context_->table_name, terms.relay_name, wall_clock_us());
    if (!stored.step() || stored.integer(1) == 0 || stored.text(0) == terms.settle) {
      return examination.well("what a living relay goes by fits this configuration");
    }
    examination.problem(fmt::format("relay.settle is {} here, but {} for the relay that lives",
                                    terms.settle, stored.text(0)),
                        "a relay started with this configuration would be refused",
                        "give both the same, or stop the other one first");
  }

  const SharedContext context_;
  const DiagnosisLimits limits_;
};

}  // namespace

std::unique_ptr<Diagnosis> make_diagnosis(SharedContext context, const DiagnosisLimits& limits) {
  return std::make_unique<SqliteDiagnosis>(std::move(context), limits);
}

std::unique_ptr<Diagnosis> make_diagnosis(SharedContext context) {
  return make_diagnosis(std::move(context), DiagnosisLimits{});
}

}  // namespace outbox::store::sqlite
