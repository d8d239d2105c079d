// SPDX-License-Identifier: Apache-2.0
//
// status and top: looks at everything, once or again and again.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "admin/status.hpp"
#include "admin/topics.hpp"
#include "app/commands.hpp"
#include "app/operating.hpp"
#include "app/rates.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"
#include "app/terminal.hpp"
#include "core/clock.hpp"

namespace outbox::app {
namespace {

using admin::Json;

constexpr std::chrono::milliseconds watch_interval{1000};

/// The status of the stores that `--shard` names, or of all.
Json status_of(Operation& operation) {
  const std::vector<std::string> names = operation.arguments().values("shard");
  if (names.size() == 1) {
    return admin::status_document(operation.office(), {}, names.front());
  }
  Json status = admin::status_document(operation.office());
  if (names.empty()) return status;
  for (const std::string& name : names)
    static_cast<void>(operation.office().site().store(name));
  Json kept = Json::array();
  for (const Json& store : list_of(status, "stores")) {
    if (std::find(names.begin(), names.end(), text_of(store, "name")) != names.end())
      kept.push_back(store);
  }
  status["stores"] = std::move(kept);
  status["verdict"] = admin::verdict_of(status);
  return status;
}

/// Of the first store that did not answer by what it said: away, not migrated, refused.
int code_of(Operation& operation, const Json& status) {
  for (const Json& store : list_of(status, "stores")) {
    if (text_of(store, "state") != "down") continue;
    try {
      operation.office().ask<bool>(text_of(store, "name"), admin::Pace::quick,
                                   [](admin::StoreSeams& seams) {
                                     static_cast<void>(seams.backlog(0).view(1));
                                     return true;
                                   });
    } catch (const Error& error) {
      return exit_code(error.kind());
    }
    return exit_code(ErrorKind::unreachable);
  }
  if (text_of(field(status, "broker"), "state") == "down") return exit_code(ErrorKind::unreachable);
  return 0;
}

/// Topics of others stand in the same cluster: those count that the configuration names, and those
/// that a template of it may lead to. All, where it names none: then the rows do.
Json own_topics(Operation& operation) {
  if (!operation.office().site().has_broker) return Json::object();
  Json topics = admin::list_topics(operation.office());
  std::vector<std::string> templates;
  const config::Settings& settings = operation.settings();
  for (const std::string& name : settings.relay_names()) {
    const config::RelaySettings& relay = settings.relay(name);
    templates.push_back(relay.default_topic);
    for (const RouteRule& route : relay.routes)
      templates.push_back(route.topic);
    for (const TransformStep& step : relay.transform) {
      if (step.kind == TransformKind::topic) templates.push_back(step.text);
    }
  }
  Json kept = Json::array();
  for (const Json& topic : list_of(topics, "items")) {
    const std::string name = text_of(topic, "name");
    const bool is_own = is_true(topic, "configured") ||
                        std::any_of(templates.begin(), templates.end(),
                                    [&](const auto& one) { return may_lead_to(one, name); });
    if (is_own) kept.push_back(topic);
  }
  if (!kept.empty()) topics["items"] = std::move(kept);
  return topics;
}

double seconds_now() {
  return std::chrono::duration<double>(BootClock::now().time_since_epoch()).count();
}

}  // namespace

int command_status(const Arguments& arguments) {
  Operation operation(arguments, arguments.has("watch"));
  if (!arguments.has("watch")) {
    const Json status = status_of(operation);
    operation.print(status, show_status(status, operation.look()));
    return code_of(operation, status);
  }
  if (operation.json()) {
    do {
      print_json(status_of(operation));
      std::fflush(stdout);
    } while (wait_for(watch_interval, operation.stop()));
    return 0;
  }
  Screen screen;
  do {
    screen.draw(show_status(status_of(operation), look_of(1)));
  } while (wait_for(watch_interval, operation.stop()));
  return 0;
}

int command_top(const Arguments& arguments) {
  const auto interval = duration_option(arguments, "interval", watch_interval);
  const int limit = whole_number(arguments, "limit", 0);
  Operation operation(arguments, true);
  std::optional<Screen> screen;
  if (!operation.json()) screen.emplace();
  std::optional<LookAround> before;
  for (int looks = 1;; ++looks) {
    const double at = seconds_now();
    LookAround now{admin::status_document(operation.office()), own_topics(operation),
                   wall_clock_us(), at};
    const Json rates = rates_between(before, now);
    if (operation.json()) {
      print_json(rates);
      std::fflush(stdout);
    } else {
      screen->draw(show_rates(rates, look_of(1)));
    }
    before = std::move(now);
    if (limit > 0 && looks >= limit) return 0;
    if (!wait_for(interval, operation.stop())) return 0;
  }
}

}  // namespace outbox::app
