// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket. Beast frames, answers pings, and closes with the right code what breaks the
// protocol (1002), is no UTF-8 (1007) or too large (1009). Its time-outs are left off: in 1.81 they
// take a client's pings for silence. Deflate is off: 1.81 fails on messages read in parts.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "http/push_session.hpp"

namespace outbox::http {

template <class Stream>
class WebSocketSession final : public PushSession {
 public:
  using Handshake = boost::beast::http::request<boost::beast::http::string_body>;

  WebSocketSession(Stream&& stream, Room& room, Upgrade upgrade)
      : PushSession(room, std::move(upgrade.client)),
        socket_(std::move(stream)),
        subprotocol_(std::move(upgrade.subprotocol)),
        headers_(std::move(upgrade.headers)) {}

  void start(Handshake handshake) {
    namespace websocket = boost::beast::websocket;
    socket_.auto_fragment(false);
    socket_.read_message_max(room_.options.frame_bytes_max);
    socket_.control_callback([this](websocket::frame_type, boost::beast::string_view) {
      heard();
      if (!spend_allowance()) this->close(CloseCode::policy, "too many frames");
    });
    socket_.set_option(websocket::stream_base::decorator(
        [this](websocket::response_type& response) { decorate(response); }));
    auto kept = std::make_unique<Handshake>(std::move(handshake));
    const Handshake& request = *kept;
    begin_write();
    socket_.async_accept(request, [self = self(), kept = std::move(kept)](ErrorCode error) {
      self->end_write();
      if (error) return self->cut();
      self->open(self);
      self->read();
    });
  }

  void send(PayloadPointer payload) override {
    if (is_closing() || !is_open()) return;
    begin_write();
    socket_.binary(payload->is_binary);
    const auto bytes = asio::buffer(payload->bytes);
    socket_.async_write(
        bytes, [self = self(), payload = std::move(payload)](ErrorCode error, std::size_t) {
          self->end_write();
          if (error) return self->cut();
          if (self->is_open()) self->client().sent();
        });
  }

  void close(CloseCode code, std::string_view reason) override {
    if (is_closing()) return;
    begin_close();
    if (!is_open()) return cut();
    const boost::beast::websocket::close_reason why(
        static_cast<boost::beast::websocket::close_code>(code),
        boost::beast::string_view(reason.data(), reason.size()));
    socket_.async_close(why, [self = self()](ErrorCode) { self->cut(); });
  }

  void cut() override {
    ErrorCode ignored;
    boost::beast::get_lowest_layer(socket_).close(ignored);
  }

 private:
  std::shared_ptr<WebSocketSession> self() {
    return std::static_pointer_cast<WebSocketSession>(this->shared_from_this());
  }

  void decorate(boost::beast::websocket::response_type& response) const {
    response.set(boost::beast::http::field::server, "outboxd");
    for (const auto& [name, value] : headers_)
      response.set(name, value);
    if (!subprotocol_.empty()) {
      response.set(boost::beast::http::field::sec_websocket_protocol, subprotocol_);
    }
  }

  // What clients send means nothing; it is read for its limits, and to see the end.
  void read() {
    socket_.async_read_some(asio::buffer(read_space_),
                            [self = self()](ErrorCode error, std::size_t) {
                              if (error) return self->ended();
                              self->heard();
                              if (self->socket_.is_message_done() && !self->spend_allowance()) {
                                self->close(CloseCode::policy, "too many messages");
                              }
                              self->read();
                            });
  }

  void ended() {
    // A close of ours that is still under way ends with the answer that read() has just seen.
    if (!is_closing()) cut();
    finish();
  }

  void ping() override {
    if (is_pinging_) return;
    is_pinging_ = true;
    socket_.async_ping({}, [self = self()](ErrorCode) { self->is_pinging_ = false; });
  }

  [[nodiscard]] bool hears_pongs() const override { return true; }

  boost::beast::websocket::stream<Stream, false> socket_;
  std::string subprotocol_;
  NamedTexts headers_;
  std::array<char, 256> read_space_{};
  bool is_pinging_ = false;
};

}  // namespace outbox::http
