// SPDX-License-Identifier: Apache-2.0
#include "admin/watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "admin/api.hpp"
#include "admin/status.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds interval{1};
/// How long after a question more of them are expected.
constexpr std::chrono::seconds interest{5};
constexpr std::chrono::milliseconds fresh_at_least{1'500};

http::PayloadPointer payload_of(const std::string& status, const Json& rates) {
  std::string bytes = "event: status\ndata: " + status + "\n\n";
  if (!rates.is_null()) bytes += "event: rates\ndata: " + to_text(rates) + "\n\n";
  return std::make_shared<http::Payload>(http::Payload{std::move(bytes), false});
}

}  // namespace

/// One that watches: what it is slower than to take in is left out, the newest is what counts.
class Watch::Client : public http::PushClient {
 public:
  explicit Client(Watch& watch) : watch_(watch) {}

  void opened(std::shared_ptr<http::Push> connection) override {
    connection_ = std::move(connection);
    watch_.opened(*this);
  }
  void sent() override {
    is_sending_ = false;
    if (next_) send(std::exchange(next_, nullptr));
  }
  void closed() override {
    watch_.closed(*this);
    connection_.reset();
  }

  void send(http::PayloadPointer payload) {
    if (is_sending_) {
      next_ = std::move(payload);
      return;
    }
    is_sending_ = true;
    connection_->send(std::move(payload));
  }

 private:
  Watch& watch_;
  std::shared_ptr<http::Push> connection_;
  http::PayloadPointer next_;
  bool is_sending_ = false;
};

Watch::Watch(Current current, Post post, Logger& logger)
    : current_(std::move(current)),
      post_(std::move(post)),
      logger_(logger),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Watch::~Watch() = default;

void Watch::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<http::PushClient> Watch::make_client() {
  return std::make_shared<Client>(*this);
}

void Watch::opened(Client& client) {
  clients_.insert(&client);
  if (last_sent_ && watchers_ > 0) client.send(last_sent_);
  watchers_ = clients_.size();
  const std::lock_guard lock(mutex_);
  wanted_.notify_all();
}

void Watch::closed(Client& client) {
  clients_.erase(&client);
  watchers_ = clients_.size();
}

void Watch::changed() {
  const std::lock_guard lock(mutex_);
  ++changes_;
  made_at_ = Moment{};
}

std::string Watch::status(const std::shared_ptr<Services>& services) {
  {
    const std::lock_guard lock(mutex_);
    const Moment now = BootClock::now();
    asked_at_ = now;
    wanted_.notify_all();
    if (made_at_ != Moment{} && now - made_at_ < fresh_for_) return text_;
  }
  return make(*services);
}

bool Watch::is_wanted(Moment now) const {
  return watchers_ > 0 || (asked_at_ != Moment{} && now - asked_at_ < interest);
}

std::string Watch::make(Services& services) {
  std::uint64_t changes = 0;
  {
    const std::lock_guard lock(mutex_);
    changes = changes_;
  }
  const Moment begun = BootClock::now();
  OwnFigures own;
  if (services.instance != nullptr) own.instance = instance_json(*services.instance);
  Json document = status_document(services.office, own);
  const Moment done = BootClock::now();
  const std::lock_guard lock(mutex_);
  if (services.instance != nullptr) {
    document["rates"] = meter_.measure(*services.instance, document, done);
  }
  std::string text = to_text(document);
  // What was changed while it was made may not stand in it.
  if (changes == changes_) {
    text_ = text;
    rates_last_ = document["rates"];
    made_at_ = begun;
    // Where a store does not answer, whoever asks would wait for it each time.
    fresh_for_ = std::max<Duration>(fresh_at_least, 2 * (done - begun));
  }
  return text;
}

void Watch::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wanted_.wait(lock, stop, [this] { return is_wanted(BootClock::now()); });
    if (stop.stop_requested()) return;
    lock.unlock();
    try {
      const std::string text = make(*current_());
      if (watchers_ > 0) {
        lock.lock();
        Json rates = rates_last_;
        lock.unlock();
        send(text, rates);
      }
    } catch (const std::exception& error) {
      std::uint64_t suppressed = 0;
      if (logger_.may_repeat("admin status", std::chrono::seconds(10), suppressed)) {
        logger_.warn("the status document could not be made",
                     {{"error", error.what()}, {"suppressed", suppressed}});
      }
    }
    lock.lock();
    wanted_.wait_for(lock, stop, interval, [] { return false; });
  }
}

void Watch::send(const std::string& text, const Json& rates) {
  post_([this, payload = payload_of(text, rates)] {
    last_sent_ = payload;
    for (Client* client : clients_)
      client->send(payload);
  });
}

}  // namespace outbox::admin
