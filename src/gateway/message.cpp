// SPDX-License-Identifier: Apache-2.0
#include "gateway/message.hpp"

#include <array>
#include <utility>

#include "core/base64.hpp"
#include "core/json_text.hpp"

namespace outbox::gateway {
namespace {

using Field = std::string Subject::*;
constexpr std::array<std::pair<std::string_view, Field>, 3> fields = {{
    {"event_type", &Subject::event_type},
    {"aggregate_type", &Subject::aggregate_type},
    {"aggregate_id", &Subject::aggregate_id},
}};

std::string text_of(std::string_view value) {
  switch (json_type(value)) {
    case JsonType::string:
      return decode_json_string(value.substr(1, value.size() - 2));
    case JsonType::number:
      return std::string(value);
    default:
      return {};
  }
}

void fill_from_headers(const broker::IncomingMessage& incoming, Subject& subject) {
  for (const broker::IncomingHeader& header : incoming.headers) {
    for (const auto& [name, field] : fields) {
      if (header.name == name && header.value && (subject.*field).empty()) {
        subject.*field = *header.value;
      }
    }
  }
}

bool is_whole(const Subject& subject) {
  return !subject.event_type.empty() && !subject.aggregate_type.empty() &&
         !subject.aggregate_id.empty();
}

void fill_from_envelope(std::string_view value, Subject& subject) {
  value = trim_json(value);
  if (!value.starts_with('{') || find_json_fault(value)) return;
  // What headers said stays; of a member that stands twice the first counts.
  for (JsonWalk walk(value); walk.next();) {
    for (const auto& [name, field] : fields) {
      if (walk.name() == name && (subject.*field).empty()) subject.*field = text_of(walk.value());
    }
  }
}

/// `"key":"a"`, or where it is no text `"key":null,"key_base64":"..."`.
void append_text_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  if (!find_utf8_fault(text)) {
    out += "\":";
    return append_json_string(out, text);
  }
  out += "\":null,\"";
  out += name;
  out += "_base64\":\"";
  append_base64(out, text);
  out += '"';
}

std::string resumable(const Message& message, std::string_view position) {
  std::string out;
  const std::string& value = message.value->bytes;
  out.reserve(value.size() + position.size() + 64);
  out += "{\"position\":";
  append_json_string(out, position);
  if (message.key) {
    append_text_member(out, "key", *message.key);
  } else {
    out += ",\"key\":null";
  }
  if (message.is_tombstone) {
    out += ",\"value\":null";
  } else if (!find_json_fault(value)) {
    out += ",\"value\":";
    out += trim_json(value);
  } else {
    append_text_member(out, "value", value);
  }
  out += '}';
  return out;
}

/// Each line of a text becomes a line `data:`; a client puts them together again with \n.
void append_data(std::string& out, std::string_view text) {
  out += "data:";
  bool after_return = false;
  for (const char letter : text) {
    if (letter == '\n' && after_return) {
      after_return = false;
      continue;
    }
    after_return = letter == '\r';
    if (letter == '\r' || letter == '\n') {
      out += "\ndata:";
    } else {
      // A space after the colon belongs to the syntax; one more keeps a value's own.
      if (letter == ' ' && out.ends_with("data:")) out += ' ';
      out += letter;
    }
  }
  out += '\n';
}

void append_id(std::string& out, std::string_view position) {
  out += "id:";
  out += position;
  out += '\n';
}

std::string event_of(const Message& message, std::string_view position) {
  std::string out;
  const http::Payload& value = *message.value;
  out.reserve(value.bytes.size() + position.size() + 32);
  append_id(out, position);
  if (value.is_binary) {
    out += "event:base64\ndata:";
    append_base64(out, value.bytes);
    out += '\n';
  } else {
    append_data(out, value.bytes);
  }
  out += '\n';
  return out;
}

http::PayloadPointer payload_of(std::string bytes) {
  return std::make_shared<const http::Payload>(http::Payload{std::move(bytes), false});
}

}  // namespace

std::size_t Message::bytes() const {
  constexpr std::size_t besides = 320;  // The objects themselves and their places in containers.
  return besides + value->bytes.size() + (key ? key->size() : 0) + subject.event_type.size() +
         subject.aggregate_type.size() + subject.aggregate_id.size();
}

MessagePointer read_message(broker::IncomingMessage&& incoming, std::size_t slot) {
  auto message = std::make_shared<Message>();
  message->slot = slot;
  message->offset = incoming.offset;
  fill_from_headers(incoming, message->subject);
  if (!is_whole(message->subject) && incoming.value) {
    fill_from_envelope(*incoming.value, message->subject);
  }
  message->key = std::move(incoming.key);
  message->is_tombstone = !incoming.value;
  http::Payload payload;
  payload.bytes = std::move(incoming.value).value_or(std::string());
  payload.is_binary = find_utf8_fault(payload.bytes).has_value();
  message->value = std::make_shared<const http::Payload>(std::move(payload));
  return message;
}

http::PayloadPointer encode(const Message& message, Form form, std::string_view position) {
  switch (form) {
    case Form::plain:
      break;
    case Form::resumable:
      return payload_of(resumable(message, position));
    case Form::event_stream:
      return payload_of(event_of(message, position));
  }
  return message.value;
}

http::PayloadPointer encode_gap(Form form, std::string_view from, std::string_view to) {
  if (form == Form::plain) return nullptr;
  std::string gap = "{\"gap\":true,\"from\":";
  append_json_string(gap, from);
  gap += ",\"to\":";
  append_json_string(gap, to);
  gap += '}';
  if (form == Form::resumable) return payload_of(std::move(gap));
  std::string event;
  append_id(event, to);
  event += "event:gap\ndata:" + gap + "\n\n";
  return payload_of(std::move(event));
}

http::PayloadPointer encode_position(Form form, std::string_view position) {
  std::string out;
  switch (form) {
    case Form::plain:
      return nullptr;
    case Form::resumable:
      out = "{\"position\":";
      append_json_string(out, position);
      return payload_of(out + '}');
    case Form::event_stream:
      append_id(out, position);
      return payload_of(out + '\n');
  }
  return nullptr;
}

}  // namespace outbox::gateway
