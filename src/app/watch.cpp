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
    rules.push_back({alert.name, *figure, alert.above, alert.hold, alert.keep_firing, alert.webhook,
                     alert.command, alert.repeat_interval, alert.tells_recovery});
  }
  return rules;
}

}  // namespace

Watch::Eyes::Eyes(Watch& watch, const config::Settings& settings)
    : site(make_site(settings)),
      sampler(site, settings.admin().sample_interval, watch.logger_),
      metrics({OUTBOX_VERSION, &site, &watch.board_, [this] { return sampler.latest(); },
               [&watch] { return watch.alerts_.figures(); }}) {}

Watch::Watch(const config::Settings& settings, const InstanceBoard& board, Logger& logger)
    : board_(board),
      logger_(logger),
      eyes_(std::make_shared<Eyes>(*this, settings)),
      alerts_(rules_of(settings),
              {&board, [this] { return samples(); },
               eyes_->site.stores.empty() ? nullptr : eyes_->site.stores.front().home.locks,
               host_name()},
              admin::AlertChannels{[this](const std::string& url, const std::string& body) {
                                     http_.post({url, body, {}, webhook_timeout});
                                   },
                                   [](const std::vector<std::string>& command,
                                      const std::string& input, const std::stop_token& cut) {
                                     run_program({command, {}, input + "\n", command_timeout, cut});
                                   }},
              logger) {}

void Watch::take_over(const config::Settings& settings) {
  auto fresh = std::make_shared<Eyes>(*this, settings);
  const std::lock_guard lock(mutex_);
  eyes_.swap(fresh);
}

std::shared_ptr<Watch::Eyes> Watch::eyes() const {
  const std::lock_guard lock(mutex_);
  return eyes_;
}

}  // namespace outbox::app
