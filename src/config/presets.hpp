// SPDX-License-Identifier: Apache-2.0
//
// The presets of F1 as data: for each of the five documents the settings in which its table and its
// numbers differ from ours.
#pragma once

#include <span>
#include <string_view>

namespace outbox::config {

struct PresetValue {
  std::string_view setting;
  std::string_view
      text;  ///< As a file would give it. A column with `?` is taken where it is there.
};

struct Preset {
  std::string_view name;
  std::string_view document;  ///< For the reference page.
  std::span<const PresetValue> values;
  /// Why `relay.capture: row` is refused; empty where it is offered.
  std::string_view no_row_capture;
};

[[nodiscard]] std::span<const Preset> presets();

/// Null where there is none of the name.
[[nodiscard]] const Preset* find_preset(std::string_view name);

}  // namespace outbox::config
