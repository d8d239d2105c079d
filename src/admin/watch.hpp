// SPDX-License-Identifier: Apache-2.0
//
// The status document for those who look all the time: dashboards on `/stream`, and whoever asks
// for it again and again. It is made anew each second while somebody watches or has asked within
// the last few; while nobody does, nothing is asked of anybody.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "admin/instance.hpp"
#include "admin/json.hpp"
#include "admin/rates.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "http/push.hpp"

namespace outbox::admin {

struct Services;

class Watch {
 public:
  using Current = std::function<std::shared_ptr<Services>()>;
  using Post = std::function<void(std::function<void()>)>;

  /// `post` has the server's thread call something, soon.
  Watch(Current current, Post post, Logger& logger);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The document as text, at most a second or so old, and never older than the last changed().
  /// From any thread but the server's.
  [[nodiscard]] std::string status(const std::shared_ptr<Services>& services);

  /// Something was done that the document shows. From any thread.
  void changed();

  /// Somebody who watches, for an Upgrade. On the server's thread.
  [[nodiscard]] std::shared_ptr<http::PushClient> make_client();

  [[nodiscard]] std::size_t watchers() const noexcept { return watchers_; }

  /// Nothing is posted after it.
  void stop();

 private:
  class Client;
  struct Made {
    std::string text;
    Json rates;
  };

  void run(const std::stop_token& stop);
  [[nodiscard]] bool is_wanted(Moment now) const;
  /// Makes the document and keeps it.
  std::string make(Services& services);
  void send(const std::string& text, const Json& rates);
  void opened(Client& client);
  void closed(Client& client);

  const Current current_;
  const Post post_;
  Logger& logger_;
  std::mutex mutex_;
  std::condition_variable_any wanted_;
  std::string text_;
  Json rates_last_;
  Moment made_at_{};  // Of the beginning; zero: there is none, or it no longer counts.
  Duration fresh_for_{};
  Moment asked_at_{};
  std::uint64_t changes_ = 0;
  RateMeter meter_;  // Under mutex_.
  std::atomic<std::size_t> watchers_{0};
  std::set<Client*> clients_;       // The server's thread alone.
  http::PayloadPointer last_sent_;  // The same.
  std::jthread thread_;             // Last: it uses all of it.
};

}  // namespace outbox::admin
