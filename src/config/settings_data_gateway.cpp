// SPDX-License-Identifier: Apache-2.0
#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

using enum SettingType;

constexpr double second = 1'000;
constexpr double hour = 3'600 * second;
constexpr double kibibyte = 1'024;
constexpr double mebibyte = 1'024 * kibibyte;
constexpr double gibibyte = 1'024 * mebibyte;

constexpr Setting entries[] = {
    {.name = "gateway.address",
     .default_text = "127.0.0.1:8090",
     .text = "Where clients connect, `host:port`; `0.0.0.0` or `[::]` for all addresses, port 0 "
             "for any free one, which the log then names.",
     .example = "0.0.0.0:8090"},
    {.name = "gateway.topics",
     .type = list,
     .default_text = "realtime.events",
     .text = "The topics whose messages clients get.",
     .example = "realtime.events,stock.events"},
    {.name = "gateway.group-id-prefix",
     .default_text = "ws-consumer",
     .text = "With `-` and the instance's id, the name of the group under which tools see how far "
             "this gateway is. No group is joined: each gateway sees all messages.",
     .example = "ws-consumer"},
    {.name = "gateway.instance-id",
     .text = "This gateway's id; without one, the host's name and the port.",
     .example = "gateway-1"},
    {.name = "gateway.token",
     .text = "The token that clients must give; several, with commas, while one is replaced. "
             "Without any, everybody who reaches the port may read.",
     .example = "OUTBOXD_GATEWAY_TOKEN_FILE=/run/secrets/gateway",
     .secret = true},
    {.name = "gateway.allowed-origins",
     .type = list,
     .text = "The origins whose pages may connect, or `*`. A page that came from the gateway's own "
             "address always may, where that is an IP address or localhost.",
     .example = "https://shop.example,https://admin.shop.example"},
    {.name = "gateway.tls-certificate",
     .type = path,
     .text = "PEM file of the certificate and its chain; with it the gateway speaks TLS alone.",
     .example = "/etc/outboxd/gateway.pem"},
    {.name = "gateway.tls-key",
     .type = path,
     .text = "PEM file of the certificate's private key.",
     .example = "/etc/outboxd/gateway.key"},
    {.name = "gateway.max-clients",
     .type = integer,
     .default_text = "10000",
     .text = "Open WebSockets and event streams; further ones are sent away with 503.",
     .example = "50000",
     .minimum = 1,
     .maximum = 1'000'000},
    {.name = "gateway.max-frame-size",
     .type = size,
     .default_text = "64KiB",
     .text = "The largest message that a client may send, although none means anything; a larger "
             "one ends its connection with 1009.",
     .example = "4KiB",
     .minimum = 125,
     .maximum = 16 * mebibyte},
    {.name = "gateway.max-header-size",
     .type = size,
     .default_text = "16KiB",
     .text = "The largest header of a request; a larger one is answered with 431.",
     .example = "8KiB",
     .minimum = kibibyte,
     .maximum = mebibyte},
    {.name = "gateway.max-queued-size",
     .type = size,
     .default_text = "1MiB",
     .text = "What may wait to be sent to one client. One that takes in too little for that is "
             "served from memory at its own pace, for gateway.max-lag at most.",
     .example = "256KiB",
     .minimum = kibibyte,
     .maximum = gibibyte},
    {.name = "gateway.max-queued-messages",
     .type = integer,
     .default_text = "1000",
     .text = "How many messages may wait to be sent to one client.",
     .example = "200",
     .minimum = 1,
     .maximum = 1'000'000},
    {.name = "gateway.max-lag",
     .type = duration,
     .default_text = "5s",
     .text = "A client that is behind for longer than this, or further than memory goes back, is "
             "closed with 1013 and comes back where it was.",
     .example = "30s",
     .minimum = 100,
     .maximum = hour,
     .bare_unit = "s"},
    {.name = "gateway.recent-size",
     .type = size,
     .default_text = "32MiB",
     .text = "How much of the newest messages is kept in memory for clients that come back; what "
             "is older is read from the brokers.",
     .example = "128MiB",
     .minimum = 0,
     .maximum = 64 * gibibyte},
    {.name = "gateway.max-catch-ups",
     .type = integer,
     .default_text = "2",
     .text = "How many readings of older messages go on at the same time; each serves all clients "
             "that are near each other, others wait.",
     .example = "4",
     .minimum = 1,
     .maximum = 64},
    {.name = "gateway.ping-interval",
     .type = duration,
     .default_text = "20s",
     .text = "How often clients are asked for a sign of life.",
     .example = "30s",
     .minimum = 100,
     .maximum = hour,
     .bare_unit = "s"},
    {.name = "gateway.idle-timeout",
     .type = duration,
     .default_text = "60s",
     .text = "A WebSocket client that sent nothing for so long, not even the answer to a ping, is "
             "dropped.",
     .example = "90s",
     .minimum = 200,
     .maximum = 24 * hour,
     .bare_unit = "s"},
    {.name = "gateway.write-timeout",
     .type = duration,
     .default_text = "10s",
     .text = "A client that needs longer than this to take in one message is dropped.",
     .example = "5s",
     .minimum = 100,
     .maximum = hour,
     .bare_unit = "s"},
};

}  // namespace

std::span<const Setting> gateway_settings() {
  return entries;
}

}  // namespace outbox::config
