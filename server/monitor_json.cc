#include "server/monitor_json.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <thread>

#include "pipit_config.h"
#include "protocol/json_writer.h"
#include "protocol/subject.h"
#include "server/broker.h"
#include "server/monitor_jetstream.h"

namespace pipit {
namespace {

using proto::JsonWriter;

struct Totals {
  Traffic traffic;
  uint64_t connections = 0, slow = 0, stale = 0, stalled = 0;
  uint64_t lookups = 0, hits = 0, entries = 0, matches = 0, fanout_sum = 0, fanout_max = 0;
};

Totals sum(const std::vector<ReactorSnapshot>& reactors) {
  Totals t;
  for (const ReactorSnapshot& r : reactors) {
    t.traffic += r.traffic;
    t.connections += r.connections;
    t.slow += r.slow_consumers;
    t.stale += r.stale_connections;
    t.stalled += r.stalled_clients;
    t.lookups += r.cache_lookups;
    t.hits += r.cache_hits;
    t.entries += r.cache_entries;
    t.matches += r.matches;
    t.fanout_sum += r.fanout_sum;
    t.fanout_max = std::max(t.fanout_max, r.fanout_max);
  }
  return t;
}

int64_t resident_bytes() {
  int64_t pages = 0;
  if (std::FILE* f = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(f, "%*d %" SCNd64, &pages) != 1) pages = 0;
    std::fclose(f);
  }
  return pages * sysconf(_SC_PAGESIZE);
}

// Percent of one core since start; nats-server samples the last second.
double cpu_percent(int64_t uptime_ns) {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const double used = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  const double percent = uptime_ns > 0 ? used / (static_cast<double>(uptime_ns) / 1e9) * 100 : 0;
  return static_cast<double>(static_cast<int64_t>(percent * 10)) / 10;
}

template <class T>
void optional_field(JsonWriter& w, std::string_view name, const T& value) {
  if (value != T{}) w.field(name, value);
}

void write_subscription(JsonWriter& w, const SubscriptionSnapshot& sub, bool with_account) {
  w.begin_object();
  if (with_account) w.field("account", "$G").field("account_tag", "$G");
  w.field("subject", sub.subject);
  optional_field(w, "qgroup", sub.queue);
  w.field("sid", sub.sid).field("msgs", sub.delivered);
  optional_field(w, "max", sub.max);
  w.field("cid", sub.cid).end_object();
}

void write_connection(JsonWriter& w, const ConnectionSnapshot& c, const MonitorQuery& query,
                      int64_t now_ns) {
  const int64_t until = c.stop_ns != 0 ? c.stop_ns : now_ns;
  w.begin_object();
  w.field("cid", c.cid).field("kind", "Client");
  w.field("type", c.wire == Wire::websocket ? "websocket" : "nats");
  w.field("ip", c.forwarded_for.empty() ? c.ip : c.forwarded_for);
  w.field("port", uint32_t{c.port});
  w.field("start", rfc3339(c.start_ns)).field("last_activity", rfc3339(c.last_activity_ns));
  if (c.stop_ns != 0) w.field("stop", rfc3339(c.stop_ns)).field("reason", c.reason);
  w.field("rtt", duration_text(c.rtt_ns / 1000 * 1000));
  w.field("uptime", uptime_text(until - c.start_ns));
  w.field("idle", uptime_text(until - c.last_activity_ns));
  w.field("pending_bytes", c.pending_bytes);
  w.field("in_msgs", c.traffic.in_msgs).field("out_msgs", c.traffic.out_msgs);
  w.field("in_bytes", c.traffic.in_bytes).field("out_bytes", c.traffic.out_bytes);
  optional_field(w, "stalls", c.stalls);
  w.field("subscriptions", c.subscriptions);
  optional_field(w, "name", c.name);
  optional_field(w, "lang", c.lang);
  optional_field(w, "version", c.version);
  optional_field(w, "tls_version", c.tls_version);
  optional_field(w, "tls_cipher_suite", c.tls_cipher_suite);
  optional_field(w, "tls_first", c.tls_first);
  if (query.auth) {
    optional_field(w, "authorized_user", c.user);
    w.field("name_tag", "$G");
  }
  if (query.subs && !c.subscriptions_list.empty()) {
    w.key("subscriptions_list").begin_array();
    for (const SubscriptionSnapshot& sub : c.subscriptions_list) w.value(sub.subject);
    w.end_array();
  }
  if (query.subs_detail && !c.subscriptions_list.empty()) {
    w.key("subscriptions_list_detail").begin_array();
    for (const SubscriptionSnapshot& sub : c.subscriptions_list) write_subscription(w, sub, c.stop_ns != 0);
    w.end_array();
  }
  w.end_object();
}

// Orders as nats-server does: counters, idle and stop time from high to low, the rest from low to high.
void sort_connections(std::vector<const ConnectionSnapshot*>& list, const std::string& sort,
                      int64_t now_ns) {
  using C = ConnectionSnapshot;
  const auto by = [&](auto key, bool descending) {
    std::sort(list.begin(), list.end(), [&](const C* a, const C* b) {
      const auto ka = key(*a), kb = key(*b);
      if (ka != kb) return descending ? kb < ka : ka < kb;
      return a->cid < b->cid;
    });
  };
  const auto end = [now_ns](const C& c) { return c.stop_ns != 0 ? c.stop_ns : now_ns; };
  if (sort == "cid") by([](const C& c) { return c.cid; }, false);
  else if (sort == "start") by([](const C& c) { return c.start_ns; }, false);
  else if (sort == "subs") by([](const C& c) { return c.subscriptions; }, true);
  else if (sort == "pending") by([](const C& c) { return c.pending_bytes; }, true);
  else if (sort == "msgs_to") by([](const C& c) { return c.traffic.out_msgs; }, true);
  else if (sort == "msgs_from") by([](const C& c) { return c.traffic.in_msgs; }, true);
  else if (sort == "bytes_to") by([](const C& c) { return c.traffic.out_bytes; }, true);
  else if (sort == "bytes_from") by([](const C& c) { return c.traffic.in_bytes; }, true);
  else if (sort == "last") by([](const C& c) { return c.last_activity_ns; }, true);
  else if (sort == "idle") by([&](const C& c) { return end(c) - c.last_activity_ns; }, true);
  else if (sort == "uptime") by([&](const C& c) { return end(c) - c.start_ns; }, false);
  else if (sort == "stop") by([](const C& c) { return c.stop_ns; }, true);
  else if (sort == "reason") by([](const C& c) { return c.reason; }, false);
  else if (sort == "rtt") by([](const C& c) { return c.rtt_ns; }, true);
}

// Each reactor remembers as many as the server shall, which is as many as the server's latest need.
void keep_latest(std::vector<const ConnectionSnapshot*>& closed, size_t max) {
  if (closed.size() <= max) return;
  std::nth_element(closed.begin(), closed.begin() + static_cast<std::ptrdiff_t>(max), closed.end(),
                   [](const ConnectionSnapshot* a, const ConnectionSnapshot* b) {
                     return std::pair(a->stop_ns, a->cid) > std::pair(b->stop_ns, b->cid);
                   });
  closed.resize(max);
}

}  // namespace

