// SPDX-License-Identifier: Apache-2.0
//
// Which librdkafka runs below. Releases before 2.8.0 have faults that bite a relay (spurious fatal
// errors, batches rebuilt in another order, no SCRAM login to Kafka 4), so that an older one, which
// a system may put in place of the one that was compiled against, is refused at start.
//
// Thread-safety: any thread.
#pragma once

#include <string>

namespace outbox::broker::kafka {

/// Of the library that is loaded, e.g. `2.8.0`.
[[nodiscard]] std::string library_version();

/// Throws Error(configuration) naming the version found and the remedy where it is older
/// than 2.8.0.
void require_library_version();

/// The same for a version as librdkafka numbers them: 0xMMmmrrpp.
void require_library_version(int version, const std::string& text);

}  // namespace outbox::broker::kafka
