// SPDX-License-Identifier: Apache-2.0
//
// librdkafka's and the broker's error codes, translated once into the four kinds of failure that
// the relay tells apart (design, "Failures are of four kinds"). Codes are rd_kafka_resp_err_t as
// int, so that this header needs none of librdkafka's.
//
// Thread-safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "broker/producer.hpp"
#include "core/failure.hpp"

namespace outbox::broker::kafka {

/// What a code says about the message it was reported for.
struct Verdict {
  /// `refused`: the message is certainly not in the log, and the code names the reason. `unknown`:
  /// nothing is said about this message itself; it is simply sent again.
  DeliveryStatus status = DeliveryStatus::refused;
  FailureKind kind = FailureKind::retry_connection;
};

/// `code` other than "no error".
[[nodiscard]] Verdict verdict_of(int code) noexcept;

/// One line: what was refused, librdkafka's words and name for it, the remedy where one is known.
[[nodiscard]] Failure failure_of(int code, std::string_view topic);

/// Codes that a person has to answer with other credentials or certificates.
[[nodiscard]] bool means_bad_credentials(int code) noexcept;

/// Codes after which a consumer no longer owns the partitions that it meant to commit.
[[nodiscard]] bool means_partitions_lost(int code) noexcept;

}  // namespace outbox::broker::kafka
