// SPDX-License-Identifier: Apache-2.0
#include "library/statement_rules.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <outbox/error.hpp>

#include <fmt/format.h>

namespace outbox::library {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == ';';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// Gives the words of a statement one by one, without comments, in capitals; an empty one where
// something other than a word stands.
class Words {
 public:
  explicit Words(std::string_view sql) : rest_(sql) {}

  std::string next() {
    skip_blank();
    std::string word;
    while (!rest_.empty() && is_letter(rest_.front())) {
      const char c = rest_.front();
      word += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      rest_.remove_prefix(1);
    }
    return word;
  }

 private:
  void skip_blank() {
    while (!rest_.empty()) {
      if (is_space(rest_.front())) {
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("*/")) {
        // PostgreSQL's comments nest, SQLite's end at the first mark: what follows either counts.
        rest_.remove_prefix(2);
      } else if (rest_.starts_with("--")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        skip_comment();
      } else {
        return;
      }
    }
  }

  void skip_comment() {
    const std::size_t end = rest_.find("*/");
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 2);
  }

  std::string_view rest_;
};

}  // namespace

void refuse_transaction_end(std::string_view sql) {
  constexpr std::array refused = {"BEGIN", "START", "COMMIT", "END", "ABORT"};
  Words words(sql);
  const std::string first = words.next();
  bool ends = std::find(refused.begin(), refused.end(), first) != refused.end();
  if (first == "PREPARE") ends = words.next() == "TRANSACTION";
  if (first == "ROLLBACK") {
    std::string word = words.next();
    if (word == "WORK" || word == "TRANSACTION") word = words.next();
    ends = word != "TO";
  }
  if (!ends) return;
  throw Error(ErrorKind::usage, fmt::format("{} is not a transaction's own to say", first),
              "return from the function to commit, throw to roll back");
}

void refuse_implicit_commit(std::string_view sql) {
  constexpr std::array committing = {"ALTER",    "CREATE",   "DROP",   "GRANT",  "LOCK",
                                     "OPTIMIZE", "RENAME",   "REVOKE", "REPAIR", "ANALYZE",
                                     "FLUSH",    "TRUNCATE", "UNLOCK", "XA"};
  Words words(sql);
  const std::string first = words.next();
  if (std::find(committing.begin(), committing.end(), first) == committing.end()) return;
  if ((first == "CREATE" || first == "DROP") && words.next() == "TEMPORARY") return;
  throw Error(ErrorKind::usage,
              fmt::format("{} would commit the transaction by itself on MariaDB", first),
              "run it by Database::script, apart from transactions");
}

void refuse_zero_bytes(std::span<const Parameter> parameters) {
  for (const Parameter& parameter : parameters) {
    if (!parameter.text() || parameter.text()->find('\0') == std::string::npos) continue;
    throw Error(ErrorKind::usage, "a parameter has a zero byte, which no text may have");
  }
}

}  // namespace outbox::library
