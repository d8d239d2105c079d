// SPDX-License-Identifier: Apache-2.0
//
// Answers of the API: documents, and what went wrong as problem documents (RFC 9457).
#pragma once

#include <string>

#include <outbox/error.hpp>

#include "admin/json.hpp"
#include "http/request.hpp"

namespace outbox::admin {

[[nodiscard]] http::Response json_answer(int status, const Json& document);

/// {type, title, status, detail, remedy}
[[nodiscard]] http::Response problem(int status, const std::string& detail,
                                     const std::string& remedy = {});
[[nodiscard]] http::Response problem(const Error& error);

/// 400 usage, 404 not_found, 409 conflict, 422 configuration, 503 unreachable, 500 all else.
[[nodiscard]] int status_of(ErrorKind kind) noexcept;

}  // namespace outbox::admin
