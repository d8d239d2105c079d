// SPDX-License-Identifier: Apache-2.0
//
// Consumer groups: who is in them, and what they have committed. Each group's coordinator is asked.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <outbox/error.hpp>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "broker/kafka/admin.hpp"
#include "broker/kafka/failures.hpp"

namespace outbox::broker::kafka {
namespace {

using Clock = std::chrono::steady_clock;
using OffsetsPointer = std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t,
                                       Destroy<&rd_kafka_ListConsumerGroupOffsets_destroy>>;

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

// The words for topics would name the wrong thing.
Failure refusal(int code, const std::string& group) {
  Failure failure = failure_of(code, group);
  failure.reason = fmt::format("Group '{}': {}", group,
                               rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)));
  if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
    failure.reason += "; this user needs the right DESCRIBE on the group";
  }
  return failure;
}

GroupMember member_of(const rd_kafka_MemberDescription_t* described) {
  GroupMember member;
  member.id = text_of(rd_kafka_MemberDescription_consumer_id(described));
  member.client_id = text_of(rd_kafka_MemberDescription_client_id(described));
  member.host = text_of(rd_kafka_MemberDescription_host(described));
  // Java's `/10.0.0.1`, of a name that was not looked up.
  if (member.host.starts_with('/')) member.host.erase(0, 1);
  const auto* const assignment = rd_kafka_MemberDescription_assignment(described);
  const auto* const partitions =
      assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
  if (partitions == nullptr) return member;
  for (const auto& one : std::span(partitions->elems, static_cast<std::size_t>(partitions->cnt)))
    member.partitions.push_back({one.topic, one.partition});
  std::sort(member.partitions.begin(), member.partitions.end());
  return member;
}

GroupView view_of(const rd_kafka_ConsumerGroupDescription_t* described) {
  GroupView view;
  view.group_id = text_of(rd_kafka_ConsumerGroupDescription_group_id(described));
  const int code = rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(described));
  if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
    // As older brokers say of a group that nobody has ever joined.
    view.state = "Dead";
    return view;
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    view.failure = refusal(code, view.group_id);
    return view;
  }
  view.state = text_of(
      rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(described)));
  const std::size_t count = rd_kafka_ConsumerGroupDescription_member_count(described);
  for (std::size_t i = 0; i < count; ++i)
    view.members.push_back(member_of(rd_kafka_ConsumerGroupDescription_member(described, i)));
  return view;
}

}  // namespace

std::vector<GroupView> KafkaAdmin::groups(const std::vector<std::string>& names,
                                          std::chrono::milliseconds timeout) {
  const Deadline deadline = Clock::now() + timeout;
  const std::vector<std::string> listed = names.empty() ? all_groups(deadline) : names;
  std::map<std::string, GroupView> found =
      describe_groups({listed.begin(), listed.end()}, deadline);
  std::vector<GroupView> views;
  for (const std::string& name : listed) {
    GroupView& view = found[name];
    view.group_id = name;
    if (name.empty()) {
      view.failure = Failure{FailureKind::dead_letter, "a group has a name"};
    } else if (!names.empty() && !view.failure && view.committed.empty()) {
      read_committed(view, deadline);
    }
    views.push_back(view);
  }
  return views;
}

std::vector<std::string> KafkaAdmin::all_groups(Deadline deadline) {
  const EventPointer event =
      request(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, deadline,
              [this](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                rd_kafka_ListConsumerGroups(handle_, options, queue);
              });
  require_answer(*event);
  std::size_t count = 0;
  const auto** const groups = rd_kafka_ListConsumerGroups_result_valid(
      rd_kafka_event_ListConsumerGroups_result(event.get()), &count);
  std::vector<std::string> names;
  for (const auto* const group : std::span(groups, count))
    names.push_back(text_of(rd_kafka_ConsumerGroupListing_group_id(group)));
  std::sort(names.begin(), names.end());
  return names;
}

std::map<std::string, GroupView> KafkaAdmin::describe_groups(std::set<std::string> names,
                                                             Deadline deadline) {
  names.erase("");
  std::map<std::string, GroupView> views;
  if (names.empty()) return views;
  std::vector<const char*> texts;
  for (const std::string& name : names)
    texts.push_back(name.c_str());
  const EventPointer event = request(
      RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, deadline,
      [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
        rd_kafka_DescribeConsumerGroups(handle_, texts.data(), texts.size(), options, queue);
      });
  require_answer(*event);
  std::size_t count = 0;
  const auto** const groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  for (const auto* const group : std::span(groups, count)) {
    GroupView view = view_of(group);
    views.insert_or_assign(view.group_id, std::move(view));
  }
  return views;
}

void KafkaAdmin::read_committed(GroupView& view, Deadline deadline) {
  const OffsetsPointer wanted(
      rd_kafka_ListConsumerGroupOffsets_new(view.group_id.c_str(), nullptr));
  rd_kafka_ListConsumerGroupOffsets_t* one = wanted.get();
  const EventPointer event =
      request(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, deadline,
              [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                rd_kafka_ListConsumerGroupOffsets(handle_, &one, 1, options, queue);
              });
  require_answer(*event);
  std::size_t count = 0;
  const auto** const groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  for (const auto* const group : std::span(groups, count)) {
    const int code = rd_kafka_error_code(rd_kafka_group_result_error(group));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
      view.failure = refusal(code, view.group_id);
      continue;
    }
    const auto* const partitions = rd_kafka_group_result_partitions(group);
    if (partitions == nullptr) continue;
    for (const auto& committed :
         std::span(partitions->elems, static_cast<std::size_t>(partitions->cnt))) {
      if (committed.offset < 0) continue;
      view.committed.push_back({committed.topic, committed.partition, committed.offset});
    }
  }
  std::sort(view.committed.begin(), view.committed.end(), [](const Position& a, const Position& b) {
    return std::tie(a.topic, a.partition) < std::tie(b.topic, b.partition);
  });
}

}  // namespace outbox::broker::kafka
