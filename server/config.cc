#include "server/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>

#include "protocol/json_writer.h"
#include "server/config_parser.h"
#include "server/duration.h"
#include "server/host_port.h"
#include "server/left_out.h"
#include "server/mailbox.h"
#include "server/sha256.h"
#include "transport/ws_handshake.h"

namespace pipit {
namespace {

using Type = ConfigValue::Type;

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

const char* type_name(Type type) {
  switch (type) {
    case Type::null: return "nothing";
    case Type::boolean: return "a boolean";
    case Type::integer: return "an integer";
    case Type::real: return "a float";
    case Type::string: return "a string";
    case Type::datetime: return "a date";
    case Type::array: return "an array";
    case Type::map: return "a map";
  }
  return "";
}

// What nats-server knows and Pipit does not have yet.
constexpr std::array<std::string_view, 47> kNotBuilt = {
    "accounts", "mappings", "maps", "no_auth_user", "system_account", "system", "operator",
    "operators", "roots", "root", "root_operators", "root_operator", "resolver",
    "account_resolver", "accounts_resolver", "resolver_tls", "resolver_preload",
    "resolver_pinned_accounts", "trusted_keys", "trusted", "default_sentinel", "cluster", "gateway",
    "leafnodes", "leaf", "mqtt", "jetstream", "store_dir", "storedir", "tls", "allow_non_tls",
    "ocsp", "ocsp_cache", "https", "https_port", "prof_port", "prof_block_rate", "proxy_protocol",
    "proxies", "write_timeout", "default_js_domain", "feature_flags", "syslog", "remote_syslog",
    "trace_headers", "connect_error_reports", "reconnect_error_reports"};
constexpr std::array<std::string_view, 5> kNotBuiltAuthorization = {
    "users", "default_permissions", "permissions", "auth_callout", "proxy_required"};
constexpr std::array<std::string_view, 6> kNotBuiltWebsocket = {
    "tls", "no_auth_user", "jwt_cookie", "user_cookie", "pass_cookie", "token_cookie"};

constexpr const char* kNameWithSpaces = "server name cannot contain spaces";
bool is_valid_name(std::string_view name) {
  return name.find_first_of(" \t\r\n") == std::string_view::npos;
}

// Reads values of a tree into fields; every fault is kept, none stops the rest.
class Reader {
 public:
  Reader(Options& options, ProcessOptions& process, ConfigFaults& faults)
      : o_(options), p_(process), faults_(faults) {}

  void top(const ConfigValue& root);

 private:
  using Handler = std::function<void(const ConfigValue&)>;
  using Table = std::map<std::string_view, Handler>;

  void error(const ConfigPosition& at, std::string_view text) {
    faults_.errors.push_back(at.error(text));
  }
  void walk(const ConfigValue& map, const Table& table, std::span<const std::string_view> not_built,
            std::string_view block);

