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
// something other than a word stands. `#` begins a comment on MariaDB alone, and `/*!` is one to
// all but MariaDB, which runs what stands in it.
class Words {
 public:
  explicit Words(std::string_view sql, bool is_mariadb = false)
      : rest_(sql), is_mariadb_(is_mariadb) {}

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
      } else if (rest_.starts_with("--") || (is_mariadb_ && rest_.starts_with('#'))) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        skip_comment();
      } else {
        return;
      }
    }
  }

  void skip_comment() {
    if (is_mariadb_ && (rest_.starts_with("/*!") || rest_.starts_with("/*M!"))) {
      throw Error(ErrorKind::usage, "the statement hides its words in a comment that MariaDB runs",
                  "write them without /*! and */");
    }
    const std::size_t end = rest_.find("*/");
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 2);
  }

  std::string_view rest_;
  bool is_mariadb_;
};

void refuse_end(Words words) {
  constexpr std::array refused = {"BEGIN", "START", "COMMIT", "END", "ABORT"};
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

// What runs statements that these rules do not see: COMMIT AND CHAIN among them would go unnoticed,
// because it leaves a transaction open.
void refuse_hidden_statements(Words words) {
  constexpr std::array running = {"EXECUTE", "PREPARE", "IF",  "CASE",
                                  "LOOP",    "WHILE",   "FOR", "REPEAT"};
  const std::string first = words.next();
  const bool is_set = first == "SET" && words.next() == "STATEMENT";
  if (!is_set && std::find(running.begin(), running.end(), first) == running.end()) return;
  throw Error(ErrorKind::usage,
              fmt::format("{} could commit the transaction unseen on MariaDB",
                          is_set ? "SET STATEMENT" : first),
              "send the statements one by one, with $1 for what varies");
}

}  // namespace

void refuse_transaction_end(std::string_view sql) {
  refuse_end(Words(sql));
}

void refuse_implicit_commit(std::string_view sql) {
  constexpr std::array committing = {"ALTER",    "CREATE",   "DROP",   "GRANT",  "LOCK",
                                     "OPTIMIZE", "RENAME",   "REVOKE", "REPAIR", "ANALYZE",
                                     "FLUSH",    "TRUNCATE", "UNLOCK", "XA"};
  Words words(sql, true);
  refuse_end(words);
  refuse_hidden_statements(words);
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
