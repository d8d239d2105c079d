// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/parameters.hpp"

namespace outbox::store::postgres {

Parameters& Parameters::begin(std::uint32_t type, int format) {
  types_.push_back(type);
  offsets_.push_back(static_cast<std::ptrdiff_t>(buffer_.size()));
  lengths_.push_back(0);
  formats_.push_back(format);
  return *this;
}

Parameters& Parameters::end() {
  lengths_.back() = static_cast<int>(static_cast<std::ptrdiff_t>(buffer_.size()) - offsets_.back());
  // A value in text format ends with a zero for libpq; in binary it does no harm.
  buffer_.push_back('\0');
  return *this;
}

Parameters& Parameters::integer(std::int32_t value) {
  begin(oid_int4);
  append_network(buffer_, value);
  return end();
}

Parameters& Parameters::number(std::int64_t value) {
  begin(oid_int8);
  append_network(buffer_, value);
  return end();
}

Parameters& Parameters::text(std::string_view value) {
  begin(oid_text);
  buffer_.append(value);
  return end();
}

Parameters& Parameters::optional_text(const std::optional<std::string>& value) {
  if (value) return text(*value);
  begin(oid_text);
  offsets_.back() = -1;
  return *this;
}

Parameters& Parameters::bytes(std::string_view value) {
  begin(oid_bytea);
  buffer_.append(value);
  return end();
}

Parameters& Parameters::uuid(const Uuid& value) {
  begin(oid_uuid);
  for (const std::uint8_t byte : value.bytes)
    buffer_.push_back(static_cast<char>(byte));
  return end();
}

Parameters& Parameters::untyped(std::optional<std::string_view> value) {
  begin(0, 0);
  if (!value) {
    offsets_.back() = -1;
    return *this;
  }
  buffer_.append(*value);
  return end();
}

void Parameters::begin_array(std::uint32_t type, std::uint32_t element_type, std::size_t size) {
  begin(type);
  append_network<std::int32_t>(buffer_, size == 0 ? 0 : 1);
  append_network<std::int32_t>(buffer_, 0);
  append_network(buffer_, element_type);
  if (size == 0) return;
  append_network(buffer_, static_cast<std::int32_t>(size));
  append_network<std::int32_t>(buffer_, 1);
}

void Parameters::element(std::string_view bytes) {
  append_network(buffer_, static_cast<std::int32_t>(bytes.size()));
  buffer_.append(bytes);
}

Parameters& Parameters::small_integers(std::span<const std::int16_t> values) {
  begin_array(oid_int2_array, oid_int2, values.size());
  for (const std::int16_t value : values) {
    append_network<std::int32_t>(buffer_, sizeof value);
    append_network(buffer_, value);
  }
  return end();
}

Parameters& Parameters::integers(std::span<const std::int32_t> values) {
  begin_array(oid_int4_array, oid_int4, values.size());
  for (const std::int32_t value : values) {
    append_network<std::int32_t>(buffer_, sizeof value);
    append_network(buffer_, value);
  }
  return end();
}

Parameters& Parameters::numbers(std::span<const std::int64_t> values) {
  begin_array(oid_int8_array, oid_int8, values.size());
  buffer_.reserve(buffer_.size() + values.size() * 12 + 1);
  for (const std::int64_t value : values) {
    append_network<std::int32_t>(buffer_, sizeof value);
    append_network(buffer_, value);
  }
  return end();
}

Parameters& Parameters::uuids(std::span<const Uuid> values) {
  begin_array(oid_uuid_array, oid_uuid, values.size());
  for (const Uuid& value : values) {
    append_network<std::int32_t>(buffer_, 16);
    for (const std::uint8_t byte : value.bytes)
      buffer_.push_back(static_cast<char>(byte));
  }
  return end();
}

Parameters::Arguments Parameters::arguments() const {
  values_.resize(offsets_.size());
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    values_[i] = offsets_[i] < 0 ? nullptr : buffer_.data() + offsets_[i];
  }
  return {types_.data(), values_.data(), lengths_.data(), formats_.data()};
}

}  // namespace outbox::store::postgres
