// SPDX-License-Identifier: Apache-2.0
//
// One of two files that take the library's templates in for good: each costs a compiler much time
// and more than a gigabyte.
#include "http/request_session.hpp"

namespace outbox::http {

void begin_plain_session(Socket socket, Room& room) {
  std::make_shared<RequestSession<Socket>>(std::move(socket), room)->start();
}

}  // namespace outbox::http
