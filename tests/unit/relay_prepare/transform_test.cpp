// SPDX-License-Identifier: Apache-2.0
#include "relay/transform.hpp"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <outbox/error.hpp>

#include "unit/relay_prepare/rows.hpp"

namespace outbox::relay {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using Pairs = std::vector<std::pair<std::string, std::string>>;

TransformStep fields_step(TransformKind kind, std::vector<std::string> fields) {
  TransformStep step;
  step.kind = kind;
  step.fields = std::move(fields);
  step.text = "***";
  return step;
}

TransformStep pairs_step(TransformKind kind, Pairs pairs) {
  TransformStep step;
  step.kind = kind;
  step.pairs = std::move(pairs);
  return step;
}

TransformStep pick(std::vector<std::string> fields) {
  return fields_step(TransformKind::pick, std::move(fields));
}
TransformStep drop(std::vector<std::string> fields) {
  return fields_step(TransformKind::drop, std::move(fields));
}
TransformStep mask(std::vector<std::string> fields) {
  return fields_step(TransformKind::mask, std::move(fields));
}
TransformStep rename(Pairs pairs) {
  return pairs_step(TransformKind::rename, std::move(pairs));
}
TransformStep add(Pairs pairs) {
  return pairs_step(TransformKind::add, std::move(pairs));
}

// The value, or the defect's reason.
std::string transformed(std::string_view payload, std::vector<TransformStep> steps) {
  PrepareOptions options = options_of();
  options.transform = std::move(steps);
  const Message message = prepare(with_payload(payload), options);
  return message.defect.empty() ? message.value.value_or("(null)") : message.defect;
}

TEST(Transform, leaves_every_number_digit_by_digit_as_it_came) {
  EXPECT_EQ(transformed(R"({"money":132.490,"x":0,"huge":1e400,"long":)"
                        R"(0.123456789012345678901234567890,"big":123456789012345678901234567890,)"
                        R"("zero":-0,"exp":1E+2,"in":{"price":1.10}})",
                        {drop({"x"}), rename({{"money", "amount"}}), add({{"in.n", "2.50"}})}),
            R"({"amount":132.490,"huge":1e400,"long":0.123456789012345678901234567890,)"
            R"("big":123456789012345678901234567890,"zero":-0,"exp":1E+2,)"
            R"("in":{"price":1.10,"n":2.50}})");
}

TEST(Transform, picks_fields_in_the_payload_s_order) {
  const std::string_view payload =
      R"({"a":1,"b":{"x":1,"y":{"z":2}},"c":[{"p":1,"q":2},3,{"q":4}],"d":"t"})";
  EXPECT_EQ(transformed(payload, {pick({"d", "a"})}), R"({"a":1,"d":"t"})");
  EXPECT_EQ(transformed(payload, {pick({"b.y", "c.q"})}),
            R"({"b":{"y":{"z":2}},"c":[{"q":2},{"q":4}]})");
  EXPECT_EQ(transformed(payload, {pick({"b.y.z", "b"})}), R"({"b":{"x":1,"y":{"z":2}}})");
  EXPECT_EQ(transformed(payload, {pick({"missing", "d.deeper"})}), "{}");
}

TEST(Transform, drops_fields_wherever_the_path_leads) {
  const std::string_view payload = R"({"a":1,"b":{"x":1,"y":2},"c":[{"p":1,"q":2},3],"b":{"x":5}})";
  EXPECT_EQ(transformed(payload, {drop({"a", "b.x", "c.p", "missing.x"})}),
            R"({"b":{"y":2},"c":[{"q":2},3],"b":{}})");
}

TEST(Transform, masks_values_of_any_type_twice_named_and_escaped_ones_too) {
  EXPECT_EQ(transformed(R"({"card":"4111","c\u0061rd":{"no":1},"n":null,"x":1})",
                        {mask({"card", "n", "missing"})}),
            R"({"card":"***","c\u0061rd":"***","n":"***","x":1})");
  EXPECT_EQ(transformed(R"({"customer":{"email":"a@b"},"customer.email":"a@b","l":[[{"e":1}]]})",
                        {mask({"customer.email", "l.e"})}),
            R"({"customer":{"email":"***"},"customer.email":"***","l":[[{"e":"***"}]]})");
}

TEST(Transform, renames_in_place_all_at_once) {
  EXPECT_EQ(transformed(R"({"a":1,"b":2,"c":3})", {rename({{"a", "b"}, {"b", "a"}})}),
            R"({"b":1,"a":2,"c":3})");
  EXPECT_EQ(transformed(R"({"a":1,"b":2,"c":3})", {rename({{"c", "a"}})}), R"({"b":2,"a":3})");
  EXPECT_EQ(transformed(R"({"a":1})", {rename({{"missing", "a"}})}), R"({"a":1})");
  EXPECT_EQ(transformed(R"({"l":[{"x":1},{"x":2},3]})", {rename({{"l.x", "l.say \"y\""}})}),
            R"({"l":[{"say \"y\"":1},{"say \"y\"":2},3]})");
}

TEST(Transform, moves_fields_between_objects) {
  EXPECT_EQ(transformed(R"({"customer":{"email":"e","id":7},"x":1})",
                        {rename({{"customer.email", "contact.mail"}, {"x", "customer.x"}})}),
            R"({"customer":{"id":7,"x":1},"contact":{"mail":"e"}})");
  EXPECT_THAT(transformed(R"({"a":{"b":1},"c":2})", {rename({{"a.b", "c.d"}})}),
              HasSubstr("no room for the field 'c.d'"));
}

