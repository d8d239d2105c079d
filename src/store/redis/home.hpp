// SPDX-License-Identifier: Apache-2.0
//
// Named locks on a Redis, for those who keep theirs there. It is a second home for this seam alone:
// the outbox itself stands in a database. A key `outboxd:lock:{name}` holds the holder's token and
// ends by Redis's own clock; a counter beside it, which never ends, gives the fencing numbers.
//
// What a Redis forgets (a restart without persistence, a failover to a replica that lags) frees
// locks and takes fencing numbers back: where that must not be, the store is the better place.
#pragma once

#include <chrono>
#include <memory>

#include "store/locks.hpp"
#include "store/redis/place.hpp"

namespace outbox::store::redis {

/// Connects on first use. `timeout` is for connecting and for each answer.
[[nodiscard]] std::unique_ptr<Locks> make_locks(Place place, std::chrono::milliseconds timeout);

}  // namespace outbox::store::redis
