// SPDX-License-Identifier: Apache-2.0
#include "config/database_url.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/fault.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view remedy =
    "write postgresql://user@host:5432/database, mariadb://user@host:3306/database, "
    "sqlite:///path, or libpq's key=value text";

// Parameters of Python drivers that mean nothing to libpq, which would refuse them.
constexpr std::array<std::string_view, 7> driver_only = {"async_fallback",
                                                         "command_timeout",
                                                         "prepared_statement_cache_size",
                                                         "server_settings",
                                                         "statement_cache_size",
                                                         "prepared_statement_name_func",
                                                         "max_cached_statement_lifetime"};

using Parameters = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void fail(const std::string& what, std::string_view hint = remedy) {
  throw Fault{what, std::string(hint)};
}

int hex_value(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (text[place] != '%') {
      result += text[place];
      continue;
    }
    const int high = place + 2 < text.size() ? hex_value(text[place + 1]) : -1;
    const int low = place + 2 < text.size() ? hex_value(text[place + 2]) : -1;
    if (high < 0 || low < 0 || high * 16 + low == 0) {
      fail("has a '%' that is not followed by two hexadecimal digits",
           "write a '%' in a name or password as %25");
    }
    result += static_cast<char>(high * 16 + low);
    place += 2;
  }
  return result;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char letter) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  });
  return result;
}

void set(Parameters& parameters, const std::string& key, std::string value) {
  for (auto& [known, old] : parameters) {
    if (known == key) {
      old = std::move(value);
      return;
    }
  }
  parameters.emplace_back(key, std::move(value));
}

std::string get(const Parameters& parameters, std::string_view key) {
  for (const auto& [known, value] : parameters) {
    if (known == key) return value;
  }
  return {};
}

std::string quoted(std::string_view value) {
  std::string result = "'";
  for (const char letter : value) {
    if (letter == '\'' || letter == '\\') result += '\\';
    result += letter;
  }
  return result + "'";
}

std::string joined(const Parameters& parameters, bool masked) {
  std::string result;
  for (const auto& [key, value] : parameters) {
    const bool secret = key == "password" || key == "sslpassword" || key == "passfile";
    if (!result.empty()) result += ' ';
    result += key + "=" + (masked && secret ? "***" : quoted(value));
  }
  return result;
}

// `host:port,[::1]:port` into libpq's two lists.
void parse_hosts(std::string_view text, Parameters& parameters) {
  std::string hosts;
  std::string ports;
  bool any_port = false;
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view one = text.substr(0, comma);
    std::string_view host = one;
    std::string_view port;
    if (one.starts_with('[')) {
      const std::size_t close = one.find(']');
      if (close == std::string_view::npos) fail("has a '[' without ']' in its host");
      host = one.substr(1, close - 1);
      one.remove_prefix(close + 1);
      if (one.starts_with(':')) port = one.substr(1);
    } else if (const std::size_t colon = one.find(':'); colon != std::string_view::npos) {
      host = one.substr(0, colon);
      port = one.substr(colon + 1);
    }
    const auto number = port.empty() ? 5432 : parse_integer(port).value_or(0);
    if (number < 1 || number > 65'535) {
      fail("has a port that is no number from 1 to 65535",
           "write ':', '/' and '@' in a password as %3A, %2F and %40, or use database.password");
    }
    hosts += (hosts.empty() ? "" : ",") + decoded(host);
    ports += fmt::format("{}{}", ports.empty() ? "" : ",", number);
    any_port = any_port || !port.empty();
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (!hosts.empty()) set(parameters, "host", hosts);
  if (any_port) set(parameters, "port", ports);
}

void parse_query(std::string_view query, Parameters& parameters,
                 std::vector<std::string>& warnings) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) fail("has a parameter without '='");
    std::string key = decoded(pair.substr(0, equals));
    std::string value = decoded(pair.substr(equals + 1));
    if (std::find(driver_only.begin(), driver_only.end(), key) != driver_only.end()) {
      warnings.push_back(fmt::format(
          "database.url: the parameter '{}' is a Python driver's own and is left out", key));
    } else {
      // asyncpg says `ssl` where libpq says `sslmode`, and takes a boolean for it too.
      if (key == "ssl") {
        key = "sslmode";
        if (value == "true" || value == "True" || value == "1") value = "require";
        if (value == "false" || value == "False" || value == "0") value = "disable";
      }
      set(parameters, key, value);
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
}

