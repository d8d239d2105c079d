// SPDX-License-Identifier: Apache-2.0
#include "http/request.hpp"

#include <algorithm>

namespace outbox::http {
namespace {

int hex_digit(char letter) noexcept {
  if (letter >= '0' && letter <= '9') return letter - '0';
  const char lower = static_cast<char>(letter | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
      const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      result += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      result += plus_is_space && text[at] == '+' ? ' ' : text[at];
    }
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

/// Calls take(part) for each part between separators.
template <class Take>
void for_each_part(std::string_view text, char separator, Take take) {
  while (true) {
    const std::size_t at = text.find(separator);
    take(text.substr(0, at));
    if (at == std::string_view::npos) return;
    text.remove_prefix(at + 1);
  }
}

bool read_query(std::string_view text, NamedTexts& query) {
  bool fine = true;
  for_each_part(text, '&', [&](std::string_view part) {
    if (part.empty()) return;
    const std::size_t equals = part.find('=');
    auto name = decoded(part.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::optional<std::string>(std::string())
                                                  : decoded(part.substr(equals + 1), true);
    fine = fine && name && value;
    if (name && value) query.emplace_back(std::move(*name), std::move(*value));
  });
  return fine;
}

}  // namespace

bool equal_without_case(std::string_view one, std::string_view other) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  for_each_part(text, ',', [&](std::string_view part) {
    const std::string_view word = trimmed(part);
    if (!word.empty()) parts.emplace_back(word);
  });
  return parts;
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (equal_without_case(header, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  for (const auto& [parameter, value] : query) {
    if (parameter == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string> Request::list(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [parameter, value] : query) {
    if (parameter != name) continue;
    for (std::string& part : split_list(value))
      values.push_back(std::move(part));
  }
  return values;
}

bool read_target(std::string_view target, Request& request) {
  if (!target.starts_with('/')) return false;
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  auto path = decoded(target.substr(0, question), false);
  if (!path || path->find('\0') != std::string::npos) return false;
  request.path = std::move(*path);
  return question == std::string_view::npos ||
         read_query(target.substr(question + 1), request.query);
}

}  // namespace outbox::http
