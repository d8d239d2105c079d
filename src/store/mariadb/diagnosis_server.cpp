// SPDX-License-Identifier: Apache-2.0
//
// The way to the server, what it is set to, what this user may, and what other sessions do to us.
#include <mysql.h>

#include <fmt/format.h>

#include "store/mariadb/diagnosis.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view doing = "looking at the server";

// Empty where the server does not know it, as MariaDB and MySQL name some things differently.
std::string variable(Connection& connection, const std::string& name) {
  Result found =
      connection.run(doing, fmt::format("SHOW VARIABLES LIKE {}", quote_text(name)), Effect::reads);
  return found.next() ? found.text(1) : std::string();
}

void examine_tls(Examination& examination, Patient& patient) {
  const Address address = parse_address(patient.shared.options().url);
  const char* const cipher = mysql_get_ssl_cipher(patient.connection.native());
  if (cipher != nullptr) {
    return examination.well(
        fmt::format("the connection to {} is encrypted ({})", address.host, cipher));
  }
  if (!address.socket.empty() || is_loopback(address.host)) {
    return examination.well("the connection does not leave this machine");
  }
  examination.warning(fmt::format("the connection to {} is not encrypted", address.host),
                      "passwords and events can be read, and changed, on the way",
                      "add tls=verify-full and tls_ca to database.url");
}

void examine_isolation(Examination& examination, Patient& patient) {
  std::string level = variable(patient.connection, "transaction_isolation");
  if (level.empty()) level = variable(patient.connection, "tx_isolation");
  if (level == "READ-COMMITTED") {
    return examination.well("outboxd's sessions are READ COMMITTED, whatever the server's default");
  }
  examination.problem("outboxd's sessions are " + level,
                      "gap locks would make relays and writers wait for each other",
                      "let no proxy change what a session sets");
}

void examine_durability(Examination& examination, Patient& patient) {
  bool well = true;
  const std::string flush = variable(patient.connection, "innodb_flush_log_at_trx_commit");
  const std::string why =
      "a COMMIT that was answered can be gone after a crash: an event may then stand in the topic "
      "though its business change is lost";
  if (flush != "1" && flush != "3") {
    well = false;
    const std::string found = "innodb_flush_log_at_trx_commit is " + flush;
    const std::string remedy =
        "SET GLOBAL innodb_flush_log_at_trx_commit = 1, and the same in the server's configuration";
    if (flush == "0") {
      examination.problem(found, why, remedy);
    } else {
      examination.warning(found, why + " (of the machine)", remedy);
    }
  }
  const bool logs = variable(patient.connection, "log_bin") == "ON";
  if (const std::string sync = variable(patient.connection, "sync_binlog"); logs && sync != "1") {
    well = false;
    examination.warning("the binary log is on and sync_binlog is " + sync,
                        "after a crash of the machine replicas may lack events that the primary "
                        "has, or have others",
                        "SET GLOBAL sync_binlog = 1, and the same in the server's configuration");
  }
  if (variable(patient.connection, "innodb_doublewrite") == "OFF") {
    well = false;
    examination.problem("innodb_doublewrite is off", "a crash of the machine can leave torn pages",
                        "set innodb_doublewrite = ON, unless the storage writes whole pages");
  }
  if (well)
    examination.well("innodb_flush_log_at_trx_commit, sync_binlog and doublewrite are safe");
}

void examine_binary_log(Examination& examination, Patient& patient) {
  const std::string format = variable(patient.connection, "binlog_format");
  const bool logs = variable(patient.connection, "log_bin") == "ON";
  if (!logs || format != "STATEMENT") {
    return examination.well(logs ? "the binary log is on, in format " + format
                                 : "the binary log is off");
  }
  examination.problem(
      "binlog_format is STATEMENT",
      "InnoDB refuses to write in READ COMMITTED sessions then: no relay can settle",
      "SET GLOBAL binlog_format = 'ROW', and the same in the server's configuration");
}

