// SPDX-License-Identifier: Apache-2.0
//
// Server-sent events: an answer without end. It is closed by closing the connection; browsers come
// back by themselves and say which event they saw last.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/stream_traits.hpp>

#include "http/push_session.hpp"

namespace outbox::http {

template <class Stream>
class EventStreamSession final : public PushSession {
 public:
  EventStreamSession(Stream&& stream, Room& room, Upgrade upgrade)
      : PushSession(room, std::move(upgrade.client)),
        stream_(std::move(stream)),
        head_(head_of(upgrade.headers)) {}

  void start() {
    begin_write();
    asio::async_write(stream_, asio::buffer(head_), [self = self()](ErrorCode error, std::size_t) {
      self->end_write();
      if (error) return self->cut();
      self->open(self);
      self->read();
    });
  }

  void send(PayloadPointer payload) override {
    if (is_closing() || !is_open()) return;
    sending_ = std::move(payload);
    if (!is_pinging_) write();
  }

  void close(CloseCode /*code*/, std::string_view /*reason*/) override {
    if (is_closing()) return;
    begin_close();
    if (!is_writing()) cut();
  }

  void cut() override {
    ErrorCode ignored;
    auto& socket = boost::beast::get_lowest_layer(stream_);
    socket.shutdown(asio::socket_base::shutdown_both, ignored);
    socket.close(ignored);
  }

 private:
  static constexpr std::string_view heartbeat = ":\n\n";

  std::shared_ptr<EventStreamSession> self() {
    return std::static_pointer_cast<EventStreamSession>(this->shared_from_this());
  }

  static std::string head_of(const NamedTexts& headers) {
    std::string head =
        "HTTP/1.1 200 OK\r\nServer: outboxd\r\nContent-Type: text/event-stream\r\n"
        "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n";
    for (const auto& [name, value] : headers)
      head += name + ": " + value + "\r\n";
    return head + "\r\n";
  }

  void write() {
    begin_write();
    const auto bytes = asio::buffer(sending_->bytes);
    asio::async_write(stream_, bytes,
                      [self = self(), payload = std::move(sending_)](ErrorCode error, std::size_t) {
                        self->end_write();
                        self->sending_.reset();
                        if (error || self->is_closing()) return self->cut();
                        if (self->is_open()) self->client().sent();
                      });
  }

  // There is no ping that an event stream must answer; a comment finds out whether TCP does.
  void ping() override {
    if (is_writing()) return;
    is_pinging_ = true;
    begin_write();
    asio::async_write(stream_, asio::buffer(heartbeat),
                      [self = self()](ErrorCode error, std::size_t) {
                        self->end_write();
                        self->is_pinging_ = false;
                        if (error || self->is_closing()) return self->cut();
                        if (self->sending_) self->write();
                      });
  }

  [[nodiscard]] bool hears_pongs() const override { return false; }

  // A client has nothing to say any more: the read sees its end.
  void read() {
    stream_.async_read_some(asio::buffer(read_space_),
                            [self = self()](ErrorCode error, std::size_t) {
                              if (!error && self->spend_allowance()) return self->read();
                              self->cut();
                              self->finish();
                            });
  }

  Stream stream_;
  std::string head_;
  PayloadPointer sending_;
  std::array<char, 64> read_space_{};
  bool is_pinging_ = false;
};

}  // namespace outbox::http
