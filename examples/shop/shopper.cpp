// SPDX-License-Identifier: Apache-2.0
#include "shopper.hpp"

#include <httplib.h>

#include <outbox/error.hpp>
#include <outbox/json.hpp>
#include <outbox/uuid.hpp>

#include <fmt/format.h>

namespace shop {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int timeout_seconds = 30;
constexpr int users = 500;
constexpr std::size_t latencies_max = 1'000'000;

std::unique_ptr<httplib::Client> make_client(const std::string& url) {
  auto client = std::make_unique<httplib::Client>(url);
  client->set_keep_alive(true);
  client->set_tcp_nodelay(true);
  client->set_connection_timeout(5);
  client->set_read_timeout(timeout_seconds);
  return client;
}

}  // namespace

std::vector<std::int64_t> product_ids(const std::string& url) {
  const auto client = make_client(url);
  const auto result = client->Get("/api/products?limit=500");
  if (!result || result->status != 200) {
    throw outbox::Error(outbox::ErrorKind::unreachable,
                        fmt::format("the shop at {} does not answer", url),
                        "start it with shop serve, or give --url");
  }
  std::vector<std::int64_t> ids;
  const json answer = outbox::parse_json(result->body);
  for (const json& product : answer.at("products"))
    ids.push_back(product.at("id").get<std::int64_t>());
  return ids;
}

std::string to_json_text(const LoadFigures& figures) {
  return json{{"actions", figures.actions},
              {"requests", figures.requests},
              {"orders_created", figures.orders_created},
              {"orders_paid", figures.orders_paid},
              {"orders_canceled", figures.orders_canceled},
              {"restocks", figures.restocks},
              {"likes_and_views", figures.likes_and_views},
              {"queue_steps", figures.queue_steps},
              {"price_changes", figures.price_changes},
              {"repeated", figures.repeated},
              {"contradicted", figures.contradicted},
              {"refused", figures.refused},
              {"failed", figures.failed},
              {"seconds", figures.seconds},
              {"latency_p50_ms", figures.latency_p50_ms},
              {"latency_p99_ms", figures.latency_p99_ms}}
      .dump();
}

Shopper::Shopper(const std::string& url, std::vector<std::int64_t> products, std::uint64_t seed,
                 int number)
    : client_(make_client(url)),
      products_(std::move(products)),
      random_(seed * 1000 + static_cast<std::uint64_t>(number)),
      // The wishes follow the seed, the keys must not: a second run is not the first one repeated.
      key_prefix_(to_string(outbox::random_uuid())) {}
Shopper::Shopper(Shopper&&) noexcept = default;
Shopper::~Shopper() = default;

std::int64_t Shopper::number(std::int64_t least, std::int64_t most) {
  return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
}

// A few products are wanted by most.
std::int64_t Shopper::product() {
  const auto last = static_cast<std::int64_t>(products_.size()) - 1;
  return products_[static_cast<std::size_t>(std::min(number(0, last), number(0, last)))];
}

std::int64_t Shopper::user() {
  return number(1, users);
}

Shopper::Response Shopper::send(const std::string& path, const std::string& body,
                                const std::string& key) {
  const Clock::time_point begin = Clock::now();
  const auto result =
      client_->Post(path, httplib::Headers{{"Idempotency-Key", key}}, body, "application/json");
  ++figures_.requests;
  if (latencies_ms_.size() < latencies_max) {
    latencies_ms_.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  if (!result) return {};
  return {result->status, result->body};
}

Shopper::Response Shopper::post(const std::string& path, const json& body) {
  const std::string text = body.dump();
  const std::string key = fmt::format("{}-{}", key_prefix_, ++keys_);
  Response response = send(path, text, key);
  // An answer that was lost, or a second click.
  const bool was_lost = response.status == 0 || response.status == 503;
  if (was_lost || happens(3)) {
    ++figures_.repeated;
    Response second = send(path, text, key);
    const bool differs = response.is_done() && second.is_done() && response.body != second.body;
    if (differs) ++figures_.contradicted;
    if (!response.is_done()) response = std::move(second);
  }
  if (response.status == 0 || response.status >= 500)
    ++figures_.failed;
  else if (!response.is_done())
    ++figures_.refused;
  return response;
}

void Shopper::act() {
  ++figures_.actions;
  const std::int64_t wish = number(1, 100);
  if (wish <= 35) return look_around();
  if (wish <= 50) return like_or_not();
  if (wish <= 82) return order();
  if (wish <= 87) return cancel_one();
  if (wish <= 91) return restock();
  if (wish <= 93) return change_price();
  queue_for_flash_sale();
}

void Shopper::look_around() {
  if (post(fmt::format("/api/products/{}/view", product()), {{"user_id", user()}}).is_done()) {
    ++figures_.likes_and_views;
  }
}

void Shopper::like_or_not() {
  const char* what = happens(75) ? "like" : "unlike";
  const std::string path = fmt::format("/api/products/{}/{}", product(), what);
  if (post(path, {{"user_id", user()}}).is_done()) ++figures_.likes_and_views;
}

void Shopper::order() {
  json items = json::array();
  const std::int64_t first = product();
  items.push_back({{"product_id", first}, {"qty", number(1, 3)}});
  const std::int64_t second = product();
  if (second != first && happens(40)) {
    items.push_back({{"product_id", second}, {"qty", number(1, 2)}});
  }
  const Response made = post("/api/orders", {{"user_id", user()}, {"items", items}});
  if (!made.is_done()) return;
  ++figures_.orders_created;
  const auto id = outbox::parse_json(made.body).at("order_id").get<std::int64_t>();
  if (!happens(85)) return;  // Left in the cart.
  if (!post(fmt::format("/api/orders/{}/pay", id), json::object()).is_done()) return;
  ++figures_.orders_paid;
  paid_orders_.push_back(id);
}

void Shopper::cancel_one() {
  if (paid_orders_.empty()) return look_around();
  const auto place =
      static_cast<std::size_t>(number(0, static_cast<std::int64_t>(paid_orders_.size()) - 1));
  std::swap(paid_orders_[place], paid_orders_.back());
  const std::int64_t id = paid_orders_.back();
  paid_orders_.pop_back();
  if (post(fmt::format("/api/orders/{}/cancel", id), json::object()).is_done()) {
    ++figures_.orders_canceled;
  }
}

void Shopper::restock() {
  const std::string path = fmt::format("/api/products/{}/restock", product());
  if (post(path, {{"qty", number(10, 60)}}).is_done()) ++figures_.restocks;
}

void Shopper::change_price() {
  const std::string path = fmt::format("/api/products/{}/price", product());
  if (post(path, {{"price", 10 * number(50, 900)}}).is_done()) ++figures_.price_changes;
}

void Shopper::queue_for_flash_sale() {
  const std::string path = fmt::format("/api/flash-sales/{}/", number(1, 3));
  const json who = {{"user_id", user()}};
  const auto step = [&](const char* what) {
    const bool done = post(path + what, who).is_done();
    if (done) ++figures_.queue_steps;
    return done;
  };
  if (!step("join")) return;
  if (happens(70)) step("admit");
  if (happens(40)) step("leave");
}

}  // namespace shop
