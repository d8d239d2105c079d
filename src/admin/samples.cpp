// SPDX-License-Identifier: Apache-2.0
#include "admin/samples.hpp"

#include <exception>
#include <memory>
#include <set>
#include <utility>

#include <outbox/error.hpp>

namespace outbox::admin {
namespace {

constexpr std::int64_t count_max = 100'000;
constexpr std::size_t slots_max = 100;
constexpr std::size_t topics_max = 1'000;
constexpr std::chrono::milliseconds broker_timeout{5'000};
constexpr int intervals_without_answer = 3;

/// What a store has not got, or this user may not see, is left out; only a store that is not
/// reached is down. False: it failed in another way, so that it may be there all the same.
template <class Look>
bool look_where_possible(Look look) {
  try {
    look();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unreachable) throw;
    return error.kind() == ErrorKind::configuration;
  } catch (const std::exception&) {
    return false;
  }
  return true;
}

/// The connections of one store, thrown away after an error.
struct StoreEyes {
  std::unique_ptr<store::Diagnosis> diagnosis;
  std::unique_ptr<store::Backlog> backlog;
  std::unique_ptr<store::Controls> controls;

  StoreSample look(const StoreSite& site) {
    StoreSample sample;
    sample.store = site.name;
    sample.at = BootClock::now();
    sample.at_us = wall_clock_us();
    if (backlog == nullptr) backlog = site.home.backlog();
    sample.backlog = backlog->view(count_max);
    sample.backlog.blocked_keys.clear();
    sample.backlog.pending_by_type.clear();
    if (diagnosis == nullptr) diagnosis = site.home.diagnosis();
    look_where_possible([&] { sample.table = diagnosis->figures(); });
    sample.are_slots_known =
        look_where_possible([&] { sample.slots = diagnosis->replication_slots(); });
    if (sample.slots.size() > slots_max) sample.slots.resize(slots_max);
    sample.are_held_topics_known = look_where_possible([&] { look_at_held_topics(site, sample); });
    sample.answered = true;
    return sample;
  }

  void look_at_held_topics(const StoreSite& site, StoreSample& sample) {
    if (controls == nullptr) controls = site.home.controls();
    std::set<std::string> held;
    for (store::HeldTopic& topic : controls->held_topics()) {
      if (held.size() < topics_max) held.insert(std::move(topic.topic));
    }
    sample.held_topics.assign(held.begin(), held.end());
  }
};

}  // namespace

Sampler::Sampler(const Site& site, std::chrono::milliseconds interval, Logger& logger)
    : site_(site), interval_(interval), logger_(logger) {
  for (const StoreSite& store : site_.stores) {
    threads_.emplace_back(
        [this, &store](const std::stop_token& stop) { keep_sampling(store, stop); });
  }
  if (site_.has_broker) {
    threads_.emplace_back([this](const std::stop_token& stop) { keep_sampling_brokers(stop); });
  }
}

Sampler::~Sampler() {
  for (std::jthread& thread : threads_)
    thread.request_stop();
}

Samples Sampler::latest() const {
  const Moment now = BootClock::now();
  const Duration patience = interval_ * intervals_without_answer + broker_timeout;
  Samples samples;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, sample] : stores_) {
    StoreSample& copy = samples.stores.emplace_back(sample);
    if (copy.answered && now - copy.at > patience) {
      copy.answered = false;
      copy.error = "it does not answer";
    }
  }
  samples.awaited = site_.stores.size() - samples.stores.size();
  samples.broker = broker_;
  if (samples.broker && samples.broker->answered && now - samples.broker->at > patience) {
    samples.broker->answered = false;
    samples.broker->error = "they do not answer";
  }
  return samples;
}

void Sampler::keep_sampling(const StoreSite& site, const std::stop_token& stop) {
  StoreEyes eyes;
  do {
    StoreSample sample;
    try {
      sample = eyes.look(site);
    } catch (const std::exception& error) {
      eyes = {};
      sample.store = site.name;
      sample.at = BootClock::now();
      sample.at_us = wall_clock_us();
      sample.error = error.what();
      logger_.debug("the figures of a store could not be looked up",
                    {{"store", site.name}, {"error", error.what()}});
    }
    keep(std::move(sample));
  } while (!rest(stop));
}

void Sampler::keep_sampling_brokers(const std::stop_token& stop) {
  std::unique_ptr<broker::Admin> admin;
  do {
    BrokerSample sample;
    sample.at = BootClock::now();
    try {
      if (admin == nullptr) admin = site_.broker.admin();
      static_cast<void>(admin->cluster(broker_timeout));
      sample.answered = true;
    } catch (const std::exception& error) {
      admin.reset();
      sample.error = error.what();
    }
    const std::lock_guard lock(mutex_);
    broker_ = std::move(sample);
  } while (!rest(stop));
}

void Sampler::keep(StoreSample sample) {
  const std::lock_guard lock(mutex_);
  stores_[sample.store] = std::move(sample);
}

bool Sampler::rest(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, stop, interval_, [&] { return stop.stop_requested(); });
}

}  // namespace outbox::admin
