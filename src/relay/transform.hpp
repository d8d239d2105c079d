// SPDX-License-Identifier: Apache-2.0
//
// The payload's way through the steps of `relay.transform` (A8): pick, rename, drop, mask and add
// fields. The steps of kind `topic` are the router's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message_rules.hpp"
#include "relay/transform_draft.hpp"
#include "relay/transform_template.hpp"

namespace outbox::relay {

/// Immutable; used by several threads at once.
class Transformation {
 public:
  /// Throws Error(configuration) for an `add` whose value is no JSON.
  explicit Transformation(const std::vector<TransformStep>& steps);

  /// No step changes the payload: apply() need not be called, and no payload be JSON.
  [[nodiscard]] bool is_empty() const noexcept { return steps_.empty(); }

  /// Writes the changed payload to `out`. `payload` is a checked JSON object, the values are UTF-8.
  /// Returns why it cannot be done, as the end of a sentence with its remedy, or nothing.
  [[nodiscard]] std::optional<std::string> apply(std::string_view payload,
                                                 const TemplateValues& values,
                                                 std::string& out) const;

 private:
  struct Added {
    std::string path;
    Template value;
  };

  struct Step {
    TransformKind kind;
    std::vector<std::string> fields;
    std::vector<std::pair<std::string, std::string>> renamed;
    std::vector<Added> added;
    std::string mask;  // As JSON.
  };

  std::vector<Step> steps_;
};

}  // namespace outbox::relay
