// SPDX-License-Identifier: Apache-2.0
//
// The table of routes: what each is called by, who may, what it takes, and what it does. A unit
// test holds it against openapi.json, so that neither promises what the other does not.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/access.hpp"
#include "admin/actor.hpp"
#include "admin/dead_letters.hpp"
#include "admin/input.hpp"
#include "admin/instance.hpp"
#include "admin/json.hpp"
#include "admin/long_jobs.hpp"
#include "admin/office.hpp"
#include "admin/readiness.hpp"

namespace outbox::admin {

/// What requests are answered from. Made anew when the configuration was read again; the old ones
/// live until the last request and the last job on them have ended.
struct Services {
  explicit Services(Site site) : office(std::move(site)), letters(office), readiness(office) {}
  virtual ~Services() = default;
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  Office office;
  DeadLetters letters;
  Readiness readiness;
  const Instance* instance = nullptr;         ///< Outlives them; may be none.
  std::function<std::string()> metrics_text;  ///< May be empty, as those below.
  std::function<Json()> alerts;               ///< {items:[…]}
};

class Watch;

struct Call {
  const std::shared_ptr<Services>& services;
  LongJobs& jobs;
  Watch& watch;
  const Input& input;
  Actor actor;
  Role role = Role::read;
};

struct Reply {
  int status = 200;
  Json document = nullptr;
  std::string text = {};  ///< In place of the document, where it has a type.
  std::string content_type = {};
};

using Handler = Reply (*)(const Call& call);

struct Route {
  std::string_view name;  ///< OpenAPI's operationId.
  std::string_view method;
  std::string_view path;  ///< `/api/v1/events/{id}`; the last `{…}` of a path may hold slashes.
  Role role = Role::read;
  Pace pace = Pace::quick;
  bool from_memory = false;  ///< It asks no store and no broker, and waits for nobody.
  std::span<const Field> path_fields = {};
  std::span<const Field> query = {};
  std::span<const Field> body = {};
  /// None: answered at once, on the server's own thread, by the name.
  Handler handler = nullptr;
};

/// All of them.
[[nodiscard]] const std::vector<Route>& routes();

struct RouteFound {
  const Route* route = nullptr;  ///< None: no route, or not by this method.
  http::NamedTexts path_values;
  std::string allowed_methods;  ///< Of the path; empty: there is no such path.
};

/// HEAD is what GET is.
[[nodiscard]] RouteFound find_route(std::string_view method, std::string_view path);

[[nodiscard]] std::span<const Route> status_routes();
[[nodiscard]] std::span<const Route> event_routes();
[[nodiscard]] std::span<const Route> letter_routes();
[[nodiscard]] std::span<const Route> control_routes();
[[nodiscard]] std::span<const Route> topic_routes();
[[nodiscard]] std::span<const Route> server_routes();

// Fields that several routes have.
inline constexpr Field store_field{.name = "store", .least = 1, .most = 200};
inline constexpr Field cursor_field{.name = "cursor", .least = 1, .most = 500};
inline constexpr Field limit_field{
    .name = "limit", .kind = FieldKind::integer, .least = 1, .most = 1'000};
inline constexpr Field reason_field{.name = "reason", .required = true, .least = 1, .most = 1'000};
inline constexpr Field since_field{.name = "since", .kind = FieldKind::time};
inline constexpr Field until_field{.name = "until", .kind = FieldKind::time};

}  // namespace outbox::admin
