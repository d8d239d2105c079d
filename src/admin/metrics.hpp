// SPDX-License-Identifier: Apache-2.0
//
// `/metrics`: all figures of this process and of its stores as Prometheus text. What metrics there
// are stands in one table, of which docs/metrics.md is made.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/alert_states.hpp"
#include "admin/instance.hpp"
#include "admin/samples.hpp"
#include "core/clock.hpp"

namespace outbox::admin {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

struct MetricText {
  std::string_view name;
  MetricKind kind = MetricKind::gauge;
  std::string_view labels;  ///< `store, relay`; empty: none.
  std::string_view help;
};

/// Every metric that there is, in the order of the text and of docs/metrics.md.
[[nodiscard]] std::span<const MetricText> metrics_table();

/// The table in docs/metrics.md, in Markdown.
[[nodiscard]] std::string metrics_reference();

struct MetricsSources {
  std::string version;
  /// What is configured: its series are there from the start, with zeros.
  const Site* site = nullptr;
  const Instance* instance = nullptr;
  std::function<Samples()> samples;
  std::function<std::vector<AlertFigures>()> alerts;
};

/// Thread-safety: text() from any thread. Borrows what the sources name.
class Metrics {
 public:
  explicit Metrics(MetricsSources sources);

  /// Waits for no database and no broker. Made anew when the last one is 200 ms old, so that
  /// many who ask cost as much as one.
  [[nodiscard]] std::string text();

 private:
  [[nodiscard]] std::string make_text() const;

  const MetricsSources sources_;
  std::mutex mutex_;
  std::string text_;
  Moment made_at_;
};

}  // namespace outbox::admin