TEST(Transform, adds_and_replaces_fields_with_templates_in_their_texts) {
  EXPECT_EQ(transformed(R"({"a":1})", {add({{"source", R"("shop")"}, {"a", "[1.10]"}})}),
            R"({"a":[1.10],"source":"shop"})");
  EXPECT_EQ(
      transformed("{}", {add({{"meta.from", R"("{aggregate_type}/{aggregate_id}")"},
                              {"meta.what", R"({"t":"{event_type}","to":"{topic}","b":{}})"}})}),
      R"({"meta":{"from":"order/4711",)"
      R"("what":{"t":"ORDER_CREATED","to":"default.events","b":{}}}})");
  EXPECT_EQ(transformed(R"({"l":[{},{"n":0},5]})", {add({{"l.n", "1"}})}),
            R"({"l":[{"n":1},{"n":1},5]})");
  EXPECT_EQ(transformed(R"({"n":1,"x":2,"n":3})", {add({{"n", "4"}})}), R"({"n":4,"x":2})");
  EXPECT_THAT(transformed(R"({"a":1})", {add({{"a.b", "2"}})}),
              HasSubstr("something on its path is no object"));
}

TEST(Transform, escapes_what_a_template_puts_in) {
  PrepareOptions options = options_of();
  options.transform = {add({{"t", R"("{event_type}")"}})};
  OutboxRow row = with_payload("{}");
  row.event_type = "SAY \"hi\"\n";
  EXPECT_EQ(prepare(row, options).value, R"({"t":"SAY \"hi\"\n"})");
}

TEST(Transform, takes_its_steps_in_order) {
  EXPECT_EQ(transformed(R"({"a":{"x":1,"y":2},"b":3})",
                        {pick({"a"}), rename({{"a", "z"}}), drop({"z.x"}), mask({"z.y"}),
                         add({{"z.w", "true"}}), pick({"z.w"})}),
            R"({"z":{"w":true}})");
}

TEST(Transform, goes_before_the_envelope) {
  PrepareOptions options = options_of(EnvelopeKind::standard);
  options.transform = {pick({"total_amount"})};
  EXPECT_THAT(*prepare(order_row(), options).value,
              HasSubstr(R"("payload":{"total_amount":132.490},)"));
}

TEST(Transform, lets_a_tombstone_pass) {
  PrepareOptions options = options_of();
  options.transform = {pick({"a"})};
  const Message message = prepare(without_payload(), options);
  EXPECT_EQ(message.defect, "");
  EXPECT_EQ(message.value, std::nullopt);
}

TEST(Transform, makes_a_dead_letter_of_a_payload_that_is_no_json_object) {
  EXPECT_THAT(transformed("no json", {pick({"a"})}),
              HasSubstr("row 17: relay.transform needs a payload that is a JSON object"));
  EXPECT_THAT(transformed("[1]", {pick({"a"})}), HasSubstr("another JSON value"));
}

TEST(Transform, refuses_an_added_value_that_is_no_json) {
  EXPECT_THROW(transformed("{}", {add({{"a", "{nope"}})}), Error);
}

TEST(Transformer, sees_the_event_after_the_steps_and_gives_its_value) {
  PrepareOptions options = options_of();
  options.transform = {pick({"total_amount"})};
  options.transformer.value = [](const TransformInput& event) -> std::optional<std::string> {
    return std::string(event.event_type) + "/" + std::string(event.key) + "/" +
           std::string(event.topic) + "/" + std::string(*event.payload);
  };
  const Message message = prepare(order_row(), options);
  EXPECT_EQ(message.value, R"(ORDER_CREATED/4711/default.events/{"total_amount":132.490})");
  EXPECT_EQ(message.key_hash, prepare(order_row()).key_hash);
}

TEST(Transformer, may_send_a_tombstone_where_the_envelope_has_one) {
  PrepareOptions options = options_of();
  options.transformer.value = [](const TransformInput&) { return std::optional<std::string>(); };
  EXPECT_EQ(prepare(order_row(), options).value, std::nullopt);
  options.envelope = EnvelopeKind::standard;
  EXPECT_THAT(prepare(order_row(), options).defect, HasSubstr("payload is NULL"));
}

TEST(Transformer, that_throws_makes_a_dead_letter_of_that_row_alone) {
  PrepareOptions options = options_of();
  options.transformer.value = [](const TransformInput& event) -> std::optional<std::string> {
    if (event.payload == "bad") throw std::runtime_error("no \n such\xFF field");
    return std::string(*event.payload);
  };
  const PreparedBatch batch =
      Preparer(options).prepare(batch_of({with_payload("bad"), with_payload("good")}));
  EXPECT_EQ(message_of(batch, 0).defect,
            R"(row 17: the transformer failed on it: 'no \x0A such\xFF field')");
  EXPECT_EQ(message_of(batch, 1).value, "good");
}

TEST(Transformer, that_throws_on_a_topic_makes_a_dead_letter) {
  PrepareOptions options = options_of();
  options.transformer.topic = [](const RouteInput&) -> std::string {
    throw std::runtime_error("no topic");
  };
  EXPECT_EQ(prepare(order_row(), options).defect,
            "row 17: the transformer failed on its topic: 'no topic'");
}

}  // namespace
}  // namespace outbox::relay
