// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a request, and the fields of its body.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace shop {

/// Ends a request with an HTTP status, and the transaction with a rollback.
class Problem : public std::runtime_error {
 public:
  Problem(int status, std::string code, const std::string& message)
      : std::runtime_error(message), status_(status), code_(std::move(code)) {}

  [[nodiscard]] int status() const noexcept { return status_; }
  /// One word for programs: `unknown_product`.
  [[nodiscard]] const std::string& code() const noexcept { return code_; }

 private:
  int status_;
  std::string code_;
};

/// Ids and amounts in cents that a request may name: sums of them never leave 64 bits.
inline constexpr std::int64_t id_max = 1'000'000'000'000'000;

/// The members of a JSON object, each asked for by name. Throws Problem(422) naming the field.
class Fields {
 public:
  /// A member beyond `known` is most likely one with its name misspelt, and is refused before one
  /// is missed. `where` is put before the names, such as `items[2]`.
  Fields(const nlohmann::json& object, std::initializer_list<std::string_view> known,
         std::string where = {});

  [[nodiscard]] std::int64_t whole(std::string_view name, std::int64_t least,
                                   std::int64_t most) const;
  [[nodiscard]] std::int64_t whole_or(std::string_view name, std::int64_t least, std::int64_t most,
                                      std::int64_t fallback) const;
  [[nodiscard]] std::string text(std::string_view name, std::size_t bytes_max) const;
  [[nodiscard]] const nlohmann::json& array(std::string_view name, std::size_t size_max) const;

 private:
  [[nodiscard]] const nlohmann::json& at(std::string_view name) const;
  [[noreturn]] void refuse(std::string_view name, const std::string& what) const;

  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace shop
