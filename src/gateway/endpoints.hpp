// SPDX-License-Identifier: Apache-2.0
//
// What the gateway answers: `/ws`, `/events` and `/health`. Who may not come in is told why, with
// the setting or the parameter that would change it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gateway/hub.hpp"
#include "http/access.hpp"
#include "http/server.hpp"

namespace outbox::gateway {

struct AccessOptions {
  std::string tokens;
  std::vector<std::string> allowed_origins;
};

class Endpoints : public http::Application {
 public:
  /// `brokers_away` is for /health.
  Endpoints(const AccessOptions& access, Hub& hub, std::function<bool()> brokers_away);

  http::Answer answer(const http::Request& request) override;
  void tick() override;

 private:
  [[nodiscard]] http::Response health() const;
  [[nodiscard]] http::Answer stream(const http::Request& request, bool is_web_socket);
  [[nodiscard]] http::Answer subscribe(const http::Request& request, bool is_web_socket,
                                       const std::string& origin);

  const http::Tokens tokens_;
  const std::vector<std::string> allowed_origins_;
  Hub& hub_;
  const std::function<bool()> brokers_away_;
};

}  // namespace outbox::gateway