  bool expect(const ConfigValue& v, Type type) {
    if (v.type == type) return true;
    error(v.at, std::string("expected ") + type_name(type) + ", found " + type_name(v.type));
    return false;
  }
  Handler text(std::string& out) {
    return [this, &out](const ConfigValue& v) {
      if (expect(v, Type::string)) out = v.text;
    };
  }
  Handler boolean(bool& out) {
    return [this, &out](const ConfigValue& v) {
      if (expect(v, Type::boolean)) out = v.boolean;
    };
  }
  template <class T>
  Handler integer(T& out, int64_t low, int64_t high) {
    return [this, &out, low, high](const ConfigValue& v) {
      if (!expect(v, Type::integer)) return;
      if (v.integer < low || v.integer > high)
        return error(v.at, "must be between " + std::to_string(low) + " and " + std::to_string(high));
      out = static_cast<T>(v.integer);
    };
  }
  // "1h30m", at least `low`.
  Handler duration(int64_t& out, int64_t low = 0) {
    return [this, &out, low](const ConfigValue& v) {
      if (!expect(v, Type::string)) return;
      const auto ns = parse_duration(v.text);
      if (!ns) return error(v.at, "\"" + v.text + "\" is no duration");
      if (*ns < low)
        return error(v.at, "must not be less than " + std::to_string(low / kNsPerSecond) + "s");
      out = *ns;
    };
  }
  // A duration, or a number of seconds.
  Handler seconds(int64_t& out) {
    return [this, &out](const ConfigValue& v) {
      if (v.type != Type::integer && v.type != Type::real) return duration(out)(v);
      const double given = v.type == Type::integer ? static_cast<double>(v.integer) : v.real;
      if (given < 0 || given > 1e9) return error(v.at, "no sensible number of seconds");
      out = static_cast<int64_t>(given * 1e9);
    };
  }
  // A duration. An integer of seconds does as well, but `2m` without quotes is two millions of
  // them.
  Handler quoted_duration(int64_t& out) {
    return [this, &out](const ConfigValue& v) {
      if (v.type != Type::integer) return duration(out)(v);
      faults_.warnings.push_back(
          v.at.error("an integer of seconds should be converted to a duration"));
      seconds(out)(v);
    };
  }
  Handler listen(std::string& host, int& port) {
    return [this, &host, &port](const ConfigValue& v) { endpoint(v, host, port); };
  }
  void endpoint(const ConfigValue& v, std::string& host, int& port);
  void strings(const ConfigValue& v, std::vector<std::string>& out);
  void authorization(const ConfigValue& v, Authorization& out, bool websocket);
  void websocket(const ConfigValue& v);

