// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/admin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <outbox/error.hpp>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "broker/kafka/failures.hpp"
#include "broker/kafka/reaper.hpp"

namespace outbox::broker::kafka {
namespace {

using Clock = std::chrono::steady_clock;
using OptionsPointer =
    std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<&rd_kafka_AdminOptions_destroy>>;
using NewTopicPointer = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<&rd_kafka_NewTopic_destroy>>;
using NewPartitionsPointer =
    std::unique_ptr<rd_kafka_NewPartitions_t, Destroy<&rd_kafka_NewPartitions_destroy>>;
using ResourcePointer =
    std::unique_ptr<rd_kafka_ConfigResource_t, Destroy<&rd_kafka_ConfigResource_destroy>>;
using CollectionPointer =
    std::unique_ptr<rd_kafka_TopicCollection_t, Destroy<&rd_kafka_TopicCollection_destroy>>;

int rest_ms(Clock::time_point deadline) {
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(rest.count(), 0));
}

std::string address_of(const rd_kafka_Node_t* node) {
  return fmt::format("{}:{}", rd_kafka_Node_host(node), rd_kafka_Node_port(node));
}

TopicView missing(std::string_view name, int code) {
  TopicView view;
  view.name = name;
  view.failure = failure_of(code, name);
  return view;
}

TopicView view_of(const rd_kafka_TopicDescription_t* topic) {
  const std::string_view name = rd_kafka_TopicDescription_name(topic);
  if (const rd_kafka_error_t* const error = rd_kafka_TopicDescription_error(topic);
      rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return missing(name, rd_kafka_error_code(error));
  }
  TopicView view;
  view.name = name;
  std::size_t partitions = 0;
  const auto** const list = rd_kafka_TopicDescription_partitions(topic, &partitions);
  view.partitions = static_cast<int>(partitions);
  std::size_t replicas = 0;
  if (partitions > 0) rd_kafka_TopicPartitionInfo_replicas(list[0], &replicas);
  view.replication_factor = static_cast<int>(replicas);
  return view;
}

TopicView view_of(const rd_kafka_metadata_topic_t& topic) {
  if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) return missing(topic.topic, topic.err);
  TopicView view;
  view.name = topic.topic;
  view.partitions = topic.partition_cnt;
  if (topic.partition_cnt > 0) view.replication_factor = topic.partitions[0].replica_cnt;
  return view;
}

// -1 where the entry is not there or is no number.
std::int64_t limit_of(const rd_kafka_ConfigResource_t* resource) {
  std::size_t count = 0;
  const rd_kafka_ConfigEntry_t** const entries = rd_kafka_ConfigResource_configs(resource, &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (std::string_view(rd_kafka_ConfigEntry_name(entries[i])) != "max.message.bytes") continue;
    const char* const value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value == nullptr) return -1;
    const std::string_view text(value);
    std::int64_t bytes = -1;
    std::from_chars(text.data(), text.data() + text.size(), bytes);
    return bytes;
  }
  return -1;
}

NewTopicPointer new_topic_of(const NewTopic& topic, std::string& problem) {
  char text[512] = "";
  NewTopicPointer made(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions,
                                             topic.replication_factor, text, sizeof(text)));
  if (!made) {
    problem = text;
    return nullptr;
  }
  for (const auto& [name, value] : topic.config) {
    rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
  }
  return made;
}

}  // namespace

KafkaAdmin::KafkaAdmin(rd_kafka_t* handle, std::string servers, std::shared_ptr<Learnt> learnt,
                       std::optional<std::int32_t> broker_id)
    : handle_(handle),
      queue_(rd_kafka_queue_get_main(handle)),
      servers_(std::move(servers)),
      learnt_(std::move(learnt)),
      broker_id_(broker_id) {
  rd_kafka_set_log_queue(handle_, nullptr);
}

KafkaAdmin::~KafkaAdmin() {
  queue_.reset();
  reap(handle_);
}

