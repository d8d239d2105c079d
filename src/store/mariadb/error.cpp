// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/error.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace outbox::store::mariadb {
namespace {

struct Rule {
  unsigned number;
  ErrorKind kind;
  std::string_view hint;
};

constexpr std::string_view login = "check the user and password in database.url";
constexpr std::string_view rights = "grant the right to the user of database.url";
constexpr std::string_view absent = "run `outboxd migrate`, or set outbox.table or outbox.preset";
constexpr std::string_view in_the_way = "another transaction was in the way; it is tried again";
constexpr std::string_view broke = "the connection to the database broke";
constexpr std::string_view ending = "the database is being stopped or started";
constexpr std::string_view too_slow = "the database was too slow; it is tried again";
constexpr std::string_view read_only = "this server is read-only; a primary is needed";
constexpr std::string_view full = "the database server is out of disk space or memory";
constexpr std::string_view many = "raise max_connections or start fewer instances";
constexpr std::string_view node = "this node of the cluster takes no work; name another";
constexpr std::string_view tls =
    "check tls and ssl_ca in database.url, and the server's certificate";

// By number: the client's own begin at 2000, MySQL's newer ones at 3000, MariaDB's at 1900 and
// 4000.
constexpr std::array rules = {
    Rule{1020, ErrorKind::unreachable, in_the_way},
    Rule{1021, ErrorKind::unreachable, full},
    Rule{1037, ErrorKind::unreachable, full},
    Rule{1040, ErrorKind::unreachable, many},
    Rule{1041, ErrorKind::unreachable, full},
    Rule{1044, ErrorKind::configuration, rights},
    Rule{1045, ErrorKind::configuration, login},
    Rule{1047, ErrorKind::unreachable, node},
    Rule{1049, ErrorKind::configuration, "check the database name in database.url"},
    Rule{1053, ErrorKind::unreachable, ending},
    Rule{1054, ErrorKind::not_found,
         "run `outboxd migrate`, or set outbox.preset or outbox.columns"},
    Rule{1080, ErrorKind::unreachable, broke},
    Rule{1114, ErrorKind::unreachable, full},
    Rule{1129, ErrorKind::unreachable, "the server has shut this host out; run FLUSH HOSTS there"},
    Rule{1130, ErrorKind::configuration, "this host may not log in there; grant it"},
    Rule{1135, ErrorKind::unreachable, full},
    Rule{1142, ErrorKind::configuration, rights},
    Rule{1143, ErrorKind::configuration, rights},
    Rule{1146, ErrorKind::not_found, absent},
    Rule{1153, ErrorKind::failed, "raise max_allowed_packet on the server"},
    Rule{1158, ErrorKind::unreachable, broke},
    Rule{1159, ErrorKind::unreachable, broke},
    Rule{1160, ErrorKind::unreachable, broke},
    Rule{1161, ErrorKind::unreachable, broke},
    Rule{1203, ErrorKind::unreachable, many},
    Rule{1205, ErrorKind::unreachable, "another session holds a lock; it is tried again"},
    Rule{1213, ErrorKind::unreachable, in_the_way},
    Rule{1226, ErrorKind::unreachable, many},
    Rule{1227, ErrorKind::configuration, rights},
    Rule{1290, ErrorKind::unreachable, read_only},
    Rule{1317, ErrorKind::unreachable, too_slow},
    Rule{1665, ErrorKind::configuration, "set binlog_format to ROW or MIXED on the server"},
    Rule{1698, ErrorKind::configuration, login},
    Rule{1792, ErrorKind::unreachable, read_only},
    Rule{1836, ErrorKind::unreachable, read_only},
    Rule{1927, ErrorKind::unreachable, broke},
    Rule{1969, ErrorKind::unreachable, too_slow},
    Rule{2002, ErrorKind::unreachable, "check database.url and that the server runs"},
    Rule{2003, ErrorKind::unreachable, "check database.url and that the server runs"},
    Rule{2005, ErrorKind::unreachable, "check the host in database.url"},
    Rule{2006, ErrorKind::unreachable, broke},
    Rule{2012, ErrorKind::unreachable, broke},
    Rule{2013, ErrorKind::unreachable, broke},
    Rule{2026, ErrorKind::unreachable, tls},
    Rule{2055, ErrorKind::unreachable, broke},
    Rule{2059, ErrorKind::configuration, "the user's way of logging in is not supported"},
    Rule{2061, ErrorKind::configuration, login},
    Rule{3024, ErrorKind::unreachable, too_slow},
    Rule{3159, ErrorKind::configuration, "the server insists on TLS; add ssl_mode=verify_identity"},
    Rule{3572, ErrorKind::unreachable, "another session holds a lock; it is tried again"},
    Rule{4031, ErrorKind::unreachable, broke},
    Rule{4151, ErrorKind::configuration, login},
};
static_assert(std::ranges::is_sorted(rules, {}, &Rule::number));

const Rule* rule_of(unsigned number) noexcept {
  const auto* found = std::ranges::lower_bound(rules, number, {}, &Rule::number);
  return found != rules.end() && found->number == number ? found : nullptr;
}

std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(
      line, [](char letter) { return letter == '\n' || letter == '\t'; }, ' ');
  return line;
}

}  // namespace

ErrorKind kind_of(unsigned number) noexcept {
  const Rule* rule = rule_of(number);
  return rule == nullptr ? ErrorKind::failed : rule->kind;
}

bool SqlError::may_run_again() const noexcept {
  return number_ == 1020 || number_ == 1205 || number_ == 1213 || number_ == 3572;
}

bool SqlError::is_lost() const noexcept {
  constexpr std::array lost = {1053U, 1080U, 1158U, 1159U, 1160U, 1161U, 1927U,
                               2002U, 2003U, 2006U, 2012U, 2013U, 2055U, 4031U};
  return std::ranges::find(lost, number_) != lost.end();
}

bool SqlError::is_too_slow() const noexcept {
  return number_ == 1317 || number_ == 1969 || number_ == 3024;
}

SqlError make_error(unsigned number, std::string_view text, std::string_view doing) {
  const Rule* rule = rule_of(number);
  return {kind_of(number), number,
          fmt::format("MariaDB: {}: {} [{}]", doing, one_line(text), number),
          rule == nullptr ? std::string() : std::string(rule->hint)};
}

}  // namespace outbox::store::mariadb
