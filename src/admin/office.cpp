// SPDX-License-Identifier: Apache-2.0
#include "admin/office.hpp"

#include <utility>

namespace outbox::admin {
namespace {

// A name for the brokers' rights alone; no group of it is joined.
constexpr const char* reader_group = "outboxd-admin";

template <class Seam>
Seam& opened(std::unique_ptr<Seam>& seam, const std::function<std::unique_ptr<Seam>()>& maker,
             const StoreSite& site) {
  if (seam == nullptr) {
    if (!maker) {
      throw Error(ErrorKind::configuration,
                  "store " + site.name + ": its database does not offer this");
    }
    seam = maker();
  }
  return *seam;
}

}  // namespace

store::EventLookup& StoreSeams::lookup() {
  return opened(lookup_, site_.home.lookup, site_);
}

store::DeadRows& StoreSeams::dead_rows() {
  return opened(dead_rows_, site_.home.dead_rows, site_);
}

store::Controls& StoreSeams::controls() {
  return opened(controls_, site_.home.controls, site_);
}

store::LetterMarks& StoreSeams::letter_marks() {
  return opened(letter_marks_, site_.home.letter_marks, site_);
}

store::Diagnosis& StoreSeams::diagnosis() {
  return opened(diagnosis_, site_.home.diagnosis, site_);
}

store::Backlog& StoreSeams::backlog() {
  return opened(backlog_, site_.home.backlog, site_);
}

store::Leases& StoreSeams::leases(std::size_t relay) {
  return opened(relays_[relay].leases, site_.relays.at(relay).home.leases, site_);
}

store::Backlog& StoreSeams::backlog(std::size_t relay) {
  return opened(relays_[relay].backlog, site_.relays.at(relay).home.backlog, site_);
}

void StoreSeams::close() noexcept {
  lookup_.reset();
  dead_rows_.reset();
  controls_.reset();
  letter_marks_.reset();
  diagnosis_.reset();
  backlog_.reset();
  relays_.clear();
}

broker::Admin& BrokerSeams::admin() {
  if (admin_ == nullptr) admin_ = site_.broker.admin();
  return *admin_;
}

broker::Reader& BrokerSeams::reader() {
  if (reader_ == nullptr) reader_ = site_.broker.reader(reader_group);
  return *reader_;
}

TopicPages& BrokerSeams::pages() {
  if (pages_ == nullptr) {
    fetching_ = site_.broker.reader(reader_group);
    pages_ = std::make_unique<TopicPages>(*fetching_);
  }
  return *pages_;
}

void BrokerSeams::close() noexcept {
  pages_.reset();
  fetching_.reset();
  reader_.reset();
  admin_.reset();
}

// Desks are made here and never added: the maps may then be read from any thread.
Office::Office(Site site) : site_(std::move(site)) {
  for (const Pace pace : {Pace::quick, Pace::slow}) {
    for (const StoreSite& store : site_.stores) {
      stores_[{store.name, pace}] =
          std::make_unique<Desk<StoreSeams>>("store " + store.name, StoreSeams(store));
    }
    if (site_.has_broker) {
      brokers_[pace] = std::make_unique<Desk<BrokerSeams>>("Kafka", BrokerSeams(site_));
    }
  }
}

Office::~Office() = default;

Desk<StoreSeams>& Office::desk_of(const std::string& store, Pace pace) {
  return *stores_.at({site_.store(store).name, pace});
}

Desk<BrokerSeams>& Office::broker_desk(Pace pace) {
  const auto found = brokers_.find(pace);
  if (found == brokers_.end()) {
    throw Error(ErrorKind::configuration, "kafka.bootstrap-servers is not set",
                "set KAFKA_BOOTSTRAP_SERVERS or --kafka.bootstrap-servers");
  }
  return *found->second;
}

}  // namespace outbox::admin
