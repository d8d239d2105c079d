// SPDX-License-Identifier: Apache-2.0
//
// librdkafka's objects as owners that give them back. A pointer made here is destroyed exactly
// once, on whatever way its scope is left.
//
// Thread-safety: as librdkafka's objects; the owners themselves are values of one thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>

namespace outbox::broker::kafka {

template <auto destroy>
struct Destroy {
  template <class Object>
  void operator()(Object* object) const noexcept {
    destroy(object);
  }
};

using ConfigurationPointer = std::unique_ptr<rd_kafka_conf_t, Destroy<&rd_kafka_conf_destroy>>;
using QueuePointer = std::unique_ptr<rd_kafka_queue_t, Destroy<&rd_kafka_queue_destroy>>;
using EventPointer = std::unique_ptr<rd_kafka_event_t, Destroy<&rd_kafka_event_destroy>>;
using TopicPointer = std::unique_ptr<rd_kafka_topic_t, Destroy<&rd_kafka_topic_destroy>>;
using HeadersPointer = std::unique_ptr<rd_kafka_headers_t, Destroy<&rd_kafka_headers_destroy>>;
using MessagePointer = std::unique_ptr<rd_kafka_message_t, Destroy<&rd_kafka_message_destroy>>;
using ErrorPointer = std::unique_ptr<rd_kafka_error_t, Destroy<&rd_kafka_error_destroy>>;
using MetadataPointer =
    std::unique_ptr<const rd_kafka_metadata_t, Destroy<&rd_kafka_metadata_destroy>>;
using PartitionsPointer = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                          Destroy<&rd_kafka_topic_partition_list_destroy>>;

}  // namespace outbox::broker::kafka
