// SPDX-License-Identifier: Apache-2.0
//
// A client that speaks what a test says, byte by byte.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace outbox::http::testing {

/// A client's socket; what it cannot do is an empty text.
class Socket {
 public:
  explicit Socket(const std::string& address) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{10, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~Socket() { close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(const std::string& bytes) const {
    (void)::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// Up to and with `end`, or until the connection is closed.
  [[nodiscard]] std::string read_until(const std::string& end) const {
    std::string bytes;
    char letter = 0;
    while ((end.empty() || !bytes.ends_with(end)) && read(descriptor_, &letter, 1) == 1)
      bytes += letter;
    return bytes;
  }
  /// The end comes as a reset.
  void reset() const {
    const linger at_once{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }

 private:
  int descriptor_;
};

}  // namespace outbox::http::testing
