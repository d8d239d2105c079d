// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include <outbox/database.hpp>

namespace shop {

struct ServeOptions {
  std::string listen = "127.0.0.1:8080";  ///< Port 0: any that is free.
  std::string gateway;                    ///< For the page: ws://host:port/ws, or none.
  int threads = 128;                      ///< Connections at the same time; others wait.
};

/// Serves the API and the page until a stop is asked for. `listening` is called once with the URL,
/// when connections are taken. Throws outbox::Error: conflict where
/// another program listens there, configuration where nobody may.
void serve(outbox::Database& database, const ServeOptions& options, const std::stop_token& stop,
           const std::function<void(const std::string& url)>& listening);

}  // namespace shop
