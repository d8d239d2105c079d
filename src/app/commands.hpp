// SPDX-License-Identifier: Apache-2.0
//
// The commands that work on a database or a broker. Each returns the exit code; what ends it is
// thrown as Error. Data goes to standard output, everything else to standard error.
#pragma once

#include "app/cli.hpp"

namespace outbox::app {

int command_relay(const Arguments& arguments);
int command_migrate(const Arguments& arguments);
int command_publish(const Arguments& arguments);
int command_topics(const Arguments& arguments);
int command_topics_apply(const Arguments& arguments, const config::Settings& settings);
int command_consume(const Arguments& arguments);
int command_dlq(const Arguments& arguments);
int command_status(const Arguments& arguments);
int command_cleanup(const Arguments& arguments);
int command_relays(const Arguments& arguments);
/// `pause` and `resume`.
int command_pause(const Arguments& arguments);
int command_pauses(const Arguments& arguments);
int command_audit_log(const Arguments& arguments);
int command_events(const Arguments& arguments);
int command_doctor(const Arguments& arguments);
int command_tail(const Arguments& arguments);
int command_top(const Arguments& arguments);
int command_gateway(const Arguments& arguments);

}  // namespace outbox::app
