// SPDX-License-Identifier: Apache-2.0
//
// The shop over HTTP; openapi.json describes it. Every POST takes an Idempotency-Key. Errors are
// `{"error":{"code":"unknown_product","message":"there is no product 7"}}`.
#pragma once

#include <string>

#include <outbox/database.hpp>

namespace httplib {
class Server;
}

namespace shop {

/// Adds all routes to the server. `gateway` is the URL of the WebSocket gateway that the page
/// listens to; empty: none. The database must outlive the server.
void add_routes(httplib::Server& server, outbox::Database& database, const std::string& gateway);

}  // namespace shop
