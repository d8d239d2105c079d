// SPDX-License-Identifier: Apache-2.0
//
// A JSON object being changed. Only the objects and arrays on the way to a field that a step names
// are taken apart; everything else stays the text it was, so that numbers leave digit by digit as
// they came and fields keep their order.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outbox::relay {

/// Fields are dotted paths. A path goes through arrays into each of their objects; a name that
/// itself has dots is found too; of a name that stands twice, both are meant (a mask must not miss
/// one).
class JsonDraft {
 public:
  /// `object` is a checked JSON object and outlives the draft, as do all texts given below.
  explicit JsonDraft(std::string_view object);

  void pick(const std::vector<std::string>& paths);
  void drop(const std::vector<std::string>& paths);

  /// Puts `json` in place of each field that is there.
  void replace(const std::vector<std::string>& paths, std::string_view json);

  /// Each pair from, to. All at once, so that two fields can change places. Where both stand in the
  /// same object the field keeps its place there (in each object of an array), else it moves to the
  /// end of the other object (not out of or into arrays). A field that had the new name goes. False
  /// with the path in `fault` where the way to the new name leads through something that is no
  /// object.
  [[nodiscard]] bool rename(const std::vector<std::pair<std::string, std::string>>& pairs,
                            std::string& fault);

  /// Puts the field there, in place of one of that name or else at the end, and makes objects on
  /// the way that are missing. False where something on the way is no object.
  [[nodiscard]] bool add(std::string_view path, std::string_view json);

  /// Keeps a text alive as long as the draft.
  [[nodiscard]] std::string_view own(std::string text);

  void write_to(std::string& out) const;

 private:
  struct Member;

  // Text, until someone wants to change something inside.
  struct Node {
    std::string_view text;
    bool opened = false;
    bool is_array = false;
    std::vector<Member> members;
  };

  struct Member {
    std::string_view name;       // Decoded, for comparing; empty in arrays.
    std::string_view name_text;  // As it is written, without quotes.
    Node value;
    bool renamed = false;
  };

  static bool is_container(const Node& node);
  bool open(Node& node);
  Member member(std::string_view name, Node value);

  void pick(Node& node, const std::vector<std::string_view>& paths);
  void drop(Node& node, std::string_view path);
  void replace(Node& node, std::string_view path, std::string_view json);
  bool add(Node& node, std::string_view path, Node value);
  bool take(Node& node, std::string_view path, Node& taken);
  using Names = std::vector<std::pair<std::string_view, std::string_view>>;
  void rename_in(Node& node, std::string_view parent, const Names& names);
  void rename_members(Node& node, const Names& names);
  static void write(std::string& out, const Node& node);

  Node root_;
  std::deque<std::string> texts_;
};

}  // namespace outbox::relay
