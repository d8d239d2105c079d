// SPDX-License-Identifier: Apache-2.0
//
// Settings as typed values: the effective text parsed and checked against the table. Every failure
// is one Error that names the setting, where its value came from, what is allowed, and the remedy.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/layers.hpp"

namespace outbox::config {

class Reader {
 public:
  /// With a relay's name, `relays.NAME.*` is looked for before `relay.*`. Borrows the layers.
  explicit Reader(const Layers& layers, std::string relay = {})
      : layers_(layers), relay_(std::move(relay)) {}

  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] int integer(std::string_view name) const;
  [[nodiscard]] double decimal(std::string_view name) const;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view name) const;
  [[nodiscard]] std::size_t size(std::string_view name) const;
  /// As the table spells it, whatever the case given; empty where nothing is given or by default.
  [[nodiscard]] std::string word(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  [[nodiscard]] std::string topic(std::string_view name) const;
  /// A file that can be read now, or empty.
  [[nodiscard]] std::string path(std::string_view name) const;
  /// The text as it is.
  [[nodiscard]] std::string text(std::string_view name) const;

  /// True where a source, the preset included, gives a value.
  [[nodiscard]] bool is_given(std::string_view name) const;
  /// True where a source other than the preset does.
  [[nodiscard]] bool is_given_by_user(std::string_view name) const;
  [[nodiscard]] std::string origin(std::string_view name) const;

  /// Throws Error(configuration) `relays.x.batch-size (outboxd.yaml:3) <what>: <hint>`. For one
  /// that quotes the value use quoted() in `what`.
  [[noreturn]] void fail(std::string_view name, const std::string& what,
                         const std::string& hint) const;
  /// `'500'`, or `***` for a secret.
  [[nodiscard]] std::string quoted(std::string_view name) const;

 private:
  struct Found {
    std::string name;
    std::string text;
    std::string origin;
  };
  [[nodiscard]] Found find(std::string_view name) const;
  [[nodiscard]] double in_range(std::string_view name, double value) const;
  [[noreturn]] void refuse(std::string_view name) const;

  const Layers& layers_;
  std::string relay_;
};

}  // namespace outbox::config
