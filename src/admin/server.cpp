// SPDX-License-Identifier: Apache-2.0
#include "admin/server.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "admin/openapi.hpp"
#include "admin/problem.hpp"
#include "admin/watch.hpp"
#include "admin/workers.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t body_bytes_max = 1U << 20U;
constexpr std::size_t header_bytes_max = 16U << 10U;
constexpr std::size_t waiting_max = 64;
constexpr std::chrono::seconds request_timeout{10};
/// More than the services take for one question (Site::slow_timeout), and for one before it.
constexpr std::chrono::seconds answer_timeout{20};
/// For what is being worked on when the server stops; the rest is told that it does.
constexpr std::chrono::seconds closing_time{3};
/// Every question is answered long before: a worker that takes longer hangs.
constexpr std::chrono::seconds hang_time{60};
constexpr std::chrono::seconds log_interval{10};

constexpr const char* page_policy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'";

bool changes_something(std::string_view method) {
  return method == "POST" || method == "PATCH" || method == "DELETE" || method == "PUT";
}

bool is_json(const http::Request& request) {
  const std::string_view type = request.header("Content-Type").value_or("");
  std::string_view name = type.substr(0, type.find(';'));
  while (name.ends_with(' '))
    name.remove_suffix(1);
  return http::equal_without_case(name, "application/json");
}

Lane lane_of(const Route& route) {
  if (route.from_memory) return Lane::memory;
  return route.pace == Pace::quick ? Lane::quick : Lane::slow;
}

http::Response busy() {
  http::Response response = problem(503, "too many requests are being worked on",
                                    "try again in a second; admin.threads says how many may be");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

http::Response failed(Logger& logger, const std::string& path, const char* what) {
  std::uint64_t suppressed = 0;
  if (logger.may_repeat("admin request", log_interval, suppressed)) {
    logger.error("an admin request failed",
                 {{"path", clean_utf8(path)}, {"error", what}, {"suppressed", suppressed}});
  }
  return problem(500, "that failed", "the log of outboxd says why");
}

/// Whether a change was made is not known where a store stopped answering meanwhile.
http::Response with_outcome(const http::Response& response, bool was_asked) {
  Json document = Json::parse(response.body, nullptr, false);
  document["outcome"] = was_asked ? "unknown" : "not_carried_out";
  if (was_asked) document["remedy"] = "it may yet be carried out; GET /api/v1/audit shows whether";
  http::Response told = response;
  told.body = to_text(document) + "\n";
  return told;
}

http::Response response_of(Reply reply) {
  if (!reply.content_type.empty())
    return {reply.status, std::move(reply.text), std::move(reply.content_type), {}};
  if (reply.status == 204) return {204, "", "", {}};
  return json_answer(reply.status, reply.document);
}

http::ServerOptions server_options(const AdminOptions& options) {
  http::ServerOptions server = options.server;
  server.pushes_max = std::max<std::size_t>(options.connections_max / 4, 1);
  server.requests_max = std::max<std::size_t>(options.connections_max - server.pushes_max, 1);
  server.body_bytes_max = body_bytes_max;
  server.header_bytes_max = header_bytes_max;
  server.request_timeout = request_timeout;
  server.answer_timeout = answer_timeout;
  return server;
}

}  // namespace

