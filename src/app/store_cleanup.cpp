// SPDX-License-Identifier: Apache-2.0
#include "app/store_cleanup.hpp"

#include <chrono>
#include <memory>

#include "app/wire.hpp"
#include "jobs/kept_lock.hpp"

namespace outbox::app {
namespace {

using admin::Json;

constexpr std::int64_t count_max = 10'000'000;

void require_kept_rows(const config::Settings& settings) {
  if (keeps_published_rows(settings)) return;
  throw Error(ErrorKind::configuration,
              "relay.settle is delete: published rows are not kept, so there are none to clean up",
              "the inbox, if cleanup.inbox-retention says so, is cleaned up by `outboxd relay`");
}

std::unique_ptr<jobs::KeptLock> take_lock(const store::Home& store, Logger& logger) {
  auto lock = jobs::KeptLock::acquire(store.locks(),
                                      {.name = std::string("outbox_job:") + jobs::cleanup_job,
                                       .ttl = std::chrono::seconds(30),
                                       .timeout = std::chrono::milliseconds(0)},
                                      logger);
  if (lock == nullptr) {
    throw Error(ErrorKind::conflict, "another instance is cleaning up this outbox",
                "wait for its end, at most 30 s if it was killed");
  }
  return lock;
}

}  // namespace

store::RetentionView preview_cleanup(const config::Settings& settings) {
  require_kept_rows(settings);
  const jobs::CleanupTerms terms = cleanup_terms(settings);
  return make_whole_store(settings).retention()->preview(terms.request, terms.inbox_keep,
                                                         count_max);
}

CleanupOutcome clean_store(const config::Settings& settings, Logger& logger,
                           const std::stop_token& stop,
                           const std::function<void(const jobs::CleanupSummary&)>& progress) {
  require_kept_rows(settings);
  const store::Home store = make_whole_store(settings);
  const jobs::CleanupTerms terms = cleanup_terms(settings);
  const auto lock = take_lock(store, logger);
  std::stop_source ending;
  const auto request = [&] { ending.request_stop(); };
  const std::stop_callback at_the_end(stop, request);
  const std::stop_callback when_lost(lock->lost_token(), request);
  jobs::CleanupPace pace = cleanup_pace(settings);
  pace.after_error = std::chrono::seconds(1);
  pace.errors_max = 3;
  pace.progress = progress;
  const auto retention = store.retention();
  jobs::Cleanup cleanup(*retention, terms);
  const bool done = jobs::clean_up(cleanup, pace, logger, ending.get_token());
  if (!done && !stop.stop_requested()) {
    throw Error(ErrorKind::conflict, "the lock on cleaning up was lost",
                "run it again; what is done stays done");
  }
  return {cleanup.summary(), done};
}

Json preview_json(const config::Settings& settings, const store::RetentionView& view) {
  const std::string archive = cleanup_terms(settings).request.archive_table;
  return {{"dry_run", true},
          {archive.empty() ? "would_remove" : "would_archive", view.rows},
          {"archive_table", archive.empty() ? Json() : Json(archive)},
          {"inbox_would_remove", view.inbox_rows},
          {"exact", view.exact},
          {"partitions", Json{{"would_drop", view.partitions}, {"kept", view.kept}}}};
}

Json cleanup_json(const config::Settings& settings, const CleanupOutcome& outcome) {
  const std::string archive = cleanup_terms(settings).request.archive_table;
  const jobs::CleanupSummary& summary = outcome.summary;
  return {{"complete", outcome.whole},
          {archive.empty() ? "removed" : "archived", summary.rows},
          {"archive_table", archive.empty() ? Json() : Json(archive)},
          {"inbox_removed", summary.inbox_rows},
          {"partitions", Json{{"created", summary.created},
                              {"dropped", summary.dropped},
                              {"kept", summary.kept},
                              {"hindered", summary.hindered},
                              {"busy", summary.days_busy}}}};
}

}  // namespace outbox::app