Parameters parse_url(std::string_view rest, std::vector<std::string>& warnings) {
  Parameters parameters;
  const std::size_t question = rest.find('?');
  const std::string_view query =
      question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  rest = rest.substr(0, question);
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  // The last '@' ends the user's part, so that a password with an '@' in it is still read.
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    const std::size_t colon = user.find(':');
    if (!user.substr(0, colon).empty()) {
      set(parameters, "user", decoded(user.substr(0, colon)));
    }
    if (colon != std::string_view::npos) {
      set(parameters, "password", decoded(user.substr(colon + 1)));
    }
  }
  parse_hosts(authority, parameters);
  if (slash != std::string_view::npos && slash + 1 < rest.size()) {
    set(parameters, "dbname", decoded(rest.substr(slash + 1)));
  }
  parse_query(query, parameters, warnings);
  return parameters;
}

// libpq's key=value text: values bare or in single quotes, with backslash escapes.
std::optional<Parameters> parse_key_values(std::string_view text) {
  Parameters parameters;
  std::size_t place = 0;
  const auto skip_space = [&] {
    while (place < text.size() && std::isspace(static_cast<unsigned char>(text[place])) != 0) {
      ++place;
    }
  };
  for (skip_space(); place < text.size(); skip_space()) {
    const std::size_t equals = text.find('=', place);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string key(trimmed(text.substr(place, equals - place)));
    if (key.empty() || key.find_first_of(" \t'") != std::string::npos) return std::nullopt;
    place = equals + 1;
    skip_space();
    const bool in_quotes = place < text.size() && text[place] == '\'';
    if (in_quotes) ++place;
    std::string value;
    bool closed = !in_quotes;
    for (; place < text.size(); ++place) {
      if (in_quotes ? text[place] == '\''
                    : std::isspace(static_cast<unsigned char>(text[place])) != 0) {
        closed = true;
        ++place;
        break;
      }
      if (text[place] == '\\' && place + 1 < text.size()) ++place;
      value += text[place];
    }
    if (!closed) return std::nullopt;
    set(parameters, key, value);
  }
  return parameters;
}

DatabaseAddress postgres_address(Parameters parameters, std::string_view password,
                                 std::vector<std::string> warnings) {
  DatabaseAddress address;
  if (!password.empty()) set(parameters, "password", std::string(password));
  const std::string host = get(parameters, "host");
  // The name alone is looked up only to connect; hostaddr says where it goes.
  address.hosts = parse_list(host.empty() ? get(parameters, "hostaddr") : host)
                      .value_or(std::vector<std::string>{});
  address.ssl_mode = get(parameters, "sslmode");
  address.has_password = !get(parameters, "password").empty();
  address.settings.kind = DatabaseKind::postgres;
  address.settings.url = joined(parameters, false);
  address.settings.shown = joined(parameters, true);
  address.warnings = std::move(warnings);
  return address;
}

std::string encoded(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (std::isalnum(byte) != 0 || std::string_view("-._~/").find(letter) != std::string::npos)
      result += letter;
    else
      result += fmt::format("%{:02X}", byte);
  }
  return result;
}

enum class Tls : std::uint8_t { off, on };

// MySQL's words, SQLAlchemy's drivers' and libpq's for the same.
Tls tls_mode(std::string mode) {
  mode = lower(mode);
  std::replace(mode.begin(), mode.end(), '_', '-');
  if (mode == "disabled" || mode == "disable") return Tls::off;
  constexpr std::array<std::string_view, 7> on = {
      "preferred", "prefer", "required", "require", "verify-ca", "verify-full", "verify-identity"};
  if (std::find(on.begin(), on.end(), mode) != on.end()) return Tls::on;
  fail("has an ssl_mode that is neither disabled nor required, verify_ca or verify_identity",
       "write ssl_mode=verify_identity");
}

/// What the home of MariaDB reads: one form for all that drivers write.
struct MariadbQuery {
  std::string text;
  Tls tls = Tls::off;
  bool has_ca = false;
  std::string socket;

  void add(std::string_view name, const std::string& value) {
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, encoded(value));
  }
};

MariadbQuery mariadb_query(const Parameters& parameters, std::vector<std::string>& warnings) {
  MariadbQuery query;
  for (const auto& [key, value] : parameters) {
    if (key == "unix_socket" || key == "socket") {
      query.socket = value;
      query.add("socket", value);
    } else if (key == "connect_timeout") {
      query.add("connect_timeout", value);
    } else if (key == "sslmode" || key == "ssl_mode" || key == "ssl-mode") {
      query.tls = tls_mode(value);
    } else if (key == "ssl_ca" || key == "ssl_cert" || key == "ssl_key") {
      query.tls = Tls::on;
      query.has_ca = query.has_ca || key == "ssl_ca";
      query.add(key == "ssl_ca"     ? "tls_ca"
                : key == "ssl_cert" ? "tls_certificate"
                                    : "tls_key",
                value);
    } else if (key.starts_with("ssl_verify") || key == "ssl_check_hostname") {
      warnings.push_back(fmt::format(
          "database.url: the parameter '{}' is left out: a server on another host is always "
          "verified",
          key));
    } else if (key != "host" && key != "port" && key != "user" && key != "password" &&
               key != "dbname") {
      warnings.push_back(fmt::format(
          "database.url: the parameter '{}' is not known for MariaDB and is left out", key));
    }
  }
  return query;
}