  Options& o_;
  ProcessOptions& p_;
  ConfigFaults& faults_;
};

bool contains(std::span<const std::string_view> list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// A block that says "off" asks for nothing.
bool is_off(const ConfigValue& v) {
  if (v.type == Type::boolean) return !v.boolean;
  if (v.type == Type::string) return lowered(v.text) == "disabled" || lowered(v.text) == "disable";
  if (v.type != Type::map) return false;
  for (const ConfigEntry& e : v.entries)
    if (const std::string key = lowered(e.key); key == "enabled" || key == "enable")
      return e.value.type == Type::boolean && !e.value.boolean;
  return false;
}

void Reader::walk(const ConfigValue& map, const Table& table,
                  std::span<const std::string_view> not_built, std::string_view block) {
  std::map<std::string_view, const ConfigEntry*> last;
  for (const ConfigEntry& entry : map.entries) last[entry.key] = &entry;
  for (const ConfigEntry& entry : map.entries) {
    if (last[entry.key] != &entry) continue;
    const std::string key = lowered(entry.key);
    if (const auto found = table.find(key); found != table.end()) {
      found->second(entry.value);
    } else if (contains(not_built, key)) {
      if (is_off(entry.value)) continue;
      error(entry.at, "\"" + entry.key + "\"" + (block.empty() ? "" : " in ") + std::string(block) +
                          " is not built in this version of pipit");
    } else if (!entry.used_as_variable) {
      error(entry.at, "unknown field \"" + entry.key + "\"");
    }
  }
}

void Reader::endpoint(const ConfigValue& v, std::string& host, int& port) {
  if (v.type == Type::integer) {
    if (v.integer < -1 || v.integer > 65535) return error(v.at, "no such port");
    port = static_cast<int>(v.integer);
    return;
  }
  if (!expect(v, Type::string)) return;
  const auto address = parse_host_port(v.text);
  if (!address || !address->port)
    return error(v.at, "could not parse address \"" + v.text + "\": host:port is due");
  host = address->host;
  port = *address->port;
}

void Reader::strings(const ConfigValue& v, std::vector<std::string>& out) {
  out.clear();
  if (v.type == Type::string) {
    out.push_back(v.text);
  } else if (expect(v, Type::array)) {
    for (const ConfigValue& item : v.items)
      if (expect(item, Type::string)) out.push_back(item.text);
  }
}

void Reader::authorization(const ConfigValue& v, Authorization& out, bool websocket) {
  if (!expect(v, Type::map)) return;
  const Table table = {{"user", text(out.user)},     {"username", text(out.user)},
                       {"pass", text(out.password)}, {"password", text(out.password)},
                       {"token", text(out.token)},   {"timeout", seconds(out.timeout_ns)}};
  walk(v, table, kNotBuiltAuthorization, websocket ? "websocket authorization" : "authorization");
  if (!out.token.empty() && (!out.user.empty() || !out.password.empty()))
    error(v.at, "a token and a user with password cannot both be used");
  if (!websocket && out.timeout_ns > 60 * kNsPerSecond)
    for (const ConfigEntry& e : v.entries)
      if (lowered(e.key) == "timeout")
        faults_.warnings.push_back(
            e.at.error("a timeout of more than 60 seconds; `1m` without quotes is 1000000"));
}

void Reader::websocket(const ConfigValue& v) {
  if (!expect(v, Type::map)) return;
  WebsocketOptions& w = o_.websocket;
  const auto origins = [this, &w](const ConfigValue& value) {
    strings(value, w.allowed_origins);
    for (const std::string& origin : w.allowed_origins) {
      net::WsOrigin parsed;
      if (!net::parse_origin(origin, parsed))
        error(value.at, "\"" + origin + "\" is no origin: http(s)://host[:port] is due");
    }
  };
  const auto headers = [this, &w](const ConfigValue& value) {
    if (!expect(value, Type::map)) return;
    for (const ConfigEntry& e : value.entries) {
      if (!expect(e.value, Type::string)) continue;
      const auto broken = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
      if (net::ws_reserved_header(e.key))
        error(e.at, "websocket: invalid header \"" + e.key + "\" not allowed");
      else if (e.key.empty() || e.key.find_first_of(" :\t") != std::string::npos ||
               std::any_of(e.key.begin(), e.key.end(), broken) ||
               std::any_of(e.value.text.begin(), e.value.text.end(), broken))
        error(e.at, "websocket: \"" + e.key + "\" is no valid header");
      else
        w.headers[e.key] = e.value.text;
    }
  };
  const auto auth = [this, &w](const ConfigValue& value) {
    authorization(value, w.authorization, true);
  };
  Table table = {{"listen", listen(w.host, w.port)},
                 {"host", text(w.host)},
                 {"net", text(w.host)},
                 {"port", integer(w.port, -1, 65535)},
                 {"advertise", text(w.advertise)},
                 {"no_tls", boolean(w.no_tls)},
                 {"same_origin", boolean(w.same_origin)},
                 {"handshake_timeout", seconds(w.handshake_timeout_ns)},
                 {"compression", boolean(w.compression)},
                 {"compress", boolean(w.compression)},
                 {"authorization", auth},
                 {"authentication", auth},
                 {"headers", headers},
                 {"ping_interval", quoted_duration(w.ping_interval_ns)}};
  for (const char* name : {"allowed_origins", "allowed_origin", "allow_origins", "allow_origin",
                           "origins", "origin"})
    table[name] = origins;
  walk(v, table, kNotBuiltWebsocket, "websocket");
}

// Where nats-server takes 0 for "not said".
void default_for_zero(Options& o) {
  const Options standard;
  const auto fill = [](auto& field, auto value) {
    if (field == 0) field = value;
  };
  fill(o.max_control_line, standard.max_control_line);
  fill(o.max_payload, standard.max_payload);
  fill(o.max_pending, standard.max_pending);
  fill(o.max_closed_clients, standard.max_closed_clients);
  fill(o.ping_interval_ns, standard.ping_interval_ns);
  fill(o.ping_max, standard.ping_max);
  fill(o.write_deadline_ns, standard.write_deadline_ns);
}

void Reader::top(const ConfigValue& root) {
  constexpr int64_t kMaxSize = int64_t{1} << 40;
  constexpr int64_t kMaxInt = INT32_MAX;
  const auto auth = [this](const ConfigValue& v) { authorization(v, o_.authorization, false); };
  const auto ws = [this](const ConfigValue& v) { websocket(v); };
  const auto tags = [this](const ConfigValue& v) { strings(v, o_.server_tags); };
  const auto metadata = [this](const ConfigValue& v) {
    if (!expect(v, Type::map)) return;
    for (const ConfigEntry& e : v.entries)
      if (expect(e.value, Type::string)) o_.server_metadata[e.key] = e.value.text;
  };
  const auto server_name = [this](const ConfigValue& v) {
    text(o_.server_name)(v);
    if (!is_valid_name(o_.server_name)) error(v.at, kNameWithSpaces);
  };
  const auto reactors = [this](const ConfigValue& v) {
    integer(o_.reactors, 1, Mailbox::kMaxReactors)(v);
    p_.reactors_given = true;
  };
  const auto ignored = [this](const ConfigValue& v) { expect(v, Type::boolean); };
  const Table table = {
      {"listen", listen(o_.host, o_.port)},
      {"host", text(o_.host)},
      {"net", text(o_.host)},
      {"port", integer(o_.port, -1, 65535)},
      {"client_advertise", text(o_.client_advertise)},
      {"server_name", server_name},
      {"reactors", reactors},
      {"debug", boolean(o_.debug)},
      {"trace", boolean(o_.trace)},
      {"trace_verbose", boolean(o_.trace_verbose)},
      {"logtime", boolean(p_.logtime)},
      {"logtime_utc", boolean(p_.logtime_utc)},
      {"log_file", text(p_.log_file)},
      {"logfile", text(p_.log_file)},
      {"log_size_limit", integer(p_.log_size_limit, 0, kMaxSize)},
      {"logfile_size_limit", integer(p_.log_size_limit, 0, kMaxSize)},
      {"log_max_num", integer(p_.log_max_num, 0, kMaxInt)},
      {"logfile_max_num", integer(p_.log_max_num, 0, kMaxInt)},
      {"max_traced_msg_len", integer(o_.max_traced_msg_len, 0, kMaxInt)},
      {"pid_file", text(p_.pid_file)},
      {"pidfile", text(p_.pid_file)},
      {"ports_file_dir", text(p_.ports_file_dir)},
      {"http", listen(o_.http_host, o_.http_port)},
      {"http_port", integer(o_.http_port, -1, 65535)},
      {"monitor_port", integer(o_.http_port, -1, 65535)},
      {"http_base_path", text(o_.http_base_path)},
      {"max_control_line", integer(o_.max_control_line, 0, kMaxInt)},
      {"max_payload", integer(o_.max_payload, -1, 999'999'999)},
      {"max_connections", integer(o_.max_connections, -kMaxInt, kMaxInt)},
      {"max_conn", integer(o_.max_connections, -kMaxInt, kMaxInt)},
      {"max_pending", integer(o_.max_pending, 0, kMaxSize)},
      {"max_subscriptions", integer(o_.max_subscriptions, -1, kMaxInt)},
      {"max_subs", integer(o_.max_subscriptions, -1, kMaxInt)},
      {"max_sub_tokens", integer(o_.max_sub_tokens, 0, 255)},
      {"max_subscription_tokens", integer(o_.max_sub_tokens, 0, 255)},
      {"max_closed_clients", integer(o_.max_closed_clients, 0, kMaxInt)},
      {"ping_interval", quoted_duration(o_.ping_interval_ns)},
      {"ping_max", integer(o_.ping_max, 0, kMaxInt)},
      {"write_deadline", quoted_duration(o_.write_deadline_ns)},
      {"no_fast_producer_stall", boolean(o_.no_fast_producer_stall)},
      {"disable_sublist_cache", boolean(o_.disable_sublist_cache)},
      {"no_sublist_cache", boolean(o_.disable_sublist_cache)},
      {"no_header_support", boolean(o_.no_header_support)},
      {"lame_duck_duration", duration(o_.lame_duck_duration_ns, 30 * kNsPerSecond)},
      {"lame_duck_grace_period", duration(o_.lame_duck_grace_period_ns)},
      {"authorization", auth},
      {"websocket", ws},
      {"ws", ws},
      {"server_tags", tags},
      {"server_metadata", metadata},
      // There is no system account to leave out.
      {"no_system_account", ignored},
      {"no_system", ignored},
      {"no_sys_acc", ignored}};
  walk(root, table, kNotBuilt, "");
  default_for_zero(o_);
  if (root.entries.empty())
    faults_.warnings.push_back(root.at.error("config has no values or is empty"));
}

// Keys sorted, no blanks: the same settings give the same digest however they are written. With the
// newline that Go's encoder puts behind it, it is the digest that nats-server prints.
void canonical(proto::JsonWriter& w, const ConfigValue& v) {
  switch (v.type) {
    case Type::null: w.null(); return;
    case Type::boolean: w.value(v.boolean); return;
    case Type::integer: w.value(v.integer); return;
    case Type::real: w.value(v.real); return;
    case Type::string:
    case Type::datetime: w.value(v.text); return;
    case Type::array:
      w.begin_array();
      for (const ConfigValue& item : v.items) canonical(w, item);
      w.end_array();
      return;
    case Type::map: {
      std::map<std::string_view, const ConfigValue*> sorted;
      for (const ConfigEntry& e : v.entries) sorted[e.key] = &e.value;
      w.begin_object();
      for (const auto& [key, value] : sorted) canonical(w.key(key), *value);
      w.end_object();
      return;
    }
  }
}

void read_tree(const ConfigValue& root, Options& options, ProcessOptions& process,
               ConfigFaults& faults) {
  Reader(options, process, faults).top(root);
  std::string text;
  proto::JsonWriter w(text);
  canonical(w, root);
  text += '\n';
  options.config_digest = "sha256:" + sha256_hex(text);
}

}  // namespace

void parse_config_file(const std::string& path, Options& options, ProcessOptions& process,
                       ConfigFaults& faults) {
  options.config_file = path;
  ConfigValue root;
  if (ConfigParser(faults.errors).parse_file(path, root)) read_tree(root, options, process, faults);
}

void parse_config_text(std::string_view text, const std::string& name, Options& options,
                       ProcessOptions& process, ConfigFaults& faults) {
  options.config_file = name;
  ConfigValue root;
  if (ConfigParser(faults.errors).parse_text(text, name, "", root))
    read_tree(root, options, process, faults);
}

void validate(const Options& options, ConfigFaults& faults) {
  const auto fault = [&](std::string text) { faults.errors.push_back(std::move(text)); };
  const auto bad_auth = [](const Authorization& a) {
    return !a.token.empty() && (!a.user.empty() || !a.password.empty());
  };
  if (options.max_payload > options.max_pending)
    fault("max_payload (" + std::to_string(options.max_payload) +
          ") cannot be higher than max_pending (" + std::to_string(options.max_pending) + ")");
  if (options.lame_duck_grace_period_ns >= options.lame_duck_duration_ns)
    fault("lame duck grace period must be strictly lower than the lame duck duration");
  if (!is_valid_name(options.server_name)) fault(kNameWithSpaces);
  if (options.reactors > Mailbox::kMaxReactors)
    fault("reactors must be at most " + std::to_string(Mailbox::kMaxReactors));
  if (options.loop != nullptr && options.reactors != 1)
    fault("on a host's loop there is one reactor, not " + std::to_string(options.reactors));
  for (std::string& text : left_out(options)) fault(std::move(text));
  if (bad_auth(options.authorization) || bad_auth(options.websocket.authorization))
    fault("a token and a user with password cannot both be used");
  if (options.websocket.enabled() && !options.websocket.no_tls)
    fault("websocket requires TLS configuration, or no_tls: true (TLS is not built yet)");
  for (const std::string& address : {options.client_advertise, options.websocket.advertise})
    if (!parse_host_port(address)) fault("cannot advertise \"" + address + "\": no host:port");
  if (options.max_pending <= 0 || options.max_control_line == 0)
    fault("max_pending and max_control_line must be positive");
  if (options.ping_interval_ns <= 0) fault("ping_interval must be positive");
  if (options.write_deadline_ns <= 0) fault("write_deadline must be positive");
}

}  // namespace pipit
