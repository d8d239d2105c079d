// SPDX-License-Identifier: Apache-2.0
//
// The values of one statement, in binary, in the order $1, $2 …
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/uuid.hpp>

#include "store/postgres/binary.hpp"

namespace outbox::store::postgres {

/// All bytes stand in one buffer, so that a statement costs no allocation a value. Not copied while
/// a statement runs; used by one thread.
class Parameters {
 public:
  Parameters& integer(std::int32_t value);
  Parameters& number(std::int64_t value);
  Parameters& text(std::string_view value);
  Parameters& optional_text(const std::optional<std::string>& value);
  Parameters& bytes(std::string_view value);
  Parameters& uuid(const Uuid& value);
  /// A text whose type the server works out from where it stands (json, uuid, an enum …).
  Parameters& untyped(std::optional<std::string_view> value);

  Parameters& small_integers(std::span<const std::int16_t> values);
  Parameters& integers(std::span<const std::int32_t> values);
  Parameters& numbers(std::span<const std::int64_t> values);
  Parameters& uuids(std::span<const Uuid> values);
  template <class Texts>
  Parameters& texts(const Texts& values) {
    begin_array(oid_text_array, oid_text, values.size());
    for (const auto& value : values)
      element(std::string_view(value));
    return end();
  }

  [[nodiscard]] int count() const noexcept { return static_cast<int>(types_.size()); }

  /// What libpq wants. Valid until the next change of this object.
  struct Arguments {
    const std::uint32_t* types;
    const char* const* values;
    const int* lengths;
    const int* formats;
  };
  [[nodiscard]] Arguments arguments() const;

 private:
  Parameters& begin(std::uint32_t type, int format = 1);
  Parameters& end();
  void begin_array(std::uint32_t type, std::uint32_t element_type, std::size_t size);
  void element(std::string_view bytes);

  std::string buffer_;
  std::vector<std::uint32_t> types_;
  std::vector<std::ptrdiff_t> offsets_;  // -1: NULL
  std::vector<int> lengths_;
  std::vector<int> formats_;
  mutable std::vector<const char*> values_;
};

}  // namespace outbox::store::postgres