EventPointer KafkaAdmin::request(rd_kafka_admin_op_t operation, Deadline deadline,
                                 const Send& send) {
  const OptionsPointer options(rd_kafka_AdminOptions_new(handle_, operation));
  char text[512] = "";
  rd_kafka_AdminOptions_set_request_timeout(options.get(), std::max(rest_ms(deadline), 1), text,
                                            sizeof(text));
  if (broker_id_) rd_kafka_AdminOptions_set_broker(options.get(), *broker_id_, text, sizeof(text));
  const std::uintptr_t number = ++requests_;
  rd_kafka_AdminOptions_set_opaque(options.get(), reinterpret_cast<void*>(number));  // NOLINT
  send(options.get(), queue_.get());
  // The library ends the request itself at its time-out; the margin lets its answer come.
  const Deadline give_up = deadline + std::chrono::milliseconds(200);
  while (Clock::now() < give_up) {
    EventPointer event(rd_kafka_queue_poll(queue_.get(), rest_ms(give_up)));
    if (!event) continue;
    const rd_kafka_event_type_t type = rd_kafka_event_type(event.get());
    if (type == RD_KAFKA_EVENT_ERROR) {
      take_error(*event);
    } else if (type != RD_KAFKA_EVENT_LOG &&
               reinterpret_cast<std::uintptr_t>(rd_kafka_event_opaque(event.get())) ==  // NOLINT
                   number) {
      return event;
    }
  }
  throw_unreachable();
}

void KafkaAdmin::require_answer(rd_kafka_event_t& event) const {
  const int code = rd_kafka_event_error(&event);
  switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__DESTROY:
      throw_unreachable();
    default:
      break;
  }
  const ErrorKind kind = means_bad_credentials(code) ? ErrorKind::configuration : ErrorKind::failed;
  throw Error(kind, fmt::format("Kafka at {}: {}", servers_, rd_kafka_event_error_string(&event)));
}

void KafkaAdmin::take_error(rd_kafka_event_t& event) {
  const int code = rd_kafka_event_error(&event);
  const std::string text = rd_kafka_event_error_string(&event);
  if (means_bad_credentials(code)) {
    throw Error(ErrorKind::configuration, fmt::format("Kafka at {}: {}", servers_, text),
                code == RD_KAFKA_RESP_ERR__SSL
                    ? "Check kafka.security-protocol, kafka.ssl-ca and the certificates"
                    : "Check KAFKA_USER, KAFKA_PASSWORD and KAFKA_SASL_MECHANISM");
  }
  // "All brokers are down" says less than what was said before it.
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) notices_.add("error", text, Clock::now());
}

void KafkaAdmin::throw_unreachable() const {
  std::string message = fmt::format("Kafka at {} gave no answer in time", servers_);
  if (!notices_.latest().empty()) message += " (" + notices_.latest() + ")";
  throw Error(ErrorKind::unreachable, message,
              "Check that it runs, KAFKA_BOOTSTRAP_SERVERS, and the security protocol");
}

ClusterView KafkaAdmin::cluster(std::chrono::milliseconds timeout) {
  const EventPointer event =
      request(RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, Clock::now() + timeout,
              [this](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                rd_kafka_DescribeCluster(handle_, options, queue);
              });
  require_answer(*event);
  const auto* const answer = rd_kafka_event_DescribeCluster_result(event.get());
  ClusterView view;
  if (const char* const id = rd_kafka_DescribeCluster_result_cluster_id(answer)) {
    view.cluster_id = id;
  }
  std::size_t count = 0;
  const rd_kafka_Node_t** const nodes = rd_kafka_DescribeCluster_result_nodes(answer, &count);
  for (std::size_t i = 0; i < count; ++i)
    view.brokers.push_back(address_of(nodes[i]));
  return view;
}

std::vector<TopicView> KafkaAdmin::topics(const std::vector<std::string>& names,
                                          std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  std::vector<TopicView> views =
      names.empty() ? all_topics(deadline) : named_topics(names, deadline);
  read_limits(views, deadline);
  if (names.empty()) return views;
  std::int64_t smallest = learnt_->batch_bytes_max.load();
  for (const TopicView& view : views) {
    if (!view.failure) smallest = std::clamp<std::int64_t>(view.message_bytes_max, 1, smallest);
  }
  learnt_->batch_bytes_max.store(smallest);
  return views;
}

