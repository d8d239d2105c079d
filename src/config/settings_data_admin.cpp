// SPDX-License-Identifier: Apache-2.0
#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

using enum SettingType;

constexpr Setting entries[] = {
    {.name = "admin.enabled",
     .type = boolean,
     .default_text = "true",
     .text = "Whether `run` serves the admin API, the dashboard and `/metrics`; `relay` does where "
             "admin.address is set.",
     .example = "false"},
    {.name = "admin.address",
     .default_text = "127.0.0.1:8480",
     .text = "Where operators and Prometheus connect, `host:port`; port 0 for any free one, which "
             "the log then names. Off loopback it needs tokens.",
     .example = "0.0.0.0:8480"},
    {.name = "admin.read-tokens",
     .type = list,
     .text = "Who may look, each as NAME:TOKEN with at least 16 characters of token.",
     .example = "OUTBOXD_ADMIN_READ_TOKENS_FILE=/run/secrets/readers",
     .secret = true},
    {.name = "admin.operate-tokens",
     .type = list,
     .text =
         "Who may also replay, discard, pause and clean up, each as NAME:TOKEN; the name stands "
         "in the audit log. Without any token whoever is on this machine may, as `local`.",
     .example = "OUTBOXD_ADMIN_OPERATE_TOKENS_FILE=/run/secrets/operators",
     .secret = true},
    {.name = "admin.allowed-hosts",
     .type = list,
     .text = "Names under which the server may be called, besides localhost and the loopback "
             "addresses. Off loopback any is taken while this is empty.",
     .example = "outbox.example,outbox.example:8443"},
    {.name = "admin.allowed-origins",
     .type = list,
     .text = "The origins whose pages may use the API besides the server's own.",
     .example = "https://ops.example"},
    {.name = "admin.tls-certificate",
     .type = path,
     .text = "PEM file of the certificate and its chain; with it the server speaks TLS alone.",
     .example = "/etc/outboxd/admin.pem"},
    {.name = "admin.tls-key",
     .type = path,
     .text = "PEM file of the certificate's private key.",
     .example = "/etc/outboxd/admin.key"},
    {.name = "admin.max-connections",
     .type = integer,
     .default_text = "256",
     .text = "Open connections; a quarter of them may be dashboards that watch. Further ones wait "
             "until one is free.",
     .example = "64",
     .minimum = 8,
     .maximum = 10'000},
    {.name = "admin.threads",
     .type = integer,
     .default_text = "2",
     .text = "How many requests are worked on at the same time. Where too many wait, further ones "
             "are answered with 503.",
     .example = "4",
     .minimum = 1,
     .maximum = 32},
    {.name = "admin.replay-rate",
     .type = integer,
     .default_text = "100",
     .text = "The most dead letters that are replayed per second; 0 for no limit.",
     .example = "500",
     .minimum = 0,
     .maximum = 1'000'000},
    {.name = "admin.sample-interval",
     .type = duration,
     .default_text = "15s",
     .text = "How often the stores are asked for the figures that metrics and alerts show of them.",
     .example = "5s",
     .minimum = 1'000,
     .maximum = 600'000,
     .bare_unit = "s"},
};

}  // namespace

std::span<const Setting> admin_settings() {
  return entries;
}

}  // namespace outbox::config