std::string rfc3339(int64_t unix_ns) {
  const time_t seconds = unix_ns / 1'000'000'000;
  const auto fraction = static_cast<int>(unix_ns % 1'000'000'000);
  tm parts;
  gmtime_r(&seconds, &parts);
  char text[64];
  const size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out(text, n);
  if (fraction != 0) {
    char digits[16];
    std::snprintf(digits, sizeof digits, ".%09d", fraction);
    out += digits;
    while (out.back() == '0') out.pop_back();
  }
  return out + 'Z';
}

std::string uptime_text(int64_t ns) {
  const int64_t total = std::max<int64_t>(ns, 0) / 1'000'000'000;
  const int64_t s = total % 60, m = total / 60 % 60, h = total / 3600 % 24, d = total / 86400;
  const int64_t years = d / 365, days = d % 365;
  std::string out;
  if (years > 0) out += std::to_string(years) + "y";
  if (d > 0) out += std::to_string(days) + "d";
  if (total >= 3600) out += std::to_string(h) + "h";
  if (total >= 60) out += std::to_string(m) + "m";
  return out + std::to_string(s) + "s";
}

std::string duration_text(int64_t ns) {
  if (ns == 0) return "0s";
  const auto scaled = [](int64_t value, int64_t unit, const char* name) {
    std::string out = std::to_string(value / unit);
    int64_t rest = value % unit;
    if (rest != 0) {
      out += '.';
      for (int64_t digit = unit / 10; digit > 0 && rest > 0; digit /= 10) {
        out += static_cast<char>('0' + rest / digit);
        rest %= digit;
      }
    }
    return out + name;
  };
  if (ns < 1000) return std::to_string(ns) + "ns";
  if (ns < 1'000'000) return scaled(ns, 1000, "\u00b5s");
  if (ns < 1'000'000'000) return scaled(ns, 1'000'000, "ms");
  const int64_t minutes = ns / 60'000'000'000;
  std::string out;
  if (minutes >= 60) out += std::to_string(minutes / 60) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  return out + scaled(ns % 60'000'000'000, 1'000'000'000, "s");
}

std::string varz_json(const MonitorInput& in) {
  const Broker& broker = in.broker;
  const std::shared_ptr<const Settings> settings = broker.settings();
  const Options& o = settings->options;
  const Totals t = sum(in.reactors);
  const int64_t uptime = in.now_ns - broker.start_wall_ns;
  const Authorization& auth = settings->authorization(Wire::tcp);
  const auto seconds = [&](Wire wire) {
    return static_cast<double>(settings->auth_timeout_ns(wire)) / 1e9;
  };
  std::string out;
  JsonWriter w(out, true);
  w.begin_object();
  w.field("server_id", broker.server_id).field("server_name", settings->tcp_info.server_name);
  w.field("version", settings->tcp_info.version)
      .field("proto", 1)
      .field("go", settings->tcp_info.go);
  w.field("host", settings->tcp_info.host).field("port", settings->tcp_info.port);
  if (auth.required()) w.field("auth_required", true);
  optional_field(w, "tls_required", settings->tcp_info.tls_required);
  optional_field(w, "tls_verify", settings->tcp_info.tls_verify);
  if (!settings->tcp_info.connect_urls.empty()) {
    w.key("connect_urls").begin_array();
    for (const std::string& url : settings->tcp_info.connect_urls) w.value(url);
    w.end_array();
  }
  w.field("max_connections", o.max_connections);
  optional_field(w, "max_subscriptions", o.max_subscriptions);
  w.field("ping_interval", o.ping_interval_ns).field("ping_max", o.ping_max);
  w.field("http_host", o.http_host).field("http_port", o.http_port != 0 ? in.http_port : 0);
  w.field("http_base_path", o.http_base_path);
  w.field("https_port", o.https_port != 0 ? in.http_port : 0);
  w.field("auth_timeout", seconds(Wire::tcp)).field("max_control_line", o.max_control_line);
  w.field("max_payload", o.max_payload).field("max_pending", o.max_pending);
  for (const char* name : {"cluster", "gateway", "leaf", "mqtt"})
    w.key(name).begin_object().end_object();
  w.key("websocket").begin_object();
  if (o.websocket.enabled()) {
    w.field("host", o.websocket.host).field("port", settings->ws_info.port);
    optional_field(w, "advertise", o.websocket.advertise);
    optional_field(w, "handshake_timeout", o.websocket.handshake_timeout_ns);
    if (o.websocket.authorization.required())
      w.field("auth_timeout", seconds(Wire::websocket));
    optional_field(w, "no_tls", o.websocket.no_tls);
    optional_field(w, "same_origin", o.websocket.same_origin);
    if (!o.websocket.allowed_origins.empty()) {
      w.key("allowed_origins").begin_array();
      for (const std::string& origin : o.websocket.allowed_origins) w.value(origin);
      w.end_array();
    }
    optional_field(w, "compression", o.websocket.compression);
  }
  w.end_object();
  w.key("jetstream");
  write_jetstream_varz(w, in);
  w.field("tls_timeout", static_cast<double>(o.tls.handshake_timeout_ns()) / 1e9);
  w.field("write_deadline", o.write_deadline_ns);
  w.field("start", rfc3339(broker.start_wall_ns)).field("now", rfc3339(in.now_ns));
  w.field("uptime", uptime_text(uptime)).field("mem", resident_bytes());
  w.field("cores", std::thread::hardware_concurrency()).field("gomaxprocs", broker.reactors.size());
  w.field("cpu", cpu_percent(uptime)).field("connections", t.connections);
  w.field("total_connections", broker.total_connections.load(std::memory_order_relaxed));
  w.field("routes", 0).field("remotes", 0).field("leafnodes", 0);
  w.field("in_msgs", t.traffic.in_msgs).field("in_bytes", t.traffic.in_bytes);
  w.field("in_client_msgs", t.traffic.in_msgs).field("in_client_bytes", t.traffic.in_bytes);
  w.field("out_msgs", t.traffic.out_msgs).field("out_bytes", t.traffic.out_bytes);
  w.field("out_client_msgs", t.traffic.out_msgs).field("out_client_bytes", t.traffic.out_bytes);
  w.field("slow_consumers", t.slow).field("stale_connections", t.stale);
  w.field("stalled_clients", t.stalled);
  w.field("subscriptions", broker.account.interest.stats().subscriptions);
  w.key("http_req_stats").begin_object();
  for (const auto& [path, count] : in.request_counts) w.field(path, count);
  w.end_object();
  w.field("config_load_time", rfc3339(settings->since_wall_ns));
  w.field("config_digest", o.config_digest);
  if (!o.server_tags.empty()) {
    w.key("tags").begin_array();
    for (const std::string& tag : o.server_tags) w.value(tag);
    w.end_array();
  }
  if (!o.server_metadata.empty()) {
    w.key("metadata").begin_object();
    for (const auto& [key, value] : o.server_metadata) w.field(key, value);
    w.end_object();
  }
  for (const auto& [name, clients] : {std::pair{"slow_consumer_stats", t.slow},
                                      std::pair{"stale_connection_stats", t.stale}}) {
    w.key(name).begin_object().field("clients", clients);
    w.field("routes", 0).field("gateways", 0).field("leafs", 0).end_object();
  }
  if (const int64_t end = broker.tls.not_after(TlsPort::client); end != 0)
    w.field("tls_cert_not_after", rfc3339(end * kNsPerSecond));
  w.end_object();
  return out;
}

std::string connz_json(MonitorInput& in, const MonitorQuery& query) {
  std::vector<const ConnectionSnapshot*> list, closed;
  const bool account = query.account.empty() || query.account == "$G";
  for (const ReactorSnapshot& r : in.reactors) {
    if (!account) break;
    for (const ConnectionSnapshot& c : r.open) list.push_back(&c);
    for (const ConnectionSnapshot& c : r.closed) closed.push_back(&c);
  }
  keep_latest(closed, in.broker.settings()->options.max_closed_clients);
  list.insert(list.end(), closed.begin(), closed.end());
  // Who asks for some by cid or user is told how many there are.
  const size_t total = list.size();
  std::erase_if(list, [&](const ConnectionSnapshot* c) {
    return (query.cid != 0 && c->cid != query.cid) || (!query.user.empty() && c->user != query.user);
  });
  sort_connections(list, query.sort, in.now_ns);
  const auto offset = std::min(static_cast<size_t>(query.offset), list.size());
  const auto end = std::min(offset + static_cast<size_t>(query.limit), list.size());
  std::string out;
  JsonWriter w(out, true);
  w.begin_object();
  w.field("server_id", in.broker.server_id).field("now", rfc3339(in.now_ns));
  w.field("num_connections", uint64_t{end - offset}).field("total", uint64_t{total});
  w.field("offset", query.offset).field("limit", query.limit);
  w.key("connections").begin_array();
  for (size_t i = offset; i < end; ++i) write_connection(w, *list[i], query, in.now_ns);
  w.end_array().end_object();
  return out;
}

std::string subsz_json(const MonitorInput& in, const MonitorQuery& query) {
  const Totals t = sum(in.reactors);
  const router::TrieStats trie = in.broker.account.interest.stats();
  std::vector<const SubscriptionSnapshot*> list;
  if (query.subs && (query.account.empty() || query.account == "$G"))
    for (const ReactorSnapshot& r : in.reactors)
      for (const ConnectionSnapshot& c : r.open)
        for (const SubscriptionSnapshot& sub : c.subscriptions_list)
          if (query.test.empty() || proto::matches(sub.subject, query.test)) list.push_back(&sub);
  const size_t total = list.size();
  const auto offset = std::min(static_cast<size_t>(query.offset), total);
  const auto end = std::min(offset + static_cast<size_t>(query.limit), total);
  const auto ratio = [](uint64_t a, uint64_t b) {
    return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
  };
  std::string out;
  JsonWriter w(out, true);
  w.begin_object();
  w.field("server_id", in.broker.server_id).field("now", rfc3339(in.now_ns));
  w.field("num_subscriptions", trie.subscriptions).field("num_cache", t.entries);
  w.field("num_inserts", trie.inserts).field("num_removes", trie.removes);
  w.field("num_matches", t.lookups).field("cache_hit_rate", ratio(t.hits, t.lookups));
  w.field("max_fanout", t.fanout_max).field("avg_fanout", ratio(t.fanout_sum, t.matches));
  w.field("total", uint64_t{total}).field("offset", query.offset).field("limit", query.limit);
  if (end > offset) {
    w.key("subscriptions_list").begin_array();
    for (size_t i = offset; i < end; ++i) write_subscription(w, *list[i], true);
    w.end_array();
  }
  w.end_object();
  return out;
}

}  // namespace pipit