std::vector<TopicView> KafkaAdmin::all_topics(Deadline deadline) {
  // The call below cannot be ended early; this one ends at once where the login is refused.
  static_cast<void>(cluster(std::chrono::milliseconds(rest_ms(deadline))));
  const rd_kafka_metadata_t* raw = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(handle_, 1, nullptr, &raw, std::max(rest_ms(deadline), 1));
  const MetadataPointer metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw_unreachable();
  std::vector<TopicView> views;
  for (int i = 0; i < metadata->topic_cnt; ++i)
    views.push_back(view_of(metadata->topics[i]));
  std::ranges::sort(views, {}, &TopicView::name);
  return views;
}

std::vector<TopicView> KafkaAdmin::named_topics(const std::vector<std::string>& names,
                                                Deadline deadline) {
  std::set<std::string> distinct(names.begin(), names.end());
  distinct.erase("");  // No broker is asked for a topic without a name.
  std::map<std::string, TopicView, std::less<>> found;
  if (!distinct.empty()) {
    std::vector<const char*> texts;
    for (const std::string& name : distinct)
      texts.push_back(name.c_str());
    const CollectionPointer collection(
        rd_kafka_TopicCollection_of_topic_names(texts.data(), texts.size()));
    const EventPointer event =
        request(RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, deadline,
                [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                  rd_kafka_DescribeTopics(handle_, collection.get(), options, queue);
                });
    require_answer(*event);
    std::size_t count = 0;
    const auto* const answer = rd_kafka_event_DescribeTopics_result(event.get());
    const auto** const topics = rd_kafka_DescribeTopics_result_topics(answer, &count);
    for (std::size_t i = 0; i < count; ++i) {
      TopicView view = view_of(topics[i]);
      found.insert_or_assign(view.name, std::move(view));
    }
  }
  std::vector<TopicView> views;
  for (const std::string& name : names) {
    const auto view = found.find(name);
    views.push_back(view != found.end()
                        ? view->second
                        : missing(name, name.empty() ? RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
                                                     : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART));
  }
  return views;
}

EventPointer KafkaAdmin::describe_configs(const std::set<std::string>& names, Deadline deadline) {
  std::vector<ResourcePointer> owners;
  std::vector<rd_kafka_ConfigResource_t*> resources;
  for (const std::string& name : names) {
    owners.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
    resources.push_back(owners.back().get());
  }
  return request(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline,
                 [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                   rd_kafka_DescribeConfigs(handle_, resources.data(), resources.size(), options,
                                            queue);
                 });
}

std::vector<TopicConfig> KafkaAdmin::configs(const std::vector<std::string>& names,
                                             std::chrono::milliseconds timeout) {
  std::vector<TopicConfig> configs;
  if (names.empty()) return configs;
  const EventPointer event = describe_configs({names.begin(), names.end()}, Clock::now() + timeout);
  require_answer(*event);
  std::size_t count = 0;
  const auto** const described = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::map<std::string_view, TopicConfig> found;
  for (const auto* const resource : std::span(described, count)) {
    TopicConfig config;
    const std::string_view name = rd_kafka_ConfigResource_name(resource);
    if (const int code = rd_kafka_ConfigResource_error(resource);
        code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      config.failure = failure_of(code, name);
    }
    std::size_t entries = 0;
    const auto** const list = rd_kafka_ConfigResource_configs(resource, &entries);
    for (const auto* const entry : std::span(list, entries)) {
      const char* const value = rd_kafka_ConfigEntry_value(entry);
      if (value != nullptr) config.values[rd_kafka_ConfigEntry_name(entry)] = value;
    }
    found[name] = std::move(config);
  }
  for (const std::string& name : names)
    configs.push_back(found[name]);
  return configs;
}

std::optional<Failure> KafkaAdmin::add_partitions(const std::string& topic, int count,
                                                  std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  char text[512] = "";
  const NewPartitionsPointer wanted(rd_kafka_NewPartitions_new(
      topic.c_str(), static_cast<std::size_t>(count), text, sizeof(text)));
  if (!wanted) {
    return Failure{FailureKind::dead_letter, fmt::format("Topic '{}': {}", topic, text)};
  }
  rd_kafka_NewPartitions_t* one = wanted.get();
  const EventPointer event =
      request(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, deadline,
              [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                rd_kafka_CreatePartitions(handle_, &one, 1, options, queue);
              });
  require_answer(*event);
  std::size_t answers = 0;
  const auto** const results = rd_kafka_CreatePartitions_result_topics(
      rd_kafka_event_CreatePartitions_result(event.get()), &answers);
  for (const auto* const result : std::span(results, answers)) {
    const int code = rd_kafka_topic_result_error(result);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    Failure failure = failure_of(code, topic);
    if (const char* const reason = rd_kafka_topic_result_error_string(result)) {
      failure.reason = fmt::format("Topic '{}': {}", topic, reason);
    }
    return failure;
  }
  await_partitions(topic, count, deadline);
  return std::nullopt;
}

