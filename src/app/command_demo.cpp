// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/commands.hpp"
#include "app/demo.hpp"
#include "app/signals.hpp"
#include "app/wire.hpp"
#include "config/values.hpp"

namespace outbox::app {

namespace {

constexpr double rate_max = 100'000;

DemoOptions options_of(const Arguments& arguments, const config::Settings& settings) {
  DemoOptions options;
  options.json = settings.process().output == config::OutputFormat::json;
  if (const auto text = arguments.value("for")) {
    const auto duration_ms = config::parse_duration_ms(*text, "s");
    if (!duration_ms || *duration_ms < 1) {
      throw Error(ErrorKind::usage, fmt::format("--for takes a duration, not '{}'", *text),
                  "write it like 10s or 2m");
    }
    options.duration = std::chrono::milliseconds(static_cast<std::int64_t>(*duration_ms));
  }
  if (const auto text = arguments.value("rate")) {
    const auto rate = config::parse_decimal(*text);
    if (!rate || *rate <= 0 || *rate > rate_max) {
      throw Error(ErrorKind::usage, fmt::format("--rate takes orders a second, not '{}'", *text),
                  "give a number above 0 and up to 100000");
    }
    options.rate = *rate;
  }
  return options;
}

}  // namespace

int command_demo(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  const DemoOptions options = options_of(arguments, settings);
  require_libraries();
  StopSignals signals(settings.process().shutdown_timeout);
  // The figures are what there is to read, unless somebody asked for more.
  const bool level_is_set = settings.origin("log.level") != "default";
  Logger logger(level_is_set ? log_level(settings) : LogLevel::warn, log_format(settings));
  return run_demo(options, logger, signals.token());
}

}  // namespace outbox::app
