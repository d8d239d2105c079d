// SPDX-License-Identifier: Apache-2.0
//
// Where the shop keeps products for quick reading: Redis (`product:{id}`, B10), or the process's
// own memory where there is no Redis.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace shop {

/// Thread-safety: any thread. Throws outbox::Error(unreachable) where the cache is away, which a
/// consumer waits for.
class Cache {
 public:
  virtual ~Cache() = default;
  virtual void put(std::int64_t product_id, const std::string& json) = 0;
  virtual void remove(std::int64_t product_id) = 0;
  [[nodiscard]] virtual std::optional<std::string> get(std::int64_t product_id) = 0;
};

class MemoryCache final : public Cache {
 public:
  void put(std::int64_t product_id, const std::string& json) override;
  void remove(std::int64_t product_id) override;
  [[nodiscard]] std::optional<std::string> get(std::int64_t product_id) override;

 private:
  std::mutex mutex_;
  std::map<std::int64_t, std::string> products_;
};

/// `redis://host:port`, `redis://:password@host:port/2`. Connects on first use, and again after a
/// loss.
[[nodiscard]] std::unique_ptr<Cache> make_redis_cache(const std::string& url);

}  // namespace shop
