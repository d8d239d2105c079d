// SPDX-License-Identifier: Apache-2.0
//
// What the operators' commands have in common: the services on what is configured, and answers
// printed as JSON or as text.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/actor.hpp"
#include "admin/json.hpp"
#include "admin/office.hpp"
#include "app/cli.hpp"
#include "app/signals.hpp"
#include "app/text_table.hpp"
#include "config/settings.hpp"

namespace outbox::app {

/// One command on the services. Connects to nothing until a service is asked.
class Operation {
 public:
  /// `stoppable`: the first signal is a request to stop. It is heeded from before any thread is
  /// made, so that none of them is ended by it.
  explicit Operation(const Arguments& arguments, bool stoppable = false);

  [[nodiscard]] const Arguments& arguments() const { return arguments_; }
  [[nodiscard]] const config::Settings& settings() const { return settings_; }
  [[nodiscard]] admin::Office& office() { return office_; }
  [[nodiscard]] bool json() const { return json_; }
  [[nodiscard]] const Look& look() const { return look_; }
  [[nodiscard]] std::stop_token stop() const {
    return signals_ ? signals_->token() : std::stop_token();
  }

  /// The document as it is, or the text.
  void print(const admin::Json& document, const std::string& text) const;
  /// A page of things, with what there is to say about it on standard error. The exit code: 7 where
  /// a store did not answer.
  [[nodiscard]] int print_page(const admin::Json& page, const std::string& text,
                               const std::string& what) const;

 private:
  const Arguments& arguments_;
  const config::Settings settings_;
  const bool json_;
  const Look look_;
  std::optional<StopSignals> signals_;
  admin::Office office_;
};

/// One line, safe on a terminal.
void print_json(const admin::Json& document);

/// `--by`, or who runs the program and where: `ana@db3`.
[[nodiscard]] admin::Actor actor_of(const Arguments& arguments);
[[nodiscard]] std::string reason_of(const Arguments& arguments);
/// Throws Error(usage) without one, naming what it is for.
[[nodiscard]] std::string required_reason(const Arguments& arguments);

/// `a,b` and repeated options, split up.
[[nodiscard]] std::vector<std::string> listed_values(const Arguments& arguments,
                                                     std::string_view option);
/// Microseconds since 1970, as `--since` and `--until` say.
[[nodiscard]] std::optional<std::int64_t> time_option(const Arguments& arguments,
                                                      std::string_view option);
/// `--limit`, up to the most that one page holds: Error(usage) above.
[[nodiscard]] std::size_t page_limit(const Arguments& arguments);
/// `1s`, `500ms`. Throws Error(usage).
[[nodiscard]] std::chrono::milliseconds duration_option(const Arguments& arguments,
                                                        std::string_view option,
                                                        std::chrono::milliseconds otherwise);

}  // namespace outbox::app
