// SPDX-License-Identifier: Apache-2.0
#include "admin/api.hpp"

namespace outbox::admin {
namespace {

/// Takes the path's next part off, without its slash.
std::string_view next_part(std::string_view& rest) {
  rest.remove_prefix(1);
  const std::size_t slash = rest.find('/');
  const std::string_view part = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  return part;
}

bool matches(std::string_view pattern, std::string_view path, http::NamedTexts& values) {
  values.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::string_view whole = path;
    const std::string_view wanted = next_part(pattern);
    const std::string_view given = next_part(path);
    if (!wanted.starts_with('{')) {
      if (wanted != given) return false;
      continue;
    }
    const std::string name(wanted.substr(1, wanted.size() - 2));
    // A key may hold slashes, and comes last.
    const std::string_view value = pattern.empty() ? whole.substr(1) : given;
    if (value.empty()) return false;
    values.emplace_back(name, value);
    if (pattern.empty()) return true;
  }
  return pattern.empty() && path.empty();
}

std::vector<Route> joined_routes() {
  std::vector<Route> all;
  for (const auto part : {status_routes(), event_routes(), letter_routes(), control_routes(),
                          topic_routes(), server_routes()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

/// `/dead-letters/groups` is more than `/dead-letters/{id}`.
bool is_nearer(const Route& one, const Route* other) {
  return other == nullptr || one.path.size() > other->path.size();
}

}  // namespace

const std::vector<Route>& routes() {
  static const std::vector<Route> all = joined_routes();
  return all;
}

RouteFound find_route(std::string_view method, std::string_view path) {
  RouteFound found;
  http::NamedTexts values;
  const Route* nearest = nullptr;
  for (const Route& route : routes()) {
    if (!matches(route.path, path, values)) continue;
    if (is_nearer(route, nearest)) nearest = &route;
  }
  if (nearest == nullptr) return found;
  for (const Route& route : routes()) {
    if (route.path != nearest->path) continue;
    found.allowed_methods += (found.allowed_methods.empty() ? "" : ", ");
    found.allowed_methods += route.method == "GET" ? "GET, HEAD" : route.method;
    if (route.method == method || (method == "HEAD" && route.method == "GET")) {
      found.route = &route;
      (void)matches(route.path, path, found.path_values);
    }
  }
  found.allowed_methods += ", OPTIONS";
  return found;
}

}  // namespace outbox::admin
