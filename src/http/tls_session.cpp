// SPDX-License-Identifier: Apache-2.0
//
// The other one: the same over TLS.
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "http/request_session.hpp"

namespace outbox::http {

void begin_tls_session(Socket socket, asio::ssl::context& tls, Room& room) {
  using Stream = boost::beast::ssl_stream<Socket>;
  Stream stream(std::move(socket), tls);
  std::make_shared<RequestSession<Stream>>(std::move(stream), room)->start_with_handshake();
}

}  // namespace outbox::http
