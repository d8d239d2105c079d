// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <optional>
#include <vector>

#include <outbox/error.hpp>

#include "http/session.hpp"

namespace outbox::http {
namespace {

using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

/// Files that the process needs besides connections.
constexpr std::size_t other_files = 128;
/// The kernel's room for one client: a slow one shall be noticed, not stored for.
constexpr int send_buffer_bytes = 128 * 1024;
constexpr std::chrono::seconds log_interval{10};
/// How long a client may be about to send a request while others want in.
constexpr std::chrono::seconds patience_where_full{1};

struct HostAndPort {
  std::string host;
  std::string port;
};

[[noreturn]] void refuse_address(const ServerOptions& options, const std::string& what) {
  throw Error(ErrorKind::configuration,
              fmt::format("{} is '{}', {}", options.address_setting, options.address, what),
              "give host:port, such as 127.0.0.1:8090 or [::]:8090");
}

HostAndPort split_address(const ServerOptions& options) {
  const std::string& address = options.address;
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) refuse_address(options, "which has no port");
  HostAndPort parts{address.substr(0, colon), address.substr(colon + 1)};
  if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  }
  unsigned port = 0;
  const char* end = parts.port.data() + parts.port.size();
  const auto [at, fault] = std::from_chars(parts.port.data(), end, port);
  if (parts.host.empty() || fault != std::errc() || at != end || port > 65'535) {
    refuse_address(options, "which is no host and port");
  }
  return parts;
}

