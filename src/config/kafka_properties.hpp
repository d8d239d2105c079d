// SPDX-License-Identifier: Apache-2.0
//
// Which properties of librdkafka may be passed through by `kafka.properties.*`. It is a list of
// what is allowed: some properties load code, start programs or call out, some replace the brokers
// by a mock, and some take away what the promises of the relay rest on.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace outbox::config {

[[nodiscard]] std::span<const std::string_view> allowed_kafka_properties();

/// What is refused with a reason of its own; `name` may end in `*`.
struct RefusedProperty {
  std::string_view name;
  std::string_view reason;  ///< With the remedy, where there is one.
};
[[nodiscard]] std::span<const RefusedProperty> refused_kafka_properties();

/// Empty where the property may be passed through; otherwise why not, as the rest of a sentence.
[[nodiscard]] std::string why_refused(std::string_view property);

/// `LINGER_MS` is `linger.ms`, `SASL_USERNAME` is `sasl.username`.
[[nodiscard]] std::string property_of_variable(std::string_view upper_snake);

}  // namespace outbox::config
