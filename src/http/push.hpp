// SPDX-License-Identifier: Apache-2.0
//
// Connections that a server pushes to, WebSocket or Server-sent events, as the one who pushes sees
// them. All calls in both directions are made on the server's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace outbox::http {

/// What is sent in one piece: a WebSocket message, or the text of a server-sent event. Made once
/// and shared by all whom it is sent to.
struct Payload {
  std::string bytes;
  bool is_binary = false;  ///< Of a WebSocket message; event streams are text always.
};

using PayloadPointer = std::shared_ptr<const Payload>;

/// Why the server ends a connection, as RFC 6455 numbers it.
enum class CloseCode : std::uint16_t {
  going_away = 1001,  ///< The server stops: come back, perhaps to another one.
  policy = 1008,
  internal_error = 1011,
  try_again_later = 1013,
};

/// One open connection.
class Push {
 public:
  virtual ~Push() = default;

  /// Starts to send; PushClient::sent() follows, or closed(). Not again before that.
  virtual void send(PayloadPointer payload) = 0;

  /// Ends the connection once what is being sent is out; nothing may be sent after it. An event
  /// stream has no close codes and just ends.
  virtual void close(CloseCode code, std::string_view reason) = 0;

  /// Ends it at once.
  virtual void drop() = 0;
};

/// Whom a connection belongs to. None of these is called from within a call to Push.
class PushClient {
 public:
  virtual ~PushClient() = default;

  /// The handshake is done. Keep the connection until closed().
  virtual void opened(std::shared_ptr<Push> connection) = 0;
  virtual void sent() = 0;
  /// The connection is gone, by whomever. The last call; made only where opened() was.
  virtual void closed() = 0;
};

}  // namespace outbox::http
