// SPDX-License-Identifier: Apache-2.0
//
// The site, and the threads that ask its stores and brokers. Each of them is asked on a thread of
// its own, so that one that does not answer holds up no other, nor who asks: after the site's
// time-out that gets Error(unreachable), and whoever asks next, too, until the thread is back.
// Connections are kept for a while after a question, and closed when nobody asks any more.
//
// A question must hold what it needs by value: who asked may be gone before it is answered.
//
// Thread-safety: all of it from any thread. Its destruction waits for what is being asked, which
// the homes' own time-outs bound.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/desk.hpp"
#include "admin/site.hpp"
#include "admin/topic_pages.hpp"

namespace outbox::admin {

/// The seams of one store for the thread that asks it, each made when it is first wanted.
class StoreSeams {
 public:
  explicit StoreSeams(const StoreSite& site) : site_(site) {}

  [[nodiscard]] const StoreSite& site() const noexcept { return site_; }
  [[nodiscard]] store::EventLookup& lookup();
  [[nodiscard]] store::DeadRows& dead_rows();
  [[nodiscard]] store::Controls& controls();
  [[nodiscard]] store::LetterMarks& letter_marks();
  [[nodiscard]] store::Diagnosis& diagnosis();
  [[nodiscard]] store::Backlog& backlog();
  [[nodiscard]] store::Leases& leases(std::size_t relay);
  [[nodiscard]] store::Backlog& backlog(std::size_t relay);
  /// Closes the connections of all.
  void close() noexcept;

 private:
  struct RelaySeams {
    std::unique_ptr<store::Leases> leases;
    std::unique_ptr<store::Backlog> backlog;
  };

  const StoreSite& site_;
  std::unique_ptr<store::EventLookup> lookup_;
  std::unique_ptr<store::DeadRows> dead_rows_;
  std::unique_ptr<store::Controls> controls_;
  std::unique_ptr<store::LetterMarks> letter_marks_;
  std::unique_ptr<store::Diagnosis> diagnosis_;
  std::unique_ptr<store::Backlog> backlog_;
  std::map<std::size_t, RelaySeams> relays_;
};

/// The same of the brokers.
class BrokerSeams {
 public:
  explicit BrokerSeams(const Site& site) : site_(site) {}

  [[nodiscard]] const Site& site() const noexcept { return site_; }
  [[nodiscard]] broker::Admin& admin();
  /// For what partitions hold. The pages have another: a broker answers a connection in turn, and
  /// a question would wait behind every fetch that waits for messages.
  [[nodiscard]] broker::Reader& reader();
  [[nodiscard]] TopicPages& pages();
  void close() noexcept;

 private:
  const Site& site_;
  std::unique_ptr<broker::Admin> admin_;
  std::unique_ptr<broker::Reader> reader_;
  std::unique_ptr<broker::Reader> fetching_;
  std::unique_ptr<TopicPages> pages_;
};

/// Questions that are answered at once, and those for which much is read: the latter never hold up
/// the former.
enum class Pace : std::uint8_t { quick, slow };

class Office {
 public:
  explicit Office(Site site);
  ~Office();
  Office(const Office&) = delete;
  Office& operator=(const Office&) = delete;

  [[nodiscard]] const Site& site() const noexcept { return site_; }

  /// The answer, or what the question threw. Throws Error(not_found) for a store that is none.
  template <class Result>
  Result ask(const std::string& store, Pace pace, std::function<Result(StoreSeams&)> question) {
    return desk_of(store, pace).template ask<Result>(patience(pace), std::move(question));
  }

  /// The same, to be waited for later.
  template <class Result>
  PendingAnswer<Result> begin(const std::string& store, Pace pace,
                              std::function<Result(StoreSeams&)> question) {
    return desk_of(store, pace).template begin<Result>(std::move(question));
  }

  /// Throws Error(configuration) where no brokers are configured.
  template <class Result>
  Result ask_broker(Pace pace, std::function<Result(BrokerSeams&)> question) {
    return broker_desk(pace).template ask<Result>(patience(pace), std::move(question));
  }

  /// The same, to be waited for later.
  template <class Result>
  PendingAnswer<Result> begin_broker(Pace pace, std::function<Result(BrokerSeams&)> question) {
    return broker_desk(pace).template begin<Result>(std::move(question));
  }

  /// What one of the stores answered, or why it did not.
  template <class Result>
  struct Told {
    const StoreSite* store = nullptr;
    std::optional<Result> answer;
    std::string error;
    ErrorKind error_kind = ErrorKind::failed;
  };

  /// All of them at once, in the order given.
  template <class Result>
  std::vector<Told<Result>> ask_all(const std::vector<const StoreSite*>& stores, Pace pace,
                                    const std::function<Result(StoreSeams&)>& question) {
    std::vector<Told<Result>> all;
    std::vector<PendingAnswer<Result>> pending;
    const Moment deadline = BootClock::now() + patience(pace);
    for (const StoreSite* store : stores) {
      all.push_back({store, std::nullopt, {}, ErrorKind::failed});
      pending.push_back(desk_of(store->name, pace).template begin<Result>(question));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      try {
        all[i].answer = pending[i].wait_until(deadline);
      } catch (const Error& error) {
        all[i].error = error.what();
        all[i].error_kind = error.kind();
      } catch (const std::exception& error) {
        all[i].error = error.what();
      }
    }
    return all;
  }

 private:
  [[nodiscard]] std::chrono::milliseconds patience(Pace pace) const {
    return pace == Pace::quick ? site_.quick_timeout : site_.slow_timeout;
  }
  [[nodiscard]] Desk<StoreSeams>& desk_of(const std::string& store, Pace pace);
  [[nodiscard]] Desk<BrokerSeams>& broker_desk(Pace pace);

  const Site site_;
  std::map<std::pair<std::string, Pace>, std::unique_ptr<Desk<StoreSeams>>> stores_;
  std::map<Pace, std::unique_ptr<Desk<BrokerSeams>>> brokers_;
};

}  // namespace outbox::admin
