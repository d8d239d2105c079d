// SPDX-License-Identifier: Apache-2.0
//
// A request that is sent again, because its answer was lost or a shopper clicked twice, is done
// once: the key that the client chose and the answer are kept in the transaction of the change.
#pragma once

#include <functional>
#include <string>

#include <outbox/transaction.hpp>

namespace shop {

struct Answer {
  int status = 200;
  std::string body;          ///< JSON.
  std::string location;      ///< Of what was made; empty: none.
  bool is_replayed = false;  ///< Given before, for the same key.
};

/// What makes two requests the same.
struct Request {
  std::string key;  ///< Of the header Idempotency-Key; empty: none.
  std::string path;
  std::string body;
};

/// Does `work`, or gives the answer of the first request with this key; a second one with the same
/// key that is still under way is waited for. Only answers of what was done are kept: a request
/// that was refused changed nothing and may be sent again. Throws Problem(422) where the key came
/// with another request before.
[[nodiscard]] Answer once(outbox::Transaction& transaction, const Request& request,
                          const std::function<Answer()>& work);

}  // namespace shop
