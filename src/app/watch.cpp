// SPDX-License-Identifier: Apache-2.0
#include "app/watch.hpp"

#include <unistd.h>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "app/site.hpp"

namespace outbox::app {

namespace {

constexpr std::chrono::milliseconds webhook_timeout{5'000};
constexpr std::chrono::milliseconds command_timeout{30'000};

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::vector<admin::AlertRule> rules_of(const config::Settings& settings) {
  std::vector<admin::AlertRule> rules;
  for (const config::AlertSettings& alert : settings.alerts()) {
    const std::optional<admin::AlertFigure> figure = admin::alert_figure_of(alert.when);
    if (!figure) {
      throw Error(ErrorKind::configuration,
                  "alerts." + alert.name + ".when is '" + alert.when + "', which nobody watches",
                  "docs/alerts.md names what can be watched");
    }
    rules.push_back({alert.name, *figure, alert.above, alert.hold, alert.webhook, alert.command,
                     alert.repeat_interval, alert.tells_recovery});
  }
  return rules;
}

admin::AlertSources sources_of(const admin::Site& site, const admin::Sampler& sampler,
                               const InstanceBoard& board) {
  admin::AlertSources sources;
  sources.instance = &board;
  sources.samples = [&sampler] { return sampler.latest(); };
  if (!site.stores.empty()) sources.locks = site.stores.front().home.locks;
  sources.host = host_name();
  return sources;
}

}  // namespace

Watch::Watch(const config::Settings& settings, const InstanceBoard& board, Logger& logger)
    : site_(make_site(settings)),
      sampler_(site_, settings.admin().sample_interval, logger),
      alerts_(rules_of(settings), sources_of(site_, sampler_, board),
              admin::AlertChannels{
                  [this](const std::string& url, const std::string& body) {
                    http_.post({url, body, {}, webhook_timeout});
                  },
                  [](const std::vector<std::string>& command, const std::string& input) {
                    run_program({command, {}, input + "\n", command_timeout});
                  }},
              logger),
      metrics_({OUTBOX_VERSION, &site_, &board, [this] { return sampler_.latest(); },
                [this] { return alerts_.figures(); }}) {}

}  // namespace outbox::app