// The controller answers before all brokers know.
void KafkaAdmin::await_partitions(const std::string& topic, int count, Deadline deadline) {
  while (named_topics({topic}, deadline).front().partitions < count) {
    const EventPointer event(rd_kafka_queue_poll(queue_.get(), 20));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) take_error(*event);
  }
}

void KafkaAdmin::read_limits(std::vector<TopicView>& views, Deadline deadline) {
  std::set<std::string> asked;
  for (const TopicView& view : views) {
    if (!view.failure) asked.insert(view.name);
  }
  if (asked.empty()) return;
  const EventPointer event = describe_configs(asked, deadline);
  const int code = rd_kafka_event_error(event.get());
  if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT) {
    throw_unreachable();
  }
  // A user without the right, or a broker without the request: Kafka's default stands.
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  std::size_t count = 0;
  const auto* const answer = rd_kafka_event_DescribeConfigs_result(event.get());
  const auto** const described = rd_kafka_DescribeConfigs_result_resources(answer, &count);
  std::map<std::string_view, std::int64_t> limits;
  for (std::size_t i = 0; i < count; ++i) {
    if (rd_kafka_ConfigResource_error(described[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    limits[rd_kafka_ConfigResource_name(described[i])] = limit_of(described[i]);
  }
  for (TopicView& view : views) {
    const auto limit = limits.find(view.name);
    if (limit != limits.end() && limit->second >= 0) view.message_bytes_max = limit->second;
  }
}

std::vector<std::optional<Failure>> KafkaAdmin::create(const std::vector<NewTopic>& topics,
                                                       std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  std::vector<std::optional<Failure>> results(topics.size());
  std::vector<NewTopicPointer> owners;
  std::vector<rd_kafka_NewTopic_t*> wanted;
  for (std::size_t i = 0; i < topics.size(); ++i) {
    std::string problem;
    NewTopicPointer topic = new_topic_of(topics[i], problem);
    if (!topic) {
      results[i] =
          Failure{FailureKind::dead_letter, fmt::format("Topic '{}': {}", topics[i].name, problem)};
      continue;
    }
    wanted.push_back(topic.get());
    owners.push_back(std::move(topic));
  }
  if (wanted.empty()) return results;
  const EventPointer event =
      request(RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline,
              [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                rd_kafka_CreateTopics(handle_, wanted.data(), wanted.size(), options, queue);
              });
  require_answer(*event);
  std::size_t count = 0;
  const auto** const answers =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const int code = rd_kafka_topic_result_error(answers[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const std::string_view name = rd_kafka_topic_result_name(answers[i]);
    Failure failure = failure_of(code, name);
    if (const char* const text = rd_kafka_topic_result_error_string(answers[i])) {
      failure.reason = fmt::format("Topic '{}': {}", name, text);
    }
    for (std::size_t at = 0; at < topics.size(); ++at) {
      if (topics[at].name == name && !results[at]) results[at] = failure;
    }
  }
  await_made(topics, results, deadline);
  return results;
}

void KafkaAdmin::await_made(const std::vector<NewTopic>& topics,
                            const std::vector<std::optional<Failure>>& results, Deadline deadline) {
  std::vector<std::string> made;
  for (std::size_t i = 0; i < topics.size(); ++i) {
    if (!results[i]) made.push_back(topics[i].name);
  }
  while (!made.empty()) {
    const std::vector<TopicView> views = named_topics(made, deadline);
    made.clear();
    for (const TopicView& view : views) {
      if (view.failure || view.partitions == 0) made.push_back(view.name);
    }
    if (made.empty()) return;
    const EventPointer event(rd_kafka_queue_poll(queue_.get(), 20));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) take_error(*event);
  }
}

}  // namespace outbox::broker::kafka
