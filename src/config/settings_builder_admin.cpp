// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/named_settings.hpp"
#include "config/settings_builder.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

constexpr std::size_t token_letters_min = 16;
constexpr std::size_t name_letters_max = 64;

/// Stricter than for a client's address: what looks like a name is not trusted to be this machine.
bool listens_on_loopback(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool is_number = std::all_of(host.begin(), host.end(), [](char letter) {
    return letter == '.' || (letter >= '0' && letter <= '9');
  });
  return host == "localhost" || host == "::1" || (is_number && host.starts_with("127."));
}

/// A list may stand in a file, a line each.
std::vector<std::string> words_of(const std::vector<std::string>& list) {
  constexpr std::string_view space = " \t\r\n";
  std::vector<std::string> words;
  for (const std::string& entry : list) {
    std::size_t at = 0;
    while ((at = entry.find_first_not_of(space, at)) != std::string::npos) {
      const std::size_t end = std::min(entry.find_first_of(space, at), entry.size());
      words.push_back(entry.substr(at, end - at));
      at = end;
    }
  }
  return words;
}

bool is_token_letter(char letter) {
  return letter > ' ' && letter < 127 && letter != ',' && letter != '"';
}

}  // namespace

std::vector<AdminToken> SettingsBuilder::read_tokens(const std::string& setting) const {
  std::vector<AdminToken> tokens;
  for (const std::string& word : words_of(reader_.list(setting))) {
    const std::size_t colon = word.find(':');
    const std::string name = word.substr(0, colon);
    const std::string token = colon == std::string::npos ? "" : word.substr(colon + 1);
    // What stands there is a secret, also where it is malformed.
    const std::string place = fmt::format("entry {}", tokens.size() + 1);
    if (colon == std::string::npos || !is_plain_name(name) || name.size() > name_letters_max) {
      reader_.fail(setting, fmt::format("has an {} that is not NAME:TOKEN", place),
                   "give each token a name of letters, digits, '_' and '-', such as "
                   "alice:9f86d081884c7d65, with commas between them");
    }
    if (token.size() < token_letters_min ||
        !std::all_of(token.begin(), token.end(), is_token_letter)) {
      reader_.fail(setting,
                   fmt::format("has an {} ('{}') whose token is shorter than {} printable letters",
                               place, name, token_letters_min),
                   "make one with `openssl rand -hex 16`");
    }
    tokens.push_back({name, token});
  }
  if (tokens.empty() && !reader_.text(setting).empty()) {
    reader_.fail(setting, "holds no token", "give NAME:TOKEN, or leave it out");
  }
  return tokens;
}

void SettingsBuilder::check_token_names() const {
  std::set<std::string> names;
  std::set<std::string> tokens;
  for (const auto* list : {&settings_.admin_.read_tokens, &settings_.admin_.operate_tokens}) {
    const bool reads = list == &settings_.admin_.read_tokens;
    const std::string setting = reads ? "admin.read-tokens" : "admin.operate-tokens";
    for (const AdminToken& token : *list) {
      if (!names.insert(token.name).second) {
        reader_.fail(setting, fmt::format("has the name '{}', which is there already", token.name),
                     "give each token a name of its own in admin.read-tokens and "
                     "admin.operate-tokens, or the audit log could not tell who it was");
      }
      if (!tokens.insert(token.token).second) {
        reader_.fail(setting, fmt::format("gives '{}' a token that another has", token.name),
                     "give each its own");
      }
    }
  }
}

void SettingsBuilder::read_admin() {
  AdminSettings& admin = settings_.admin_;
  admin.enabled = reader_.boolean("admin.enabled");
  admin.address = trimmed(reader_.text("admin.address"));
  admin.is_address_given = reader_.is_given("admin.address");
  admin.read_tokens = read_tokens("admin.read-tokens");
  admin.operate_tokens = read_tokens("admin.operate-tokens");
  check_token_names();
  admin.allowed_hosts = reader_.list("admin.allowed-hosts");
  admin.allowed_origins = reader_.list("admin.allowed-origins");
  for (const std::string& origin : admin.allowed_origins) {
    if (origin != "*" && is_origin(origin)) continue;
    reader_.fail("admin.allowed-origins", fmt::format("has '{}', which is no origin", origin),
                 "give scheme and host as browsers do, such as https://ops.example");
  }
  admin.connections_max = static_cast<std::size_t>(reader_.integer("admin.max-connections"));
  admin.threads = reader_.integer("admin.threads");
  admin.replay_rate = reader_.integer("admin.replay-rate");
  admin.sample_interval = reader_.duration("admin.sample-interval");
  admin.tls_certificate = reader_.path("admin.tls-certificate");
  admin.tls_key = reader_.path("admin.tls-key");
  if (admin.tls_certificate.empty() != admin.tls_key.empty()) {
    reader_.fail(admin.tls_key.empty() ? "admin.tls-certificate" : "admin.tls-key",
                 "is only one half of the certificate",
                 "set admin.tls-certificate and admin.tls-key");
  }
}

void SettingsBuilder::check_admin(std::string_view command) {
  const AdminSettings& admin = settings_.admin_;
  const bool serves = command == "run" || (command == "relay" && admin.is_address_given);
  if (!admin.enabled || !serves || listens_on_loopback(admin.address)) return;
  if (admin.read_tokens.empty() && admin.operate_tokens.empty()) {
    reader_.fail(
        "admin.address",
        fmt::format("is {}, which others can reach, and nobody would be asked who they are",
                    admin.address),
        "set admin.operate-tokens or admin.read-tokens to NAME:TOKEN, or listen on "
        "127.0.0.1");
  }
  if (admin.tls_certificate.empty()) {
    warn(
        fmt::format("admin.address is {} and admin.tls-certificate is not set: tokens and events "
                    "go in clear, unless a proxy before it speaks TLS",
                    admin.address));
  }
}

}  // namespace outbox::config