DatabaseAddress mariadb_address(Parameters parameters, std::string_view password,
                                std::vector<std::string> warnings) {
  if (!password.empty()) set(parameters, "password", std::string(password));
  const std::string host = get(parameters, "host");
  if (host.find(',') != std::string::npos) {
    fail("names several hosts", "name the one that is the primary");
  }
  if (get(parameters, "dbname").empty()) {
    fail("names no database", "write it as mariadb://user:password@host:3306/database");
  }
  MariadbQuery query = mariadb_query(parameters, warnings);
  const bool verified = query.tls == Tls::on && (!is_loopback(host) || query.has_ca);
  if (query.tls == Tls::on) query.add("tls", verified ? "verify" : "on");
  const std::string port = get(parameters, "port");
  const std::string server =
      (host.find(':') == std::string::npos ? encoded(host) : "[" + host + "]") +
      (port.empty() ? "" : ":" + port);
  const std::string after = fmt::format("{}/{}{}{}", server, encoded(get(parameters, "dbname")),
                                        query.text.empty() ? "" : "?", query.text);
  const std::string user = encoded(get(parameters, "user"));
  const std::string secret = encoded(get(parameters, "password"));
  const auto url = [&](const std::string& shown) {
    return fmt::format("mariadb://{}{}{}{}{}", user, shown.empty() ? "" : ":", shown,
                       user.empty() && shown.empty() ? "" : "@", after);
  };
  DatabaseAddress address;
  if (query.socket.empty() && !host.empty()) address.hosts = {host};
  if (query.tls == Tls::on) address.ssl_mode = verified ? "verify-full" : "require";
  address.has_password = !secret.empty();
  address.settings = {DatabaseKind::mariadb, url(secret), url(secret.empty() ? "" : "***")};
  address.warnings = std::move(warnings);
  return address;
}

DatabaseAddress sqlite_address(std::string_view rest) {
  // sqlite:///relative.db and sqlite:////absolute.db: three slashes, then the path.
  if (!rest.starts_with('/')) {
    fail("names a host, which sqlite has not", "write sqlite:///path with three slashes");
  }
  const std::string path = decoded(rest.substr(1, rest.find('?') - 1));
  if (path.empty() || path == ":memory:") {
    fail("names a database in memory, which ends with the process",
         "name a file, such as sqlite:///outbox.db");
  }
  DatabaseAddress address;
  address.settings = {DatabaseKind::sqlite, path, "sqlite:///" + path};
  if (rest.find('?') != std::string_view::npos) {
    address.warnings.emplace_back("database.url: the parameters of a sqlite URL are left out");
  }
  return address;
}

}  // namespace

DatabaseAddress parse_database_url(std::string_view url, std::string_view password) {
  url = trimmed(url);
  const std::size_t scheme_end = url.find("://");
  const std::string scheme =
      lower(url.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
  const bool is_scheme = !scheme.empty() && scheme.find_first_of(" ='\"") == std::string::npos;
  if (!is_scheme) {
    const auto parameters = parse_key_values(url);
    if (url.empty() || !parameters) fail("is neither a URL nor libpq's key=value text");
    return postgres_address(*parameters, password, {});
  }
  const std::string_view rest = url.substr(scheme_end + 3);
  const std::string dialect = scheme.substr(0, scheme.find('+'));
  if (dialect == "postgresql" || dialect == "postgres") {
    std::vector<std::string> warnings;
    Parameters parameters = parse_url(rest, warnings);
    return postgres_address(std::move(parameters), password, std::move(warnings));
  }
  if (dialect == "sqlite") return sqlite_address(rest);
  if (dialect == "mysql" || dialect == "mariadb") {
    std::vector<std::string> warnings;
    Parameters parameters = parse_url(rest, warnings);
    return mariadb_address(std::move(parameters), password, std::move(warnings));
  }
  fail(fmt::format("has the unknown scheme '{}'", scheme));
}

bool is_loopback(std::string_view host) {
  return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
         host.starts_with("127.") || host == "::1" || host == "[::1]";
}

}  // namespace outbox::config