std::unique_ptr<asio::ssl::context> make_tls(const ServerOptions& options) {
  if (options.certificate.empty()) return nullptr;
  auto tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(tls->native_handle(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(tls->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  ErrorCode error;
  tls->use_certificate_chain_file(options.certificate, error);
  if (!error) tls->use_private_key_file(options.key, asio::ssl::context::pem, error);
  if (error) {
    throw Error(ErrorKind::configuration,
                fmt::format("{}: the certificate {} and its key {} are of no use ({})",
                            options.tls_setting, options.certificate, options.key, error.message()),
                "give PEM files of a certificate chain and of the key that belongs to it");
  }
  return tls;
}

}  // namespace

void AnswerDesk::open(asio::io_context& context, Room& room) {
  const std::lock_guard lock(mutex_);
  context_ = &context;
  room_ = &room;
}

void AnswerDesk::close() {
  const std::lock_guard lock(mutex_);
  context_ = nullptr;
}

void AnswerDesk::hand_in(std::uint64_t waiting, Response response) {
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr) return;
  asio::post(*context_, [room = room_, waiting, answer = std::move(response)]() mutable {
    const auto found = room->waiting.extract(waiting);
    if (!found.empty()) found.mapped()->answered(std::move(answer));
  });
}

class Server::Parts {
 public:
  Parts(ServerOptions options, Application& application, Logger& logger)
      : options_(std::move(options)),
        room_{options_, application, logger},
        tls_(make_tls(options_)),
        acceptor_(context_.get_executor()),
        timer_(context_) {
    listen();
    room_.desk->open(context_, room_);
  }
  ~Parts() {
    room_.desk->close();
    room_.waiting.clear();
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  [[nodiscard]] std::string address() const { return address_; }
  [[nodiscard]] std::size_t pushes() const { return room_.pushes; }

  void run(const std::stop_token& stop, std::chrono::milliseconds closing) {
    raise_file_limit();
    accept();
    tick();
    {
      const std::stop_callback stopped(
          stop, [this] { asio::post(context_, [this] { begin_closing(); }); });
      closing_ = closing;
      context_.run();
    }
  }

  void post(std::function<void()> task) { asio::post(context_, std::move(task)); }

 private:
  void listen() {
    const HostAndPort parts = split_address(options_);
    ErrorCode error;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(parts.host, parts.port, tcp::resolver::passive, error);
    if (error || found.empty()) refuse_address(options_, "whose host is not known");
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.set_option(asio::socket_base::send_buffer_size(send_buffer_bytes), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use) {
      throw Error(
          ErrorKind::conflict,
          fmt::format("{} is {}, where another program listens", options_.address_setting,
                      options_.address),
          fmt::format("stop that program, or set {} to another port", options_.address_setting));
    }
    if (error)
      refuse_address(options_, fmt::format("where nobody may listen ({})", error.message()));
    const tcp::endpoint bound = acceptor_.local_endpoint();
    const std::string host = bound.address().to_string();
    address_ = fmt::format(fmt::runtime(bound.address().is_v6() ? "[{}]:{}" : "{}:{}"), host,
                           bound.port());
  }

  /// The limit of open files is often 1,024, and as often may be raised by everybody.
  void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = options_.pushes_max + options_.requests_max + other_files;
    if (limit.rlim_cur < wanted) {
      limit.rlim_cur = std::min(wanted, limit.rlim_max);
      setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted) {
      room_.logger.warn(
          "the limit of open files is lower than the clients that may come: raise it "
          "(LimitNOFILE, ulimit -n)",
          {{"files", static_cast<std::int64_t>(limit.rlim_cur)},
           {"clients", static_cast<std::int64_t>(options_.pushes_max)}});
    }
  }

  void accept() {
    if (is_accepting_ || room_.is_closing) return;
    if (room_.sessions.size() >= room_.pushes + options_.requests_max) {
      return make_room();  // tick() comes back
    }
    is_accepting_ = true;
    acceptor_.async_accept(context_.get_executor(), [this](ErrorCode error, Socket socket) {
      is_accepting_ = false;
      if (room_.is_closing) return;
      if (error) return accept_failed(error);
      begin(std::move(socket));
      accept();
    });
  }

  void make_room() {
    const Moment now = BootClock::now();
    for_each_session([now](Session& session) {
      const auto since = session.reading_since();
      if (since && now - *since > patience_where_full) session.cut();
    });
  }

  void accept_failed(ErrorCode error) {
    std::uint64_t suppressed = 0;
    if (room_.logger.may_repeat("accept", log_interval, suppressed)) {
      room_.logger.warn("a connection could not be taken",
                        {{"error", error.message()}, {"suppressed", suppressed}});
    }
    // Out of files, as a rule: trying again at once would do nothing else; tick() comes back.
  }

  void begin(Socket socket) {
    ErrorCode ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto patience = static_cast<int>(options_.idle_timeout.count());
    using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
    socket.set_option(UserTimeout(patience), ignored);
    if (tls_) return begin_tls_session(std::move(socket), *tls_, room_);
    begin_plain_session(std::move(socket), room_);
  }

  void tick() {
    timer_.expires_after(tick_interval);
    timer_.async_wait([this](ErrorCode error) {
      if (error || room_.is_closing) return;
      const Moment now = BootClock::now();
      for_each_session([now](Session& session) { session.tick(now); });
      room_.application.tick();
      accept();
      tick();
    });
  }

  /// A session may end while it is called, and others with it.
  template <class Call>
  void for_each_session(Call call) {
    const std::vector<Session*> all(room_.sessions.begin(), room_.sessions.end());
    for (Session* session : all) {
      if (room_.sessions.contains(session)) call(*session);
    }
  }

  void begin_closing() {
    if (room_.is_closing) return;
    room_.is_closing = true;
    close_by_ = BootClock::now() + closing_;
    ErrorCode ignored;
    acceptor_.close(ignored);
    for_each_session([](Session& session) { session.go_away(); });
    timer_.cancel();
    asio::post(context_, [this] { wait_for_sessions(); });
  }

  void wait_for_sessions() {
    const Moment now = BootClock::now();
    if (room_.sessions.empty() || (is_cut_ && now > close_by_)) return context_.stop();
    for_each_session([now](Session& session) { session.tick(now); });
    if (!is_cut_ && now > close_by_) {
      // Whoever has not answered by now; their clients still hear that there is no answer.
      is_cut_ = true;
      close_by_ = now + closing_timeout;
      for_each_session([](Session& session) { session.give_up(); });
    }
    constexpr std::chrono::milliseconds look_again{10};
    timer_.expires_after(look_again);
    timer_.async_wait([this](ErrorCode) { wait_for_sessions(); });
  }

  ServerOptions options_;
  Room room_;  // Before the context: what it still holds at its end goes back here.
  std::unique_ptr<asio::ssl::context> tls_;
  asio::io_context context_{1};
  Acceptor acceptor_;
  asio::steady_timer timer_;
  std::string address_;
  std::chrono::milliseconds closing_{};
  Moment close_by_{};
  bool is_accepting_ = false;
  bool is_cut_ = false;
};

Server::Server(ServerOptions options, Application& application, Logger& logger)
    : parts_(std::make_unique<Parts>(std::move(options), application, logger)) {}

Server::~Server() = default;

std::string Server::address() const {
  return parts_->address();
}

void Server::run(const std::stop_token& stop, std::chrono::milliseconds closing) {
  parts_->run(stop, closing);
}

void Server::post(std::function<void()> task) {
  parts_->post(std::move(task));
}

std::size_t Server::pushes() const {
  return parts_->pushes();
}

}  // namespace outbox::http
