// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "admin/letter.hpp"
#include "admin/letter_access.hpp"

namespace outbox::admin {

/// How much of letters is read.
struct LetterDepth {
  std::size_t payload_bytes_max = 0;  ///< Of what is shown, or looked at.
  bool whole_messages = false;        ///< Messages are wanted as they are, to be sent.
};

/// Goes through all dead letters in the order of dead_letters.hpp, portion by portion. What a store
/// or a topic refuses is kept in errors(), and it goes on behind it. Used by one thread.
class LetterScan {
 public:
  /// Borrows the site and the access. Throws Error(not_found) for an unknown store.
  LetterScan(const Site& site, LetterAccess& access, LetterFilter filter, const LetterDepth& depth);

  /// Goes on where place() or place_behind() was. Throws Error(usage) for what is no such place.
  void go_on_at(const Json& place);

  /// Appends those of the next portion that match, at most `letters_max` looked at; false: that was
  /// the end. Throws Error(not_found) for a dead-letter topic that the filter names alone.
  bool next(std::vector<Letter>& letters, std::size_t letters_max, Moment deadline);

  [[nodiscard]] Json place() const;
  [[nodiscard]] static Json place_behind(const Letter& letter);

  /// [{store|topic, error}]
  [[nodiscard]] const Json& errors() const noexcept { return errors_; }

 private:
  struct Part {
    const StoreSite* store = nullptr;  ///< Null: a topic.
    std::string topic;
  };

  void read_rows(std::vector<Letter>& letters, std::size_t letters_max);
  void read_messages(std::vector<Letter>& letters, std::size_t letters_max, Moment deadline);
  void open_topic();
  void add_messages(std::vector<Letter>& letters, std::vector<broker::IncomingMessage> messages);
  void add_stages(std::vector<Letter>& letters, std::size_t from, const std::string& store);
  void leave_part();
  void fail(const char* what, const std::string& name, const std::string& error);

  const Site& site_;
  LetterAccess& access_;
  LetterFilter filter_;
  const LetterDepth depth_;
  std::vector<Part> parts_;
  std::size_t part_ = 0;
  std::optional<RowId> after_;      ///< In a store.
  bool is_open_ = false;            ///< The topic's spans are known.
  std::vector<TopicSpan> spans_;    ///< What is left of the topic, by partition.
  std::optional<TopicSpan> begin_;  ///< Where in the topic it begins, of a place.
  Json errors_ = Json::array();
};

}  // namespace outbox::admin
