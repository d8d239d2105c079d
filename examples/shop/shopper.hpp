// SPDX-License-Identifier: Apache-2.0
//
// One shopper of the load, on a connection of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "load.hpp"

namespace httplib {
class Client;
}

namespace shop {

/// The largest seed.
inline constexpr std::int64_t seed_max = 1'000'000'000;

/// Throws outbox::Error(unreachable) where the shop does not answer.
[[nodiscard]] std::vector<std::int64_t> product_ids(const std::string& url);

[[nodiscard]] std::string to_json_text(const LoadFigures& figures);

/// Used by one thread at a time.
class Shopper {
 public:
  Shopper(const std::string& url, std::vector<std::int64_t> products, std::uint64_t seed,
          int number);
  Shopper(Shopper&&) noexcept;
  ~Shopper();

  /// One thing that a shopper, or the staff, does: one request, or a few that belong together.
  void act();

  [[nodiscard]] const LoadFigures& figures() const noexcept { return figures_; }
  [[nodiscard]] const std::vector<double>& latencies_ms() const noexcept { return latencies_ms_; }

 private:
  struct Response {
    int status = 0;  ///< 0: none came.
    std::string body;
    [[nodiscard]] bool is_done() const { return status >= 200 && status < 300; }
  };

  void look_around();
  void like_or_not();
  void order();
  void cancel_one();
  void restock();
  void change_price();
  void queue_for_flash_sale();

  Response post(const std::string& path, const nlohmann::json& body);
  Response send(const std::string& path, const std::string& body, const std::string& key);
  std::int64_t product();
  std::int64_t user();
  std::int64_t number(std::int64_t least, std::int64_t most);
  bool happens(int percent) { return number(1, 100) <= percent; }

  std::unique_ptr<httplib::Client> client_;
  std::vector<std::int64_t> products_;
  std::mt19937_64 random_;
  std::string key_prefix_;
  std::int64_t keys_ = 0;
  std::vector<std::int64_t> paid_orders_;
  LoadFigures figures_;
  std::vector<double> latencies_ms_;
};

}  // namespace shop
