// SPDX-License-Identifier: Apache-2.0
#include <curl/curl.h>
#include <fmt/format.h>

#include <mutex>
#include <outbox/error.hpp>
#include <string>
#include <vector>

#include "app/event_json.hpp"
#include "app/handlers.hpp"

namespace outbox::app {
namespace {

constexpr long connect_timeout_ms = 5'000;
constexpr std::size_t answer_bytes_max = 500;
constexpr long busy = 503;
constexpr long too_many = 429;

template <auto destroy>
struct Destroy {
  template <class Object>
  void operator()(Object* object) const noexcept {
    destroy(object);
  }
};
using Handle = std::unique_ptr<CURL, Destroy<&curl_easy_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, Destroy<&curl_slist_free_all>>;

// The beginning of an answer is enough for a reason; the rest is read and forgotten.
std::size_t take_answer(char* bytes, std::size_t size, std::size_t count, void* answer) {
  auto& text = *static_cast<std::string*>(answer);
  const std::size_t total = size * count;
  text.append(bytes, std::min(total, answer_bytes_max - std::min(text.size(), answer_bytes_max)));
  return total;
}

void add_header(HeaderList& headers, const std::string& line) {
  // The list is the first entry; only the first call changes it.
  curl_slist* const extended = curl_slist_append(headers.get(), line.c_str());
  if (extended == nullptr) throw std::bad_alloc();
  static_cast<void>(headers.release());
  headers.reset(extended);
}

std::string body_of(const config::HandlerSettings& handler, std::span<const ReceivedEvent> events) {
  std::string body;
  if (!handler.batch) {
    append_event_json(body, events.front());
    return body;
  }
  for (const ReceivedEvent& event : events) {
    body += body.empty() ? '[' : ',';
    append_event_json(body, event);
  }
  return body + "]";
}

// Whether it is certain that the endpoint did not take the events. One that took them and broke
// off may do so each time.
bool means_nobody_there(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return true;
    default:
      return false;
  }
}

}  // namespace

class HttpCaller::Pool {
 public:
  Handle take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Handle handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
      }
    }
    Handle handle(curl_easy_init());
    if (handle == nullptr) throw Error(ErrorKind::unreachable, "no memory for an HTTP connection");
    return handle;
  }

  void give_back(Handle handle) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(handle));
  }

 private:
  std::mutex mutex_;
  std::vector<Handle> idle_;  ///< As many as threads called at once.
};

HttpCaller::HttpCaller() : pool_(std::make_unique<Pool>()) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw Error(ErrorKind::failed, curl_easy_strerror(ready));
}

HttpCaller::~HttpCaller() = default;

void HttpCaller::post(const config::HandlerSettings& handler,
                      std::span<const ReceivedEvent> events) {
  post({handler.url, body_of(handler, events),
        handler.batch ? std::string() : to_string(events.front().event_id), handler.timeout});
}

void HttpCaller::post(const Post& post) {
  Handle owned = pool_->take();
  CURL* const handle = owned.get();
  std::string answer;
  HeaderList headers;
  add_header(headers, "Content-Type: application/json");
  add_header(headers, "Expect:");
  if (!post.idempotency_key.empty()) {
    add_header(headers, "Idempotency-Key: " + post.idempotency_key);
  }
  curl_easy_reset(handle);
  curl_easy_setopt(handle, CURLOPT_URL, post.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "outboxd/" OUTBOX_VERSION);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, post.body.data());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(post.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   std::min(connect_timeout_ms, static_cast<long>(post.timeout.count())));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take_answer);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  double connect_seconds = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME, &connect_seconds);
  pool_->give_back(std::move(owned));
  if (code != CURLE_OK) {
    // A connection that was not made in time is nobody there, an answer that did not come is the
    // event's.
    const bool nobody =
        means_nobody_there(code) || (code == CURLE_OPERATION_TIMEDOUT && connect_seconds == 0);
    throw Error(nobody ? ErrorKind::unreachable : ErrorKind::failed,
                fmt::format("{}: {}", post.url, curl_easy_strerror(code)));
  }
  if (status >= 200 && status < 300) return;
  const bool waits = status == busy || status == too_many;
  throw Error(waits ? ErrorKind::unreachable : ErrorKind::failed,
              fmt::format("{} answered {}: {}", post.url, status, answer));
}

}  // namespace outbox::app
