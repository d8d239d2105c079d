// SPDX-License-Identifier: Apache-2.0
#include "admin/problem.hpp"

#include <string_view>

namespace outbox::admin {
namespace {

const char* title_of(int status) noexcept {
  switch (status) {
    case 400:
      return "Bad request";
    case 401:
      return "Who are you?";
    case 403:
      return "Not allowed";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Too large";
    case 415:
      return "Not JSON";
    case 422:
      return "Configuration";
    case 431:
      return "Header too large";
    case 503:
      return "Not now";
    default:
      return "Failed";
  }
}

}  // namespace

http::Response json_answer(int status, const Json& document) {
  return {status, to_text(document) + "\n", "application/json", {}};
}

http::Response problem(int status, const std::string& detail, const std::string& remedy) {
  const Json document = {{"type", "about:blank"},
                         {"title", title_of(status)},
                         {"status", status},
                         {"detail", text_json(detail)},
                         {"remedy", text_json(remedy)}};
  return {status, to_text(document) + "\n", "application/problem+json", {}};
}

http::Response problem(const Error& error) {
  std::string detail = error.what();
  const std::string tail = ": " + error.hint();
  if (!error.hint().empty() && detail.ends_with(tail)) detail.resize(detail.size() - tail.size());
  http::Response response = problem(status_of(error.kind()), detail, error.hint());
  if (response.status == 503) response.headers.emplace_back("Retry-After", "5");
  return response;
}

int status_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::usage:
      return 400;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::conflict:
      return 409;
    case ErrorKind::configuration:
      return 422;
    case ErrorKind::unreachable:
      return 503;
    case ErrorKind::failed:
      break;
  }
  return 500;
}

}  // namespace outbox::admin
