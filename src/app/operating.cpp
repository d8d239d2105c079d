// SPDX-License-Identifier: Apache-2.0
#include "app/operating.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "admin/dead_letters.hpp"
#include "app/plain_text.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"
#include "app/site.hpp"
#include "app/terminal.hpp"
#include "config/values.hpp"

namespace outbox::app {
namespace {

constexpr int page_most = 1000;

std::string user_name() {
  std::array<char, 16'384> space{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, space.data(), space.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return std::to_string(getuid());  // A container's user has no name.
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace

Operation::Operation(const Arguments& arguments, bool stoppable)
    : arguments_(arguments),
      settings_(config::load(sources_of(arguments))),
      json_(settings_.process().output == config::OutputFormat::json),
      look_(look_of(STDOUT_FILENO)),
      signals_(stoppable
                   ? std::optional<StopSignals>(std::in_place, settings_.process().shutdown_timeout)
                   : std::nullopt),
      office_(make_site(settings_)) {}

void Operation::print(const admin::Json& document, const std::string& text) const {
  if (json_) {
    print_json(document);
  } else {
    fmt::print("{}", text);
  }
}

int Operation::print_page(const admin::Json& page, const std::string& text,
                          const std::string& what) const {
  print(page, text);
  if (!json_) fmt::print(stderr, "{}", page_notes(page, what));
  return list_of(page, "errors").empty() ? 0 : exit_partial;
}

void print_json(const admin::Json& document) {
  fmt::print("{}\n", harmless_json(admin::to_text(document)));
}

admin::Actor actor_of(const Arguments& arguments) {
  const std::optional<std::string> by = arguments.value("by");
  if (by && by->empty()) {
    throw Error(ErrorKind::usage, "--by is empty", "write a name, or leave it out");
  }
  return {by.value_or(user_name() + "@" + host_name()), "command line"};
}

std::string reason_of(const Arguments& arguments) {
  return arguments.value("reason").value_or("");
}

std::string required_reason(const Arguments& arguments) {
  const std::string reason = reason_of(arguments);
  if (reason.empty()) {
    throw Error(ErrorKind::usage,
                full_name(*arguments.command, arguments.action) + " needs a reason",
                "write --reason 'TEXT'; it stands in the audit log");
  }
  return reason;
}

std::vector<std::string> listed_values(const Arguments& arguments, std::string_view option) {
  std::vector<std::string> values;
  for (const std::string& text : arguments.values(option)) {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      if (end > at) values.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  }
  return values;
}

std::optional<std::int64_t> time_option(const Arguments& arguments, std::string_view option) {
  const auto text = arguments.value(option);
  if (!text) return std::nullopt;
  return admin::parse_time(fmt::format("--{}", option), *text);
}

std::size_t page_limit(const Arguments& arguments) {
  const int limit = whole_number(arguments, "limit", 100);
  if (limit > page_most) {
    throw Error(ErrorKind::usage, fmt::format("--limit {} is more than {}", limit, page_most),
                "go on with --cursor, which the end of each page tells");
  }
  return static_cast<std::size_t>(limit);
}

std::chrono::milliseconds duration_option(const Arguments& arguments, std::string_view option,
                                          std::chrono::milliseconds otherwise) {
  const auto text = arguments.value(option);
  if (!text) return otherwise;
  const auto parsed = config::parse_duration_ms(*text, "s");
  if (!parsed || *parsed < 100 || *parsed > 86'400'000) {
    throw Error(ErrorKind::usage, fmt::format("--{} '{}' is no duration", option, *text),
                "write one from 100ms to 1d, such as 5s");
  }
  return std::chrono::milliseconds(std::llround(*parsed));
}

}  // namespace outbox::app
