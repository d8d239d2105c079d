// SPDX-License-Identifier: Apache-2.0
//
// What WebSockets and event streams have in common: whom they belong to, and how long anything may
// take.
#pragma once

#include <utility>

#include "http/session.hpp"

namespace outbox::http {

class PushSession : public Session, public Push {
 public:
  PushSession(Room& room, std::shared_ptr<PushClient> client)
      : Session(room), client_(std::move(client)), heard_at_(BootClock::now()) {
    ++room_.pushes;
    // Pings of clients that came together are spread over the interval, or they would delay the
    // messages of all.
    const auto interval = room_.options.ping_interval.count();
    const auto step = interval > 0 ? static_cast<std::int64_t>(room_.opened++ * 617) % interval : 0;
    ping_at_ = heard_at_ + room_.options.ping_interval - std::chrono::milliseconds(step) / 2;
  }
  ~PushSession() override { --room_.pushes; }

  void tick(Moment now) override {
    const bool is_stuck = is_writing_ && now - write_began_ > room_.options.write_timeout;
    const bool is_dead = now - heard_at_ > room_.options.idle_timeout;
    if (is_stuck || (is_dead && hears_pongs()) || now > close_by_) return cut();
    allowance_ = std::min(allowance_ + allowance_step, allowance_max);
    if (now < ping_at_ || is_closing_ || !is_open_) return;
    ping_at_ = now + room_.options.ping_interval;
    ping();
  }

  void go_away() override { close(CloseCode::going_away, "the server stops"); }
  void drop() override { cut(); }

 protected:
  virtual void ping() = 0;
  /// Whether a client that is alive is bound to send something.
  [[nodiscard]] virtual bool hears_pongs() const = 0;

  void open(std::shared_ptr<Push> self) {
    is_open_ = true;
    client_->opened(std::move(self));
  }
  void begin_write() {
    is_writing_ = true;
    write_began_ = BootClock::now();
  }
  void end_write() { is_writing_ = false; }
  void begin_close() {
    is_closing_ = true;
    close_by_ = BootClock::now() + closing_timeout + room_.options.write_timeout;
  }
  /// Once nothing more will come: only the first call counts.
  void finish() {
    if (!is_open_) return;
    is_open_ = false;
    const auto client = std::move(client_);
    client->closed();
  }
  void heard() { heard_at_ = BootClock::now(); }
  /// Frames that a client may send: about 20 a second, and 200 at once.
  [[nodiscard]] bool spend_allowance() { return --allowance_ >= 0; }

  [[nodiscard]] bool is_open() const { return is_open_; }
  [[nodiscard]] bool is_closing() const { return is_closing_; }
  [[nodiscard]] bool is_writing() const { return is_writing_; }
  [[nodiscard]] PushClient& client() { return *client_; }

 private:
  static constexpr int allowance_step = 5;
  static constexpr int allowance_max = 200;

  std::shared_ptr<PushClient> client_;
  Moment heard_at_;
  Moment ping_at_;
  Moment write_began_{};
  Moment close_by_ = Moment::max();
  int allowance_ = allowance_max;
  bool is_open_ = false;
  bool is_writing_ = false;
  bool is_closing_ = false;
};

}  // namespace outbox::http
