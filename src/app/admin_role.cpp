// SPDX-License-Identifier: Apache-2.0
#include "app/admin_role.hpp"

#include <fmt/format.h>

#include <string>

#include "app/site.hpp"
#include "config/database_url.hpp"

namespace outbox::app {
namespace {

std::string host_of(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

std::vector<admin::NamedToken> tokens_of(const std::vector<config::AdminToken>& given) {
  std::vector<admin::NamedToken> tokens;
  for (const config::AdminToken& one : given)
    tokens.push_back({one.name, one.token});
  return tokens;
}

admin::AdminOptions admin_options(const config::AdminSettings& given) {
  admin::AdminOptions options;
  options.server.address = given.address;
  options.server.address_setting = "admin.address";
  options.server.certificate = given.tls_certificate;
  options.server.key = given.tls_key;
  options.server.tls_setting = "admin.tls-certificate";
  options.connections_max = given.connections_max;
  options.threads = given.threads;
  options.access.read_tokens = tokens_of(given.read_tokens);
  options.access.operate_tokens = tokens_of(given.operate_tokens);
  options.access.allowed_hosts = given.allowed_hosts;
  options.access.allowed_origins = given.allowed_origins;
  options.access.is_loopback = config::is_loopback(host_of(given.address));
  options.page = admin::page_files();
  return options;
}

}  // namespace

AdminRole::AdminRole(const config::Settings& settings, InstanceBoard& board, Watch& watch,
                     Logger& logger)
    : board_(board),
      watch_(watch),
      server_(admin_options(settings.admin()), make_services(settings), logger),
      thread_([this](const std::stop_token& stop) { server_.run(stop); }) {
  const char* scheme = settings.admin().tls_certificate.empty() ? "http" : "https";
  logger.info("the admin server listens",
              {{"url", fmt::format("{}://{}/", scheme, server_.address())}});
}

std::shared_ptr<admin::Services> AdminRole::make_services(const config::Settings& settings) {
  auto services = std::make_shared<admin::Services>(make_site(settings));
  services->instance = &board_;
  services->metrics_text = [this] { return watch_.metrics_text(); };
  services->alerts = [this] { return watch_.alerts(); };
  return services;
}

void AdminRole::take_over(const config::Settings& settings) {
  server_.replace(make_services(settings));
}

std::unique_ptr<AdminRole> start_admin_role(std::string_view command,
                                            const config::Settings& settings, InstanceBoard& board,
                                            Watch& watch, Logger& logger) {
  const config::AdminSettings& given = settings.admin();
  if (!given.enabled || (command != "run" && !given.is_address_given)) return nullptr;
  try {
    return std::make_unique<AdminRole>(settings, board, watch, logger);
  } catch (const Error& error) {
    if (given.is_address_given || error.kind() != ErrorKind::conflict) throw;
    logger.warn("there is no admin server in this process", {{"error", error.what()}});
    return nullptr;
  }
}

}  // namespace outbox::app
