#include "server/config.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "protocol/json_writer.h"
#include "server/config_jetstream.h"
#include "server/config_parser.h"
#include "server/config_reader.h"
#include "server/config_tls.h"
#include "server/host_port.h"
#include "server/left_out.h"
#include "server/mailbox.h"
#include "server/sha256.h"
#include "transport/ws_handshake.h"

namespace pipit {
namespace {

using Type = ConfigValue::Type;

// What nats-server knows and Pipit does not have yet.
constexpr std::array<std::string_view, 40> kNotBuilt = {
    "accounts", "mappings", "maps", "no_auth_user", "system_account", "system", "operator",
    "operators", "roots", "root", "root_operators", "root_operator", "resolver",
    "account_resolver", "accounts_resolver", "resolver_tls", "resolver_preload",
    "resolver_pinned_accounts", "trusted_keys", "trusted", "default_sentinel", "cluster", "gateway",
    "leafnodes", "leaf", "mqtt", "ocsp", "ocsp_cache",
    "prof_port", "prof_block_rate", "proxy_protocol",
    "proxies", "write_timeout", "default_js_domain", "feature_flags", "syslog", "remote_syslog",
    "trace_headers", "connect_error_reports", "reconnect_error_reports"};
constexpr std::array<std::string_view, 5> kNotBuiltAuthorization = {
    "users", "default_permissions", "permissions", "auth_callout", "proxy_required"};
constexpr std::array<std::string_view, 5> kNotBuiltWebsocket = {
    "no_auth_user", "jwt_cookie", "user_cookie", "pass_cookie", "token_cookie"};

constexpr const char* kNameWithSpaces = "server name cannot contain spaces";
bool is_valid_name(std::string_view name) {
  return name.find_first_of(" \t\r\n") == std::string_view::npos;
}

// Reads values of a tree into fields.
class Reader : private ConfigReader {
 public:
  Reader(Options& options, ProcessOptions& process, ConfigFaults& faults)
      : ConfigReader(faults), o_(options), p_(process) {}

  void top(const ConfigValue& root);

 private:
  void authorization(const ConfigValue& v, Authorization& out, bool websocket);
  void websocket(const ConfigValue& v);

  Options& o_;
  ProcessOptions& p_;
};

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
  const auto tls = [this, &w](const ConfigValue& value) { read_tls(value, false, w.tls, faults_); };
  Table table = {{"listen", listen(w.host, w.port)},
                 {"host", text(w.host)},
                 {"net", text(w.host)},
                 {"port", integer(w.port, -1, 65535)},
                 {"advertise", text(w.advertise)},
                 {"tls", tls},
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
  const auto tls = [this](const ConfigValue& v) { read_tls(v, true, o_.tls, faults_); };
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
  const auto jetstream = [this](const ConfigValue& v) { read_jetstream(v, o_.jetstream, faults_); };
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
      {"https", listen(o_.http_host, o_.https_port)},
      {"https_port", integer(o_.https_port, -1, 65535)},
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
      {"tls", tls},
      {"allow_non_tls", boolean(o_.allow_non_tls)},
      {"jetstream", jetstream},
      {"store_dir", text(o_.jetstream.store_dir)},
      {"storedir", text(o_.jetstream.store_dir)},
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

Result<void> ConfigFaults::result(const char* where) const {
  if (errors.empty()) return {};
  std::string text;
  for (const std::string& fault : errors) text += (text.empty() ? "" : "\n") + fault;
  return Error{Errc::invalid_config, 0, where, std::move(text)};
}

Result<Options> parse_options(std::string_view text) noexcept {
  Options options;
  ProcessOptions process;
  ConfigFaults faults;
  parse_config_text(text, "config", options, process, faults);
  PIPIT_TRY(faults.result("parse_options"));
  return options;
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
  validate_tls(options, faults);
  validate_jetstream(options, faults);
  for (const std::string& address : {options.client_advertise, options.websocket.advertise})
    if (!parse_host_port(address)) fault("cannot advertise \"" + address + "\": no host:port");
  if (options.max_pending <= 0 || options.max_control_line == 0)
    fault("max_pending and max_control_line must be positive");
  if (options.ping_interval_ns <= 0) fault("ping_interval must be positive");
  if (options.write_deadline_ns <= 0) fault("write_deadline must be positive");
}

}  // namespace pipit
