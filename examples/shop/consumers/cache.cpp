// SPDX-License-Identifier: Apache-2.0
#include "cache.hpp"

#include <hiredis/hiredis.h>

#include <charconv>
#include <string_view>
#include <vector>

#include <outbox/error.hpp>

namespace shop {

namespace {

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

constexpr timeval patience{2, 0};

class RedisCache final : public Cache {
 public:
  explicit RedisCache(const std::string& url) {
    constexpr std::string_view scheme = "redis://";
    std::string_view rest = url;
    if (!rest.starts_with(scheme)) refuse(url);
    rest.remove_prefix(scheme.size());
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
      const std::string_view login = rest.substr(0, at);
      password_ = login.substr(login.find(':') + 1);
      rest.remove_prefix(at + 1);
    }
    if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
      database_ = rest.substr(slash + 1);
      rest = rest.substr(0, slash);
    }
    const auto colon = rest.find(':');
    host_ = rest.substr(0, colon);
    if (colon != std::string_view::npos) {
      const std::string_view digits = rest.substr(colon + 1);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), port_);
      if (error != std::errc() || end != digits.data() + digits.size()) refuse(url);
    }
    if (host_.empty()) refuse(url);
  }

  void put(std::int64_t product_id, const std::string& json) override {
    command({"SET", name(product_id), json});
  }

  void remove(std::int64_t product_id) override { command({"DEL", name(product_id)}); }

  std::optional<std::string> get(std::int64_t product_id) override {
    const Reply reply = command({"GET", name(product_id)});
    if (reply->type != REDIS_REPLY_STRING) return std::nullopt;
    return std::string(reply->str, reply->len);
  }

 private:
  static std::string name(std::int64_t product_id) {
    return "product:" + std::to_string(product_id);
  }

  [[noreturn]] static void refuse(const std::string& url) {
    throw outbox::Error(outbox::ErrorKind::configuration, "'" + url + "' is no Redis address",
                        "give redis://[:password@]host[:port][/database]");
  }

  Reply command(const std::vector<std::string>& words) {
    const std::lock_guard lock(mutex_);
    if (context_ == nullptr) connect();
    return send(words);
  }

  void connect() {
    context_.reset(redisConnectWithTimeout(host_.c_str(), port_, patience));
    if (context_ == nullptr || context_->err != 0) fail("cannot connect");
    redisSetTimeout(context_.get(), patience);
    if (!password_.empty()) send({"AUTH", password_});
    if (!database_.empty()) send({"SELECT", database_});
  }

  Reply send(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    Reply reply(static_cast<redisReply*>(redisCommandArgv(
        context_.get(), static_cast<int>(words.size()), texts.data(), sizes.data())));
    if (reply == nullptr) fail("no answer");
    if (reply->type == REDIS_REPLY_ERROR) fail(reply->str);
    return reply;
  }

  [[noreturn]] void fail(const std::string& what) {
    const std::string why = context_ != nullptr && context_->err != 0 ? context_->errstr : what;
    context_.reset();
    throw outbox::Error(outbox::ErrorKind::unreachable,
                        "Redis at " + host_ + ":" + std::to_string(port_) + ": " + why,
                        "start it, or name another by REDIS_URL or --redis");
  }

  std::string host_;
  int port_ = 6379;
  std::string password_;
  std::string database_;
  std::mutex mutex_;
  std::unique_ptr<redisContext, FreeContext> context_;
};

}  // namespace

void MemoryCache::put(std::int64_t product_id, const std::string& json) {
  const std::lock_guard lock(mutex_);
  products_[product_id] = json;
}

void MemoryCache::remove(std::int64_t product_id) {
  const std::lock_guard lock(mutex_);
  products_.erase(product_id);
}

std::optional<std::string> MemoryCache::get(std::int64_t product_id) {
  const std::lock_guard lock(mutex_);
  const auto found = products_.find(product_id);
  if (found == products_.end()) return std::nullopt;
  return found->second;
}

std::unique_ptr<Cache> make_redis_cache(const std::string& url) {
  return std::make_unique<RedisCache>(url);
}

}  // namespace shop
