// SPDX-License-Identifier: Apache-2.0
#include <hiredis/hiredis.h>

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "store/redis/home.hpp"

namespace outbox::store::redis {

namespace {

// Each is one step for Redis: nobody comes between looking and doing.
constexpr std::string_view acquire_script =
    "local holder = redis.call('GET', KEYS[1]) "
    "if holder == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
    "return tonumber(redis.call('GET', KEYS[2]) or '0') end "
    "if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end "
    "return redis.call('INCR', KEYS[2])";
constexpr std::string_view renew_script =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
    "return redis.call('PEXPIRE', KEYS[1], ARGV[2])";
constexpr std::string_view release_script =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
    "return redis.call('DEL', KEYS[1])";

struct FreeContext {
  void operator()(redisContext* context) const noexcept { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

ErrorKind kind_of(std::string_view message) {
  for (const std::string_view code : {"NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR invalid"}) {
    if (message.starts_with(code)) return ErrorKind::configuration;
  }
  for (const std::string_view code : {"LOADING", "BUSY", "MASTERDOWN", "READONLY", "TRYAGAIN"}) {
    if (message.starts_with(code)) return ErrorKind::unreachable;
  }
  return ErrorKind::failed;
}

class RedisLocks final : public Locks {
 public:
  RedisLocks(Place place, std::chrono::milliseconds timeout)
      : place_(std::move(place)), timeout_(timeout) {}

  std::optional<std::int64_t> acquire(const std::string& name, const Uuid& token,
                                      std::chrono::milliseconds ttl) override {
    const std::int64_t fencing = run(acquire_script, name, token, ttl);
    if (fencing == 0) return std::nullopt;
    return fencing;
  }

  bool renew(const std::string& name, const Uuid& token, std::chrono::milliseconds ttl) override {
    return run(renew_script, name, token, ttl) == 1;
  }

  bool release(const std::string& name, const Uuid& token) override {
    return run(release_script, name, token, {}) == 1;
  }

 private:
  std::int64_t run(std::string_view script, const std::string& name, const Uuid& token,
                   std::chrono::milliseconds ttl) {
    // The braces put both keys into one slot of a cluster.
    const std::string key = "outboxd:lock:{" + name + "}";
    if (context_ == nullptr) connect();
    const Reply reply = send({"EVAL", std::string(script), "2", key, key + ":fencing",
                              to_string(token), std::to_string(ttl.count())});
    if (reply->type != REDIS_REPLY_INTEGER) {
      throw Error(ErrorKind::failed, where() + " answered a lock's script with no number");
    }
    return reply->integer;
  }

  void connect() {
    const timeval patience{timeout_.count() / 1000, (timeout_.count() % 1000) * 1000};
    context_.reset(redisConnectWithTimeout(place_.host.c_str(), place_.port, patience));
    if (context_ == nullptr || context_->err != 0) lost();
    redisSetTimeout(context_.get(), patience);
    if (!place_.password.empty()) {
      if (place_.user.empty())
        send({"AUTH", place_.password});
      else
        send({"AUTH", place_.user, place_.password});
    }
    if (place_.database != 0) send({"SELECT", std::to_string(place_.database)});
  }

  Reply send(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      lengths.push_back(word.size());
    }
    Reply reply(static_cast<redisReply*>(redisCommandArgv(
        context_.get(), static_cast<int>(words.size()), texts.data(), lengths.data())));
    if (reply == nullptr) lost();
    if (reply->type == REDIS_REPLY_ERROR) {
      const std::string message(reply->str, reply->len);
      // One that refused a login would refuse everything that follows, too.
      context_.reset();
      throw Error(kind_of(message), where() + ": " + message,
                  kind_of(message) == ErrorKind::configuration ? "check the login in its URL" : "");
    }
    return reply;
  }

  [[noreturn]] void lost() {
    const std::string why = context_ != nullptr ? context_->errstr : "no memory";
    context_.reset();
    throw Error(ErrorKind::unreachable, fmt::format("{} does not answer: {}", where(), why));
  }

  [[nodiscard]] std::string where() const {
    return fmt::format("Redis at {}:{}", place_.host, place_.port);
  }

  const Place place_;
  const std::chrono::milliseconds timeout_;
  std::unique_ptr<redisContext, FreeContext> context_;
};

}  // namespace

std::unique_ptr<Locks> make_locks(Place place, std::chrono::milliseconds timeout) {
  return std::make_unique<RedisLocks>(std::move(place), timeout);
}

}  // namespace outbox::store::redis
