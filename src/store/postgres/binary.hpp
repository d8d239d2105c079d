// SPDX-License-Identifier: Apache-2.0
//
// PostgreSQL's binary formats: numbers in network order, times in microseconds since 2000.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace outbox::store::postgres {

/// Type numbers of pg_type that never change.
enum TypeOid : std::uint32_t {
  oid_bool = 16,
  oid_bytea = 17,
  oid_int8 = 20,
  oid_int2 = 21,
  oid_int4 = 23,
  oid_text = 25,
  oid_json = 114,
  oid_bpchar = 1042,
  oid_varchar = 1043,
  oid_date = 1082,
  oid_timestamp = 1114,
  oid_timestamptz = 1184,
  oid_numeric = 1700,
  oid_uuid = 2950,
  oid_jsonb = 3802,
  oid_bool_array = 1000,
  oid_int2_array = 1005,
  oid_int4_array = 1007,
  oid_int8_array = 1016,
  oid_text_array = 1009,
  oid_uuid_array = 2951,
};

/// Microseconds between 1970 and 2000, PostgreSQL's epoch.
inline constexpr std::int64_t epoch_2000_us = 946'684'800'000'000LL;

template <class Number>
[[nodiscard]] Number network_number(const char* bytes) noexcept {
  std::make_unsigned_t<Number> value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    value = static_cast<std::make_unsigned_t<Number>>(value << 8U) |
            static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<Number>(value);
}

template <>
[[nodiscard]] inline std::int64_t network_number<std::int64_t>(const char* bytes) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<std::int64_t>(__builtin_bswap64(value));
}

template <>
[[nodiscard]] inline std::int32_t network_number<std::int32_t>(const char* bytes) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<std::int32_t>(__builtin_bswap32(value));
}

template <class Number>
void append_network(std::string& out, Number value) {
  auto rest = static_cast<std::make_unsigned_t<Number>>(value);
  char bytes[sizeof(Number)];
  for (std::size_t i = sizeof(Number); i-- > 0;) {
    bytes[i] = static_cast<char>(rest & 0xFFU);
    if constexpr (sizeof(Number) > 1) rest = static_cast<decltype(rest)>(rest >> 8U);
  }
  out.append(bytes, sizeof bytes);
}

}  // namespace outbox::store::postgres