class AdminServer::Parts : public http::Application {
 public:
  Parts(AdminOptions options, std::shared_ptr<Services> services, Logger& logger)
      : page_(options.page),
        logger_(logger),
        access_(options.access),
        services_(std::move(services)),
        server_(server_options(options), *this, logger),
        watch_([this] { return current(); },
               [this](std::function<void()> task) { server_.post(std::move(task)); }, logger),
        workers_(std::make_unique<Workers>(options.threads, waiting_max)) {}
  ~Parts() override {
    watch_.stop();
    workers_.reset();
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  [[nodiscard]] std::string address() const { return server_.address(); }
  void run(const std::stop_token& stop) { server_.run(stop, closing_time); }
  void replace(std::shared_ptr<Services> services) {
    {
      const std::lock_guard lock(mutex_);
      services_.swap(services);
    }
    watch_.changed();
  }

  http::Answer answer(const http::Request& request) override;
  http::Response refused(int status, const std::string& what) override {
    return secured(problem(status, what));
  }
  http::Response unanswered(const std::string& method, const std::string& what) override {
    const http::Response response = problem(503, what);
    return secured(changes_something(method) ? with_outcome(response, true) : response);
  }

 private:
  [[nodiscard]] std::shared_ptr<Services> current() {
    const std::lock_guard lock(mutex_);
    return services_;
  }
  [[nodiscard]] http::Answer routed(const http::Request& request);
  [[nodiscard]] http::Answer called(const http::Request& request, const RouteFound& found,
                                    const Caller& caller);
  [[nodiscard]] http::Answer at_once(const http::Request& request, const Route& route,
                                     const Input& input, const Caller& caller);
  [[nodiscard]] http::Answer ready(const http::Request& request, const Input& input, Role role);
  [[nodiscard]] http::Answer later(const http::Request& request, const Route& route, Input input,
                                   const Caller& caller);
  [[nodiscard]] http::Response page_file(const http::Request& request) const;
  [[nodiscard]] http::Response live() const;
  [[nodiscard]] http::Response worked(const Call& call, const Route& route);
  [[nodiscard]] static http::Response secured(http::Response response,
                                              const http::NamedTexts& headers = {});
  void note_refusal(const http::Request& request, int status);

  const std::span<const PageFile> page_;
  Logger& logger_;
  Access access_;
  std::mutex mutex_;
  std::shared_ptr<Services> services_;
  LongJobs jobs_;
  http::Server server_;
  Watch watch_;
  std::unique_ptr<Workers> workers_;  // Last: they use all of it.
};

http::Answer AdminServer::Parts::answer(const http::Request& request) {
  const http::NamedTexts shared = access_.shared_headers(request);
  http::Answer answer = routed(request);
  if (auto* response = std::get_if<http::Response>(&answer)) {
    if (response->status == 401 || response->status == 403) note_refusal(request, response->status);
    return secured(std::move(*response), shared);
  }
  if (auto* push = std::get_if<http::Upgrade>(&answer)) {
    push->headers = shared;
    push->headers.emplace_back("X-Content-Type-Options", "nosniff");
  }
  return answer;
}

http::Response AdminServer::Parts::secured(http::Response response,
                                           const http::NamedTexts& headers) {
  const auto put = [&](const char* name, const char* value) {
    const bool is_there = std::any_of(response.headers.begin(), response.headers.end(),
                                      [&](const auto& header) { return header.first == name; });
    if (!is_there) response.headers.emplace_back(name, value);
  };
  put("Cache-Control", "no-store");
  put("Content-Security-Policy", page_policy);
  put("X-Frame-Options", "DENY");
  put("Referrer-Policy", "no-referrer");
  put("Cross-Origin-Resource-Policy", "same-origin");
  for (const auto& header : headers)
    response.headers.push_back(header);
  return response;
}

void AdminServer::Parts::note_refusal(const http::Request& request, int status) {
  std::uint64_t suppressed = 0;
  if (!logger_.may_repeat("admin refusal", log_interval, suppressed)) return;
  logger_.warn("an admin request was refused", {{"status", status},
                                                {"peer", request.peer},
                                                {"path", clean_utf8(request.path.substr(0, 200))},
                                                {"suppressed", suppressed}});
}

http::Answer AdminServer::Parts::routed(const http::Request& request) {
  if (auto refusal = access_.refuse_place(request)) return std::move(*refusal);
  const RouteFound found = find_route(request.method, request.path);
  if (found.allowed_methods.empty()) {
    return problem(404, "there is nothing under this path", "see /openapi.json for what there is");
  }
  if (request.method == "OPTIONS") {
    return http::Response{204, "", "", {{"Allow", found.allowed_methods}}};
  }
  if (found.route == nullptr) {
    http::Response response =
        problem(405, "this path takes no such method", "use one of: " + found.allowed_methods);
    response.headers.emplace_back("Allow", found.allowed_methods);
    return response;
  }
  auto admitted = access_.admit(request, found.route->role, BootClock::now());
  if (auto* refusal = std::get_if<http::Response>(&admitted)) return std::move(*refusal);
  try {
    return called(request, found, std::get<Caller>(admitted));
  } catch (const Error& error) {
    return problem(error);
  }
}

http::Answer AdminServer::Parts::called(const http::Request& request, const RouteFound& found,
                                        const Caller& caller) {
  const Route& route = *found.route;
  Input input;
  input.take_path(route.path_fields, found.path_values);
  input.take_query(route.query, request.query);
  if (!route.body.empty()) {
    // A page of another origin can send a form, but JSON only where it was allowed to.
    if (!is_json(request)) {
      return problem(415, "what changes something has to be JSON",
                     "send it with `Content-Type: application/json`");
    }
    input.take_body(route.body, request.body);
  } else if (changes_something(request.method) && !request.body.empty()) {
    if (!is_json(request)) {
      return problem(415, "this takes no body", "send none");
    }
    input.take_body({}, request.body);
  }
  if (route.handler == nullptr) return at_once(request, route, input, caller);
  return later(request, route, std::move(input), caller);
}

http::Answer AdminServer::Parts::at_once(const http::Request& request, const Route& route,
                                         const Input& input, const Caller& caller) {
  if (route.name == "livez") return live();
  if (route.name == "readyz") return ready(request, input, caller.role);
  if (route.name == "openapi") {
    return http::Response{200, std::string(openapi_text()), "application/json", {}};
  }
  if (route.name == "ticket") {
    const auto ticket = access_.make_ticket(caller, BootClock::now());
    if (!ticket) return busy();
    return json_answer(201,
                       {{"ticket", *ticket}, {"expires_in_seconds", Access::ticket_time.count()}});
  }
  if (route.name == "stream") {
    if (request.method == "HEAD") return http::Response{200, "", "text/event-stream", {}};
    return http::Upgrade{watch_.make_client(), false, {}, {}};
  }
  return page_file(request);
}

http::Answer AdminServer::Parts::ready(const http::Request& request, const Input& input,
                                       Role role) {
  return http::Later{[this, verbose = input.has("verbose"), tells_why = role != Role::anyone,
                      shared = access_.shared_headers(request)](
                         const std::function<void(http::Response)>& respond) {
    current()->readiness.ask([=](const std::vector<ReadyLine>& lines) {
      respond(secured({is_ready(lines) ? 200 : 503,
                       readiness_text(lines, verbose, tells_why),
                       "text/plain; charset=utf-8",
                       {}},
                      shared));
    });
  }};
}

http::Response AdminServer::Parts::live() const {
  const auto longest = workers_->longest(BootClock::now());
  if (longest < hang_time) return {200, "alive\n", "text/plain; charset=utf-8", {}};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(longest).count();
  return {503,
          "a request has been worked on for " + std::to_string(seconds) + " s\n",
          "text/plain; charset=utf-8",
          {}};
}

http::Response AdminServer::Parts::page_file(const http::Request& request) const {
  for (const PageFile& file : page_) {
    if (file.path != request.path) continue;
    const http::NamedTexts headers = {{"ETag", std::string(file.etag)},
                                      {"Cache-Control", "no-cache"}};
    const auto known = request.header("If-None-Match");
    if (known && known->find(file.etag) != std::string_view::npos) return {304, "", "", headers};
    return {200, std::string(file.bytes), std::string(file.content_type), headers};
  }
  return problem(404, "there is no such file");
}

http::Answer AdminServer::Parts::later(const http::Request& request, const Route& route,
                                       Input input, const Caller& caller) {
  const bool is_page = request.header("Sec-Fetch-Site").value_or("") == "same-origin";
  struct Task {
    Input input;
    Actor actor;
    Role role;
    http::NamedTexts shared;
    Moment asked_at;
  };
  auto task = std::make_shared<Task>(Task{std::move(input),
                                          {caller.who, is_page ? "page" : "api"},
                                          caller.role,
                                          access_.shared_headers(request),
                                          BootClock::now()});
  return http::Later{[this, task, &route](std::function<void(http::Response)> respond) {
    const bool taken = workers_->try_add(lane_of(route), [this, task, respond, &route] {
      // Nobody waits for it any more.
      if (BootClock::now() - task->asked_at > answer_timeout) return;
      const std::shared_ptr<Services> services = current();
      const Call call{services, jobs_, watch_, task->input, task->actor, task->role};
      respond(secured(worked(call, route), task->shared));
    });
    if (!taken) respond(secured(busy(), task->shared));
  }};
}

http::Response AdminServer::Parts::worked(const Call& call, const Route& route) {
  try {
    http::Response response = response_of(route.handler(call));
    if (changes_something(route.method)) watch_.changed();
    return response;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::failed)
      (void)failed(logger_, std::string(route.path), error.what());
    if (error.kind() != ErrorKind::unreachable || !changes_something(route.method)) {
      return problem(error);
    }
    watch_.changed();
    return with_outcome(problem(error),
                        std::string_view(error.what()).find(not_asked) == std::string_view::npos);
  } catch (const std::exception& error) {
    return failed(logger_, std::string(route.path), error.what());
  }
}

AdminServer::AdminServer(AdminOptions options, std::shared_ptr<Services> services, Logger& logger)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(services), logger)) {}

AdminServer::~AdminServer() = default;

std::string AdminServer::address() const {
  return parts_->address();
}

void AdminServer::run(const std::stop_token& stop) {
  parts_->run(stop);
}

void AdminServer::replace(std::shared_ptr<Services> services) {
  parts_->replace(std::move(services));
}

}  // namespace outbox::admin
