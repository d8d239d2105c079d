// SPDX-License-Identifier: Apache-2.0
//
// Topics: what is there, what stands in them last, and following them.
//
// Thread-safety: free functions, from any thread.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/json.hpp"
#include "admin/office.hpp"

namespace outbox::admin {

/// {items:[{name,partitions,replication_factor,messages|null,message_bytes_max,configured,error}],
/// error|null}: those of the configuration, missing ones too, then all others that the user may
/// see, without the brokers' own. Messages are counted for as many as two seconds allow.
[[nodiscard]] Json list_topics(Office& office);

/// The same of one, with partitions:[{partition,first,end}] and config:{…}. Throws
/// Error(not_found).
[[nodiscard]] Json show_topic(Office& office, const std::string& name);

struct MessagesRequest {
  std::string topic;
  std::optional<int> partition;  ///< None: of all.
  std::size_t limit = 50;        ///< At most 200.
};

/// {items:[{topic,partition,offset,at,key,headers:{},payload…}]}, the newest first by time, each
/// payload up to 4 KiB; `complete` false: the brokers did not give all of them in time. Throws
/// Error(not_found) for a topic or partition.
[[nodiscard]] Json last_messages(Office& office, const MessagesRequest& request);

struct FollowRequest {
  std::vector<std::string> topics;  ///< Empty: those of the configuration that are there.
  std::size_t last = 0;             ///< Begins with so many of each that stand there already.
  bool from_first = false;          ///< Begins with all that stand there.
};

/// Gives each message, in order per partition, to `take` until that says false or a stop is
/// requested. Joins no group and commits nothing. Brokers that go away are waited for. Throws
/// Error(not_found) for a topic that is not there. On the calling thread, with a reader of its own.
void follow(Office& office, const FollowRequest& request,
            const std::function<bool(const broker::IncomingMessage&)>& take,
            const std::stop_token& stop);

/// As in last_messages(). `whole_bytes`: of a value of which the message has the beginning alone.
[[nodiscard]] Json message_json(const broker::IncomingMessage& message,
                                std::size_t payload_bytes_max = 4'096,
                                std::optional<std::size_t> whole_bytes = {});

}  // namespace outbox::admin
