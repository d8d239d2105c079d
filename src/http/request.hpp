// SPDX-License-Identifier: Apache-2.0
//
// A request as a handler sees it, and what it answers: without a word of the library that parses
// HTTP.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "http/push.hpp"

namespace outbox::http {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string path;    ///< Percent-decoded, without the query.
  NamedTexts query;    ///< Decoded, in order; a name may stand several times.
  NamedTexts headers;  ///< Names as they were sent.
  std::string body;
  std::string peer;  ///< The client's address, for logs.
  bool wants_web_socket = false;

  /// The first header of that name, in any case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  /// The first parameter of that name.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
  /// The values of all parameters of that name, each taken apart at its commas; empty parts are
  /// left out.
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  NamedTexts headers = {};
};

/// The request becomes a WebSocket, or an endless stream of server-sent events.
struct Upgrade {
  std::shared_ptr<PushClient> client;
  bool is_web_socket = true;
  std::string subprotocol;  ///< The one of those offered that is taken; may be empty.
  NamedTexts headers = {};
};

/// The answer comes later. `begin` is called once, on the server's thread, and must not wait; what
/// it is given takes the response, from any thread, once, also after the server is gone. A client
/// that has gone away meanwhile is no matter; one that waits for longer than answer_timeout gets
/// 503.
struct Later {
  std::function<void(std::function<void(Response)> respond)> begin;
};

using Answer = std::variant<Response, Upgrade, Later>;

/// Fills path and query of a target such as `/ws?resume=0%3A15`. False where it is malformed.
[[nodiscard]] bool read_target(std::string_view target, Request& request);

/// The parts of a header that is a list, such as Sec-WebSocket-Protocol.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

[[nodiscard]] bool equal_without_case(std::string_view one, std::string_view other) noexcept;

}  // namespace outbox::http