void examine_transactions(Examination& examination, Patient& patient) {
  Result found = patient.connection.run(
      doing,
      fmt::format("SELECT t.trx_mysql_thread_id, timestampdiff(MICROSECOND, t.trx_started, now(6)) "
                  "DIV 1000, coalesce(p.user, '?'), coalesce(p.command, '?') "
                  "FROM information_schema.innodb_trx t LEFT JOIN information_schema.processlist p "
                  "ON p.id = t.trx_mysql_thread_id WHERE t.trx_mysql_thread_id <> connection_id() "
                  "AND t.trx_started < now(6) - INTERVAL {} MICROSECOND "
                  "ORDER BY t.trx_started LIMIT 1",
                  std::chrono::microseconds(patient.limits.long_transaction).count()),
      Effect::reads);
  if (!found.next()) {
    return examination.well("no transaction has been open for more than " +
                            duration_words(patient.limits.long_transaction));
  }
  examination.warning(
      fmt::format("connection {} of {} has a transaction open for {} ({})", found.number(0),
                  found.text(2), duration_words(std::chrono::milliseconds(found.number(1))),
                  found.text(3)),
      "its events become visible only at its COMMIT, behind those that were written later; and "
      "purge removes no row version that it may still see, so reads become slower",
      fmt::format("find out what it does; KILL {} ends it, idle_transaction_timeout does so by "
                  "itself",
                  found.number(0)));
}

void examine_purge(Examination& examination, Patient& patient) {
  Result found =
      patient.connection.run(doing,
                             "SELECT count FROM information_schema.innodb_metrics WHERE name = "
                             "'trx_rseg_history_len'",
                             Effect::reads);
  if (!found.next()) return;
  const std::int64_t length = found.number(0);
  const std::string words = fmt::format("{} transactions wait to be purged", length);
  if (length < 5 * patient.limits.dead_rows) return examination.well(words);
  examination.warning(words,
                      "each settled event leaves an old row version behind, which reads must pass "
                      "over",
                      "end long transactions (long-transactions), raise innodb_purge_threads");
}

void examine_rights(Examination& examination, Patient& patient) {
  Result found = patient.connection.run(doing, "SHOW GRANTS", Effect::reads);
  std::string over_all;
  std::string foreign;
  const std::string own =
      fmt::format("`{}`", find_schema(patient.connection, patient.shared.options().table.schema));
  while (found.next()) {
    const std::string grant = found.text(0);
    const auto on = grant.find(" ON ");
    if (on == std::string::npos || grant.starts_with("GRANT USAGE ")) continue;
    const std::string object = grant.substr(on + 4, grant.find(" TO ", on) - on - 4);
    const std::string rights = grant.substr(6, on - 6);
    if (object == "*.*" && rights != "PROCESS" && rights != "BINLOG MONITOR") {
      over_all = rights;
    } else if (object != "*.*" && !object.starts_with(own)) {
      foreign = object;
    }
  }
  if (!over_all.empty()) {
    return examination.warning(
        fmt::format("this user has {} on the whole server", over_all.substr(0, 100)),
        "whoever gets its password has all databases",
        "make a user with the rights of docs/stores.md, and set it in database.url");
  }
  if (!foreign.empty()) {
    return examination.notice("this user also has rights on " + foreign,
                              "a relay needs the outbox and the tables outboxd_* alone",
                              "use a user of its own for the relay, and REVOKE the rest");
  }
  examination.well("this user has rights in its own database alone");
}

void examine_packets(Examination& examination, Patient& patient) {
  Result found = patient.connection.run(doing, "SELECT @@global.max_allowed_packet", Effect::reads);
  if (!found.next()) return;
  const std::int64_t bytes = found.number(0);
  const std::string words = "max_allowed_packet is " + bytes_words(bytes);
  if (bytes >= 16LL << 20U) return examination.well(words);
  examination.warning(words, "a statement that settles many rows, or one large payload, is refused",
                      "SET GLOBAL max_allowed_packet = 67108864, and the same in the server's "
                      "configuration");
}

}  // namespace

void examine_server(Examination& examination, Patient& patient) {
  const std::string right = "GRANT PROCESS ON *.* TO the user that runs `outboxd doctor`";
  examination.check("tls", [&] { examine_tls(examination, patient); });
  examination.check("server-version", [&] {
    examination.well(fmt::format("{} {}", patient.connection.is_mariadb() ? "MariaDB" : "MySQL",
                                 mysql_get_server_info(patient.connection.native())));
  });
  examination.check("isolation-level", [&] { examine_isolation(examination, patient); });
  examination.check("durability", [&] { examine_durability(examination, patient); });
  examination.check("binary-log", [&] { examine_binary_log(examination, patient); });
  examination.check("packet-size", [&] { examine_packets(examination, patient); });
  examination.check(
      "long-transactions", [&] { examine_transactions(examination, patient); }, right);
  examination.check(
      "purge", [&] { examine_purge(examination, patient); }, right);
  examination.check("grants", [&] { examine_rights(examination, patient); });
}

}  // namespace outbox::store::mariadb
