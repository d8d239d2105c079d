// SPDX-License-Identifier: Apache-2.0
//
// The part of a connection's life in which requests are read and answered. An answer may make
// another session of the connection, which takes the stream over.
#pragma once

#include <array>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <optional>

#include "http/event_stream_session.hpp"
#include "http/web_socket_session.hpp"

namespace outbox::http {

template <class Stream>
class RequestSession final : public Session {
 public:
  RequestSession(Stream&& stream, Room& room) : Session(room), stream_(std::move(stream)) {
    wait_at_most(room.options.request_timeout);
    reading_since_ = BootClock::now();
  }

  void start() { read(); }

  /// With TLS the handshake comes first.
  void start_with_handshake() {
    stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](ErrorCode error) {
      if (!error) self->read();
    });
  }

  void tick(Moment now) override {
    if (now <= until_) return;
    if (waiting_ == 0) return cut();
    end_waiting("there was no answer in time");
  }
  void go_away() override {
    is_last_ = true;
    // One that is being worked on has the server's time to close.
    if (waiting_ == 0) until_ = std::min(until_, BootClock::now() + closing_timeout);
    if (is_between_requests_) cut();
  }
  void give_up() override {
    if (waiting_ == 0) return cut();
    end_waiting("the server stops, it was not answered before");
  }
  void cut() override {
    const auto kept = stop_waiting();  // This may be all that there is of it.
    ErrorCode ignored;
    boost::beast::get_lowest_layer(stream_).close(ignored);
  }
  void answered(Response response) override {
    waiting_ = 0;
    reply(std::move(response), parser_->get().version());
  }
  [[nodiscard]] std::optional<Moment> reading_since() const override { return reading_since_; }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Reply = boost::beast::http::response<boost::beast::http::string_body>;

  std::shared_ptr<RequestSession> self() {
    return std::static_pointer_cast<RequestSession>(this->shared_from_this());
  }
  void wait_at_most(std::chrono::milliseconds time) { until_ = BootClock::now() + time; }

  void read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(room_.options.header_bytes_max));
    parser_->body_limit(room_.options.body_bytes_max);
    is_between_requests_ = true;
    reading_since_ = BootClock::now();
    boost::beast::http::async_read(stream_, buffer_, *parser_,
                                   [self = self()](ErrorCode error, std::size_t) {
                                     self->is_between_requests_ = false;
                                     self->reading_since_.reset();
                                     if (error) return self->refuse(error);
                                     self->answer();
                                   });
  }

  void refuse(ErrorCode error) {
    namespace beast_http = boost::beast::http;
    if (error.category() != make_error_code(beast_http::error::end_of_stream).category() ||
        error == beast_http::error::end_of_stream || error == beast_http::error::partial_message) {
      return cut();
    }
    is_last_ = true;
    if (error == beast_http::error::header_limit)
      return refuse_with(431, "the header is too large");
    if (error == beast_http::error::body_limit) return refuse_with(413, "the body is too large");
    refuse_with(400, "this is no HTTP request");
  }

  void end_waiting(const std::string& what) {
    const auto kept = stop_waiting();
    const std::string method(parser_->get().method_string());
    Response response = room_.application.unanswered(method, what);
    response.headers.emplace_back("Retry-After", "5");
    reply(std::move(response), parser_->get().version());
  }

  void refuse_with(int status, const std::string& what, const NamedTexts& headers = {}) {
    Response response = room_.application.refused(status, what);
    response.headers.insert(response.headers.end(), headers.begin(), headers.end());
    const unsigned version = parser_->is_header_done() ? parser_->get().version() : 11;
    reply(std::move(response), version);
  }

  void answer() {
    const auto& message = parser_->get();
    is_last_ = is_last_ || !message.keep_alive() || room_.is_closing;
    Request request;
    request.method = std::string(message.method_string());
    request.wants_web_socket = boost::beast::websocket::is_upgrade(message);
    for (const auto& field : message)
      request.headers.emplace_back(field.name_string(), field.value());
    ErrorCode ignored;
    const auto peer = boost::beast::get_lowest_layer(stream_).remote_endpoint(ignored);
    request.peer = peer.address().to_string();
    const std::string_view target(message.target().data(), message.target().size());
    if (!read_target(target, request)) {
      return refuse_with(400, "the target is malformed");
    }
    request.body = message.body();
    take(asked(request));
  }

  Answer asked(const Request& request) {
    try {
      return room_.application.answer(request);
    } catch (const std::exception& error) {
      room_.logger.error("a request failed", {{"path", request.path}, {"error", error.what()}});
      return room_.application.refused(500, "that failed; the log says why");
    }
  }

  void take(Answer answer) {
    if (auto* response = std::get_if<Response>(&answer)) {
      return reply(std::move(*response), parser_->get().version());
    }
    if (const auto* later = std::get_if<Later>(&answer)) return wait_for(*later);
    auto& upgrade = std::get<Upgrade>(answer);
    if (room_.is_closing || room_.pushes >= room_.options.pushes_max) {
      is_last_ = true;
      return refuse_with(503, "no more clients are taken; try again later", {{"Retry-After", "5"}});
    }
    // What its life up to now needed goes with this session.
    if (upgrade.is_web_socket) {
      std::make_shared<WebSocketSession<Stream>>(std::move(stream_), room_, std::move(upgrade))
          ->start(parser_->release());
    } else {
      std::make_shared<EventStreamSession<Stream>>(std::move(stream_), room_, std::move(upgrade))
          ->start();
    }
  }

  // Until then nothing more is read: answers leave in the order of their requests.
  void wait_for(const Later& later) {
    waiting_ = ++room_.waited;
    room_.waiting.emplace(waiting_, self());
    wait_at_most(room_.options.answer_timeout);
    try {
      later.begin([desk = room_.desk, waiting = waiting_](Response response) {
        desk->hand_in(waiting, std::move(response));
      });
    } catch (const std::exception& error) {
      room_.logger.error("a request failed", {{"error", error.what()}});
      const auto kept = stop_waiting();
      refuse_with(500, "that failed; the log says why");
    }
  }

  std::shared_ptr<Session> stop_waiting() {
    const auto mine = room_.waiting.extract(std::exchange(waiting_, 0));
    return mine.empty() ? nullptr : mine.mapped();
  }

  void reply(Response response, unsigned version) {
    namespace beast_http = boost::beast::http;
    const bool is_head = parser_->get().method() == beast_http::verb::head;
    reply_.emplace(static_cast<beast_http::status>(response.status), version);
    reply_->set(beast_http::field::server, "outboxd");
    if (!response.content_type.empty()) {
      reply_->set(beast_http::field::content_type, response.content_type);
    }
    reply_->set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : response.headers)
      reply_->set(name, value);
    reply_->keep_alive(!is_last_);
    reply_->body() = std::move(response.body);
    reply_->prepare_payload();
    if (is_head) reply_->body().clear();
    wait_at_most(room_.options.write_timeout);
    beast_http::async_write(stream_, *reply_, [self = self()](ErrorCode error, std::size_t) {
      if (error) return self->cut();
      if (self->is_last_) return self->linger();
      self->wait_at_most(self->room_.options.request_timeout);
      self->read();
    });
  }

  // Closing while the client still sends would reset the connection, and the answer with it.
  void linger() {
    ErrorCode ignored;
    boost::beast::get_lowest_layer(stream_).shutdown(asio::socket_base::shutdown_send, ignored);
    wait_at_most(closing_timeout);
    discard();
  }
  void discard() {
    boost::beast::get_lowest_layer(stream_).async_read_some(
        asio::buffer(rest_), [self = self()](ErrorCode error, std::size_t) {
          if (!error) self->discard();
        });
  }

  Stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Reply> reply_;
  std::array<char, 4096> rest_{};
  Moment until_{};
  std::optional<Moment> reading_since_;
  std::uint64_t waiting_ = 0;  // Number in Room::waiting, or 0.
  bool is_last_ = false;
  bool is_between_requests_ = false;
};

}  // namespace outbox::http
