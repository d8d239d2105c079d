// SPDX-License-Identifier: Apache-2.0
#include "api.hpp"

#include <charconv>
#include <set>

#include <httplib.h>

#include <nlohmann/json.hpp>

#include <outbox/error.hpp>
#include <outbox/json.hpp>

#include <fmt/format.h>

#include "events.hpp"
#include "figures.hpp"
#include "files.hpp"
#include "flash_sales.hpp"
#include "idempotency.hpp"
#include "orders.hpp"
#include "problem.hpp"
#include "products.hpp"

namespace shop {
namespace {

using nlohmann::json;
using outbox::Transaction;

constexpr const char* json_type = "application/json";

/// A request as the functions below see it.
struct Call {
  std::int64_t id = 0;  ///< The number in the path, where there is one.
  json body = json::object();
};
using Change = std::function<Answer(Transaction&, const Call&)>;
using Query = std::function<json(Transaction&, const httplib::Request&, std::int64_t id)>;

Answer answer(int status, const json& body, std::string location = {}) {
  return {
      .status = status, .body = body.dump(), .location = std::move(location), .is_replayed = false};
}

void send_problem(httplib::Response& response, int status, std::string_view code,
                  std::string_view message) {
  const json error = {{"code", code}, {"message", message}};
  response.status = status;
  // A message may quote what was sent.
  response.set_content(json{{"error", error}}.dump(-1, ' ', false, json::error_handler_t::replace),
                       json_type);
}

/// What went wrong with the database is told to the log, and to the client only what it may do.
void send_error(httplib::Response& response, const outbox::Error& error) {
  fmt::print(stderr, "shop: {}\n", error.what());
  const bool may_pass =
      error.kind() == outbox::ErrorKind::unreachable || error.kind() == outbox::ErrorKind::conflict;
  if (error.in_doubt()) {
    send_problem(response, 503, "in_doubt",
                 "it may be done or not: send it again with the same Idempotency-Key");
  } else if (may_pass) {
    send_problem(response, 503, "try_again", "the database is busy or away");
  } else {
    send_problem(response, 500, "internal", "the shop has an error; its log says which");
  }
  if (response.status == 503) response.set_header("Retry-After", "1");
}

/// Runs what answers a request and turns what it throws into an answer.
template <class Work>
void respond(httplib::Response& response, Work work) {
  try {
    work();
  } catch (const Problem& problem) {
    send_problem(response, problem.status(), problem.code(), problem.what());
  } catch (const outbox::Error& error) {
    send_error(response, error);
  }
}

/// A conflict left no trace, and the next attempt most likely meets none.
template <class Work>
auto transact(outbox::Database& database, Work work) {
  constexpr int attempts_max = 3;
  for (int attempt = 1;; ++attempt) {
    try {
      return database.transaction(work);
    } catch (const outbox::Error& error) {
      if (error.kind() != outbox::ErrorKind::conflict || attempt == attempts_max) throw;
    }
  }
}

std::int64_t id_in(const httplib::Request& request) {
  if (request.matches.size() < 2) return 0;
  const std::string text = request.matches[1];
  std::int64_t id = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (code == std::errc() && end == text.data() + text.size() && id <= id_max) return id;
  throw Problem(404, "not_found", "there is nothing with this number");
}

json body_of(const httplib::Request& request) {
  if (request.body.empty()) return json::object();
  // A page of another origin cannot send this type without asking.
  if (!request.get_header_value("Content-Type").starts_with(json_type)) {
    throw Problem(415, "no_json_type", "send Content-Type: application/json");
  }
  try {
    return outbox::parse_json(request.body);
  } catch (const outbox::Error& error) {
    throw Problem(400, "no_json", error.what());
  }
}

std::int64_t number_in(const httplib::Request& request, const char* name, std::int64_t most,
                       std::int64_t fallback) {
  if (!request.has_param(name)) return fallback;
  const std::string text = request.get_param_value(name);
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc() && end == text.data() + text.size() && value >= 0 && value <= most) {
    return value;
  }
  throw Problem(422, "invalid_parameter", fmt::format("{} is no number from 0 to {}", name, most));
}

/// One POST: the change, its events and the kept answer are one transaction.
void post(httplib::Server& server, outbox::Database& database, const char* path, Change change) {
  server.Post(path, [&database, change = std::move(change)](const httplib::Request& request,
                                                            httplib::Response& response) {
    respond(response, [&] {
      const Call call{.id = id_in(request), .body = body_of(request)};
      const Request again{.key = request.get_header_value("Idempotency-Key"),
                          .path = request.path,
                          .body = request.body};
      const Answer given = transact(database, [&](Transaction& transaction) {
        return once(transaction, again, [&] { return change(transaction, call); });
      });
      response.status = given.status;
      response.set_content(given.body, json_type);
      if (!given.location.empty()) response.set_header("Location", given.location);
      if (given.is_replayed) response.set_header("Idempotency-Replayed", "true");
    });
  });
}

void get(httplib::Server& server, outbox::Database& database, const char* path, Query query) {
  server.Get(path, [&database, query = std::move(query)](const httplib::Request& request,
                                                         httplib::Response& response) {
    respond(response, [&] {
      const std::int64_t id = id_in(request);
      const json body = transact(
          database, [&](Transaction& transaction) { return query(transaction, request, id); });
      response.set_content(body.dump(), json_type);
    });
  });
}

/// The one field of many bodies.
std::int64_t user_in(const json& body) {
  const Fields fields(body, {"user_id"});
  const std::int64_t user_id = fields.whole("user_id", 1, id_max);
  return user_id;
}

NewProduct new_product(const json& body) {
  constexpr std::size_t name_bytes_max = 200;
  const Fields fields(body, {"name", "price", "stock"});
  NewProduct product{.name = fields.text("name", name_bytes_max),
                     .price = fields.whole("price", 0, price_max),
                     .stock = fields.whole_or("stock", 0, quantity_max, 0)};
  return product;
}

std::vector<WantedItem> items_in(const Fields& fields) {
  constexpr std::size_t items_max = 100;
  std::vector<WantedItem> items;
  std::set<std::int64_t> products;
  for (const json& item : fields.array("items", items_max)) {
    const Fields wanted(item, {"product_id", "qty"}, fmt::format("items[{}]", items.size()));
    items.push_back({wanted.whole("product_id", 1, id_max), wanted.whole("qty", 1, 10'000)});
    if (!products.insert(items.back().product_id).second) {
      throw Problem(422, "invalid_field",
                    fmt::format("items: product {} stands twice", items.back().product_id));
    }
  }
  return items;
}

void add_products(httplib::Server& server, outbox::Database& database) {
  get(server, database, "/api/products",
      [](Transaction& transaction, const httplib::Request& request, std::int64_t) {
        return json{{"products", products(transaction, number_in(request, "after", id_max, 0),
                                          number_in(request, "limit", 500, 100))}};
      });
  get(server, database, R"(/api/products/([0-9]+))",
      [](Transaction& transaction, const httplib::Request&, std::int64_t id) {
        return product(transaction, id);
      });
  post(server, database, "/api/products", [](Transaction& transaction, const Call& call) {
    const std::int64_t id = create_product(transaction, new_product(call.body));
    return answer(201, product(transaction, id), fmt::format("/api/products/{}", id));
  });
  post(server, database, R"(/api/products/([0-9]+)/price)",
       [](Transaction& transaction, const Call& call) {
         const Fields fields(call.body, {"price"});
         const std::int64_t price = fields.whole("price", 0, price_max);
         change_price(transaction, call.id, price);
         return answer(200, product(transaction, call.id));
       });
  post(server, database, R"(/api/products/([0-9]+)/restock)",
       [](Transaction& transaction, const Call& call) {
         const Fields fields(call.body, {"qty"});
         const std::int64_t quantity = fields.whole("qty", 1, quantity_max);
         restock(transaction, call.id, quantity);
         // Accepted: the stock consumer adds it.
         return answer(202, {{"product_id", call.id}, {"qty", quantity}});
       });
}

void add_catalog(httplib::Server& server, outbox::Database& database) {
  post(server, database, R"(/api/products/([0-9]+)/like)",
       [](Transaction& transaction, const Call& call) {
         const bool changed = like(transaction, call.id, user_in(call.body));
         return answer(200, {{"product_id", call.id}, {"liked", true}, {"changed", changed}});
       });
  post(server, database, R"(/api/products/([0-9]+)/unlike)",
       [](Transaction& transaction, const Call& call) {
         const bool changed = unlike(transaction, call.id, user_in(call.body));
         return answer(200, {{"product_id", call.id}, {"liked", false}, {"changed", changed}});
       });
  post(server, database, R"(/api/products/([0-9]+)/view)",
       [](Transaction& transaction, const Call& call) {
         view(transaction, call.id, user_in(call.body));
         return answer(202, {{"product_id", call.id}});
       });
}

void add_orders(httplib::Server& server, outbox::Database& database) {
  get(server, database, "/api/orders",
      [](Transaction& transaction, const httplib::Request& request, std::int64_t) {
        return json{{"orders", orders(transaction, number_in(request, "limit", 500, 20))}};
      });
  get(server, database, R"(/api/orders/([0-9]+))",
      [](Transaction& transaction, const httplib::Request&, std::int64_t id) {
        return order(transaction, id);
      });
  post(server, database, "/api/orders", [](Transaction& transaction, const Call& call) {
    const Fields fields(call.body, {"user_id", "items"});
    const std::int64_t user_id = fields.whole("user_id", 1, id_max);
    std::vector<WantedItem> items = items_in(fields);
    const json made = create_order(transaction, user_id, std::move(items));
    return answer(201, made, fmt::format("/api/orders/{}", made["order_id"].get<std::int64_t>()));
  });
  post(server, database, R"(/api/orders/([0-9]+)/pay)",
       [](Transaction& transaction, const Call& call) {
         static_cast<void>(Fields(call.body, {}));  // None belongs here.
         return answer(200, pay_order(transaction, call.id));
       });
  post(server, database, R"(/api/orders/([0-9]+)/cancel)",
       [](Transaction& transaction, const Call& call) {
         static_cast<void>(Fields(call.body, {}));  // None belongs here.
         return answer(200, cancel_order(transaction, call.id));
       });
}

void add_flash_sales(httplib::Server& server, outbox::Database& database) {
  using Step = void (*)(Transaction&, const QueuePlace&);
  const auto add = [&](const char* path, int status, Step step) {
    post(server, database, path, [status, step](Transaction& transaction, const Call& call) {
      const QueuePlace place{call.id, user_in(call.body)};
      step(transaction, place);
      return answer(status, {{"flash_sale_id", place.flash_sale_id}, {"user_id", place.user_id}});
    });
  };
  add(R"(/api/flash-sales/([0-9]+)/join)", 201, join_queue);
  // Accepted: the flash-queue consumer changes the entry.
  add(R"(/api/flash-sales/([0-9]+)/admit)", 202, admit);
  add(R"(/api/flash-sales/([0-9]+)/leave)", 202, leave_queue);
  get(server, database, R"(/api/flash-sales/([0-9]+))",
      [](Transaction& transaction, const httplib::Request&, std::int64_t id) {
        return queue(transaction, id);
      });
}

void add_page(httplib::Server& server, const std::string& gateway) {
  server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_header("Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; script-src "
                        "'unsafe-inline'; connect-src 'self' ws: wss:; img-src data:; "
                        "frame-ancestors 'none'; base-uri 'none'");
    response.set_content(std::string(files::page()), "text/html; charset=utf-8");
  });
  server.Get("/api/settings", [gateway](const httplib::Request&, httplib::Response& response) {
    response.set_content(json{{"gateway", gateway}}.dump(), json_type);
  });
  server.Get("/openapi.json", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(std::string(files::openapi()), json_type);
  });
}

// What no route answers: httplib knows the status, and says nothing.
void add_errors(httplib::Server& server) {
  server.set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (!response.body.empty()) return;
    if (response.status == 404) {
      send_problem(response, 404, "not_found", "there is nothing here; see /openapi.json");
    } else if (response.status == 413) {
      send_problem(response, 413, "too_large", "the body is larger than 1 MiB");
    } else {
      send_problem(response, response.status, "bad_request", "the request cannot be read");
    }
  });
  server.set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, const std::exception_ptr& thrown) {
        try {
          std::rethrow_exception(thrown);
        } catch (const std::exception& error) {
          fmt::print(stderr, "shop: {}\n", error.what());
        }
        send_problem(response, 500, "internal", "the shop has an error; its log says which");
      });
}

// A request that says no length has no body (RFC 9112, 6.3), as `curl -X POST` sends it; httplib
// would wait for the end of the connection instead. It made the request that is changed here.
void take_bodiless_posts(httplib::Server& server) {
  server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response&) {
    if (!request.has_header("Content-Length") && !request.has_header("Transfer-Encoding")) {
      const_cast<httplib::Request&>(request).set_header("Content-Length", "0");
    }
    return httplib::Server::HandlerResponse::Unhandled;
  });
}

}  // namespace

void add_routes(httplib::Server& server, outbox::Database& database, const std::string& gateway) {
  constexpr std::size_t body_bytes_max = 1U << 20U;
  server.set_payload_max_length(body_bytes_max);
  server.set_default_headers(
      {{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-store"}});
  add_products(server, database);
  add_catalog(server, database);
  add_orders(server, database);
  add_flash_sales(server, database);
  get(server, database, "/api/figures",
      [](Transaction& transaction, const httplib::Request&, std::int64_t) {
        return figures(transaction);
      });
  take_bodiless_posts(server);
  add_page(server, gateway);
  add_errors(server);
}

}  // namespace shop
