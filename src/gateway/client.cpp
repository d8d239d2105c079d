// SPDX-License-Identifier: Apache-2.0
#include "gateway/client.hpp"

#include <utility>

namespace outbox::gateway {

bool Client::push(http::PayloadPointer payload) {
  if (!payload || stage == Stage::gone) return true;
  if (!fits(*payload)) {
    send_away();
    return false;
  }
  queued_bytes_ += payload->bytes.size();
  queue_.push_back(std::move(payload));
  if (!is_sending_) send_next();
  return true;
}

void Client::send_next() {
  is_sending_ = true;
  http::PayloadPointer payload = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= payload->bytes.size();
  connection_->send(std::move(payload));
}

void Client::send_away() {
  close(http::CloseCode::try_again_later, "too slow: come back with your last position");
}

void Client::close(http::CloseCode code, std::string_view reason) {
  if (stage == Stage::gone) return;
  owner_.left(*this);
  stage = Stage::gone;
  queue_.clear();
  queued_bytes_ = 0;
  if (connection_) connection_->close(code, reason);
}

void Client::opened(std::shared_ptr<http::Push> connection) {
  connection_ = std::move(connection);
  owner_.joined(*this);
}

void Client::sent() {
  is_sending_ = false;
  if (stage == Stage::gone) return;
  if (!queue_.empty()) send_next();
  if (stage != Stage::live) owner_.drained(*this);
}

void Client::closed() {
  if (stage != Stage::gone) {
    owner_.left(*this);
    stage = Stage::gone;
  }
  queue_.clear();
  connection_.reset();
}

}  // namespace outbox::gateway
