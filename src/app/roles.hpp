// SPDX-License-Identifier: Apache-2.0
//
// What `outboxd run` runs beside the relays.
#pragma once

#include <vector>

#include "app/instance_board.hpp"
#include "app/signals.hpp"
#include "config/settings.hpp"
#include "core/log.hpp"

namespace outbox::app {

/// Runs these consumers, a thread each, until `signals` stops them or one fails, which stops all.
/// Mistakes in any of them are thrown before the first begins. They stand on the board meanwhile.
void consume_until_stopped(const config::Settings& settings,
                           const std::vector<config::ConsumerSettings>& consumers,
                           StopSignals& signals, Logger& logger, InstanceBoard& board);

}  // namespace outbox::app
