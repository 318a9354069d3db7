#include "server/monitor_http.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>

#include "pipit_config.h"
#include "protocol/subject.h"
#include "server/broker.h"
#include "server/monitor_jetstream.h"
#include "server/monitor_json.h"
#include "server/reactor.h"
#include "transport/http_head.h"
#include "transport/tcp_listener.h"
#include "transport/tcp_stream.h"

namespace pipit {
namespace {

constexpr size_t kMaxPeers = 256;  // one more, and the oldest has to go
constexpr int64_t kDeadlineNs = 10 * kNsPerSecond;

std::string http_date() {
  const time_t now = time(nullptr);
  tm parts;
  gmtime_r(&now, &parts);
  char text[64];
  return {text, strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::string response(std::string_view status, std::string_view type, std::string_view body,
                     std::string_view more_headers, bool head_only) {
  std::string out = "HTTP/1.1 ";
  out.append(status).append("\r\n").append(more_headers);
  out.append("Content-Type: ").append(type);
  out += "\r\nDate: " + http_date() + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n";
  if (!head_only) out.append(body);
  return out;
}

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::array<std::string_view, 11> kNotBuilt = {
    "/routez", "/gatewayz", "/leafz", "/accountz", "/accstatz",
    "/ipqueuesz", "/raftz", "/stacksz", "/debug/vars", "/expvarz", "/profilez"};

}  // namespace

struct MonitorHttp::Impl {
  // One request and its answer; then the connection is closed.
  class Peer final : public net::StreamHandler {
   public:
    Peer(Impl& owner, uint64_t id, std::unique_ptr<net::ByteStream> stream)
        : owner_(owner), id_(id), stream_(std::move(stream)), timer_(*this, &Peer::on_deadline) {
      buffer_.resize(net::kMaxHttpHead);
      Reactor& reactor = owner_.home();
      reactor.timers().arm(timer_, reactor.now_ns() + kDeadlineNs);
    }
    ~Peer() override { owner_.home().timers().cancel(timer_); }
    void start() { stream_->start(this); }
    void answer(std::string text) {
      out_ = std::move(text);
      send();
    }
    bool ended() const { return ended_; }
    void end() {
      if (ended_) return;
      ended_ = true;
      stream_->close(0, "");
      owner_.forget(id_);
    }

   private:
    std::span<std::byte> on_alloc() override {
      return {reinterpret_cast<std::byte*>(buffer_.data()) + filled_, buffer_.size() - filled_};
    }
    void on_read(size_t n) override {
      owner_.home().awake();
      filled_ += n;
      net::HttpHead head;
      size_t size = 0;
      switch (net::parse_http_head({buffer_.data(), filled_}, head, size)) {
        case net::HttpParse::need_more: return;
        case net::HttpParse::done: break;
        case net::HttpParse::bad:
          stream_->pause_reading();
          return answer(response("400 Bad Request", kText, "400 Bad Request", "", false));
        case net::HttpParse::too_large:
          stream_->pause_reading();
          return answer(response("431 Request Header Fields Too Large", kText,
                                 "431 Request Header Fields Too Large", "", false));
      }
      stream_->pause_reading();
      owner_.serve(id_, head.path(), head.query(), head.method == "HEAD");
    }
    void on_writable() override { send(); }
    void on_end(int, uint16_t, std::string_view) override { end(); }
    void on_deadline() { end(); }
    void send() {
      if (ended_) return;
      const iovec part{out_.data() + sent_, out_.size() - sent_};
      sent_ += stream_->write({&part, 1});
      if (sent_ == out_.size()) end();
    }

    Impl& owner_;
    const uint64_t id_;
    std::unique_ptr<net::ByteStream> stream_;
    MemberTimer<Peer> timer_;
    std::string buffer_, out_;
    size_t filled_ = 0, sent_ = 0;
    bool ended_ = false;
  };

  explicit Impl(Broker& shared) : broker(shared) {}

  Reactor& home() { return *broker.reactors[0]; }

  void accept(net::Loop& loop, int fd, net::PeerAddress from) {
    home().awake();
    // Those who connect and say nothing must not keep a probe from its answer.
    if (peers.size() >= kMaxPeers)
      for (const auto& [oldest, waiting] : peers)
        if (!waiting->ended()) {
          waiting->end();
          break;
        }
    const uint64_t id = ++last_id;
    auto stream =
        broker.tls
            .wrap(TlsPort::monitor, std::make_unique<net::TcpStream>(loop, fd, std::move(from)),
                  tls_scratch,
                  [this](std::function<void()> call) { home().mailbox().post(std::move(call)); },
                  false, {})
            .stream;
    auto peer = std::make_unique<Peer>(*this, id, std::move(stream));
    Peer& started = *peer;
    peers.emplace(id, std::move(peer));
    started.start();
  }

  // Not destroyed inside its own callback: at the end of the turn.
  void forget(uint64_t id) {
    home().mailbox().post([this, id] { peers.erase(id); });
  }

  void serve(uint64_t id, std::string_view raw_path, std::string_view query, bool head_only);
  void gather(uint64_t id, SnapshotRequest request,
              std::function<std::string(MonitorInput&)> render, bool head_only);
  void reply(uint64_t id, std::string text) {
    const auto found = peers.find(id);
    if (found != peers.end()) found->second->answer(std::move(text));
  }
  std::string index_page() const;

  Broker& broker;
  net::TcpListener listener;
  net::TlsScratch tls_scratch;
  std::map<uint64_t, std::unique_ptr<Peer>> peers;  // oldest first
  std::map<std::string, uint64_t> request_counts;
  uint64_t last_id = 0;
};

std::string MonitorHttp::Impl::index_page() const {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><title>pipit</title></head><body>\n"
      "<h1>pipit " PIPIT_VERSION "</h1>\n";
  for (const auto& [path, title] :
       {std::pair{"varz", "General"}, std::pair{"connz", "Connections"},
        std::pair{"subsz", "Subscriptions"}, std::pair{"jsz", "JetStream"}, std::pair{"healthz", "Health Probe"}})
    out += std::string("<a href=\"./") + path + "\">" + title + "</a><br>\n";
  return out + "</body></html>\n";
}

void MonitorHttp::Impl::serve(uint64_t id, std::string_view raw_path, std::string_view query_text,
                              bool head_only) {
  std::string_view path = raw_path;
  const std::string& base = broker.options.http_base_path;
  const auto not_found = [&] {
    reply(id, response("404 Not Found", kText, "404 page not found\n",
                       "X-Content-Type-Options: nosniff\r\n", head_only));
  };
  if (!base.empty() && base != "/") {
    std::string_view prefix = base;
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    std::string with_slash(prefix.starts_with('/') ? "" : "/");
    with_slash += prefix;
    if (!path.starts_with(with_slash)) return not_found();
    path.remove_prefix(with_slash.size());
    if (path == "/") return not_found();  // the index is at the base path itself
    if (path.empty()) path = "/";
  }
  if (path == "/subscriptionsz") path = "/subsz";
  if (std::find(kNotBuilt.begin(), kNotBuilt.end(), path) != kNotBuilt.end())
    return reply(id, response("501 Not Implemented", kText,
                              "pipit does not have " + std::string(path) + " yet\n", "",
                              head_only));
  if (path != "/" && path != "/varz" && path != "/connz" && path != "/subsz" && path != "/jsz" && path != "/healthz")
    return not_found();
  ++request_counts[std::string(path)];
  if (path == "/")
    return reply(id, response("200 OK", "text/html; charset=utf-8", index_page(), "", head_only));
  const MonitorPage page = path == "/connz"   ? MonitorPage::connz
                           : path == "/subsz" ? MonitorPage::subsz
                           : path == "/varz"  ? MonitorPage::varz
                           : path == "/jsz"   ? MonitorPage::jsz
                                              : MonitorPage::healthz;
  std::string error;
  const std::optional<MonitorQuery> parsed = parse_monitor_query(page, query_text, error);
  if (parsed && !parsed->test.empty() && !proto::is_valid_literal(parsed->test))
    error = "invalid test subject, must be valid publish subject: " + parsed->test;
  if (!error.empty())
    return reply(id, response("400 Bad Request", kText, error, "", head_only));
  const MonitorQuery& query = *parsed;
  if (page == MonitorPage::healthz) {
    const Health health = health_of(broker, query);
    return reply(id, response(health.status, "application/json", health.json,
                              "Access-Control-Allow-Origin: *\r\n", head_only));
  }
  SnapshotRequest request;
  if (page == MonitorPage::connz) {
    request.open = query.state != ConnState::closed;
    request.closed = query.state != ConnState::open;
    request.subscriptions = query.subs || query.subs_detail;
    return gather(id, request, [query](MonitorInput& in) { return connz_json(in, query); },
                  head_only);
  }
  if (page == MonitorPage::subsz) {
    request.open = request.subscriptions = query.subs;
    return gather(id, request, [query](MonitorInput& in) { return subsz_json(in, query); },
                  head_only);
  }
  if (page == MonitorPage::jsz)
    return gather(id, request, [query](MonitorInput& in) { return jsz_json(in, query); },
                  head_only);
  gather(id, request, [](MonitorInput& in) { return varz_json(in); }, head_only);
}

void MonitorHttp::Impl::gather(uint64_t id, SnapshotRequest request,
                               std::function<std::string(MonitorInput&)> render, bool head_only) {
  struct Gathered {
    std::vector<ReactorSnapshot> snapshots;
    std::atomic<size_t> missing;
  };
  auto gathered = std::make_shared<Gathered>();
  gathered->snapshots.resize(broker.reactors.size());
  gathered->missing = broker.reactors.size();
  for (size_t i = 0; i < broker.reactors.size(); ++i) {
    Reactor* reactor = broker.reactors[i];
    reactor->mailbox().post([this, id, i, reactor, request, gathered, render, head_only] {
      gathered->snapshots[i] = reactor->snapshot(request);
      // acq_rel: the last one must see what all others stored.
      if (gathered->missing.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
      home().mailbox().post([this, id, gathered, render, head_only] {
        MonitorInput in{broker, std::move(gathered->snapshots), broker.wall_ns(home().now_ns()),
                        request_counts, listener.port()};
        const std::string body = render(in);
        reply(id, response("200 OK", "application/json", body,
                           "Access-Control-Allow-Origin: *\r\n", head_only));
      });
    });
  }
}

MonitorHttp::MonitorHttp(Broker& broker) : impl_(std::make_unique<Impl>(broker)) {}
MonitorHttp::~MonitorHttp() = default;

Result<void> MonitorHttp::bind(const std::string& host, int port) {
  return impl_->listener.bind(host, port);
}

void MonitorHttp::start(net::Loop& loop) {
  impl_->listener.start(loop, [this, &loop](int fd, net::PeerAddress peer) {
    impl_->accept(loop, fd, std::move(peer));
  });
}

void MonitorHttp::close() {
  impl_->listener.close();
  impl_->peers.clear();
}

int MonitorHttp::port() const { return impl_->listener.port(); }

}  // namespace pipit
