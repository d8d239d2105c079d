// SPDX-License-Identifier: Apache-2.0
//
// How dead letters are come by: through the office's desks, for a request that must be answered
// soon, or on connections of one's own, for work that takes long.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/office.hpp"
#include "admin/topic_pages.hpp"

namespace outbox::admin {

/// Used by one thread. All throw as the seams do.
class LetterAccess {
 public:
  virtual ~LetterAccess() = default;

  struct RowsWanted {
    std::optional<RowId> after;
    std::size_t rows_max = 0;
    std::size_t payload_bytes_max = 0;
  };
  virtual std::vector<store::EventView> rows(const StoreSite& site, const RowsWanted& wanted) = 0;
  virtual std::optional<store::EventView> row(const StoreSite& site, const RowId& id,
                                              std::size_t payload_bytes_max) = 0;
  virtual std::vector<store::LetterMark> marks(const StoreSite& site,
                                               const store::LetterPlace& first,
                                               std::size_t marks_max) = 0;
  virtual std::vector<broker::PartitionRange> ranges(const std::string& topic) = 0;
  virtual TopicPage read(const std::string& topic, const TopicSpan& span, std::size_t messages_max,
                         Moment deadline) = 0;
};

class OfficeAccess : public LetterAccess {
 public:
  explicit OfficeAccess(Office& office) : office_(office) {}

  std::vector<store::EventView> rows(const StoreSite& site, const RowsWanted& wanted) override;
  std::optional<store::EventView> row(const StoreSite& site, const RowId& id,
                                      std::size_t payload_bytes_max) override;
  std::vector<store::LetterMark> marks(const StoreSite& site, const store::LetterPlace& first,
                                       std::size_t marks_max) override;
  std::vector<broker::PartitionRange> ranges(const std::string& topic) override;
  TopicPage read(const std::string& topic, const TopicSpan& span, std::size_t messages_max,
                 Moment deadline) override;

 private:
  Office& office_;
};

class OwnAccess : public LetterAccess {
 public:
  explicit OwnAccess(const Site& site) : broker_(site) {}

  std::vector<store::EventView> rows(const StoreSite& site, const RowsWanted& wanted) override;
  std::optional<store::EventView> row(const StoreSite& site, const RowId& id,
                                      std::size_t payload_bytes_max) override;
  std::vector<store::LetterMark> marks(const StoreSite& site, const store::LetterPlace& first,
                                       std::size_t marks_max) override;
  std::vector<broker::PartitionRange> ranges(const std::string& topic) override;
  TopicPage read(const std::string& topic, const TopicSpan& span, std::size_t messages_max,
                 Moment deadline) override;

  [[nodiscard]] StoreSeams& seams(const StoreSite& site);

 private:
  std::map<std::string, StoreSeams> stores_;
  BrokerSeams broker_;
};

}  // namespace outbox::admin
