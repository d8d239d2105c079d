// SPDX-License-Identifier: Apache-2.0
#include "store/standing.hpp"

#include <algorithm>

#include <outbox/error.hpp>

#include <fmt/format.h>

namespace outbox::store {
namespace {

std::string joined(const std::vector<std::string>& words) {
  if (words.empty()) return "all";
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ",") + word;
  return text;
}

bool overlaps(const std::vector<std::string>& first, const std::vector<std::string>& second) {
  if (first.empty() || second.empty()) return true;
  return std::any_of(first.begin(), first.end(), [&second](const std::string& word) {
    return std::find(second.begin(), second.end(), word) != second.end();
  });
}

[[noreturn]] void conflict(const std::string& setting, const std::string& ours,
                           const std::string& theirs, const Standing& other) {
  throw Error(ErrorKind::conflict,
              fmt::format("{} is {} here, but {} for relay {}, which {} goes by", setting, ours,
                          theirs, other.terms.relay_name, other.member),
              "give both the same, or stop the other one first");
}

}  // namespace

void check_fit(const Terms& terms, const Standing& other) {
  if (other.terms.relay_name != terms.relay_name) {
    if (!overlaps(terms.aggregate_types, other.terms.aggregate_types)) return;
    throw Error(ErrorKind::conflict,
                fmt::format("relays.{}.aggregate-types ({}) and relays.{}.aggregate-types ({}, {}) "
                            "overlap",
                            terms.relay_name, joined(terms.aggregate_types), other.terms.relay_name,
                            joined(other.terms.aggregate_types), other.member),
                "divide the aggregate types, so that each row has one relay");
  }
  if (terms.capture != other.terms.capture) {
    conflict("relay.capture", terms.capture, other.terms.capture, other);
  }
  if (terms.settle != other.terms.settle) {
    conflict("relay.settle", terms.settle, other.terms.settle, other);
  }
  if (terms.delivery != other.terms.delivery) {
    conflict("relay.delivery", terms.delivery, other.terms.delivery, other);
  }
  if (terms.aggregate_types != other.terms.aggregate_types) {
    conflict("relay.aggregate-types", joined(terms.aggregate_types),
             joined(other.terms.aggregate_types), other);
  }
}

}  // namespace outbox::store
