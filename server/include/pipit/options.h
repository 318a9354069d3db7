// pipit/options.h -- what a nats-server .conf file can say, as plain fields.
//
// Defaults are those of nats-server, except `reactors`. Sizes are bytes, times are nanoseconds
// unless the name says otherwise. parse_config_file() fills the same structure from a file.
// What a field means, and its name in a config file: nats-server's configuration reference; the
// differences stand in docs/COMPATIBILITY.md.
#pragma once
#include <pipit/export.h>
#include <pipit/result.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

struct uv_loop_s;  // of libuv

namespace pipit {

enum class LogLevel : uint8_t { fatal, error, warning, info, debug, trace };

// Called from any reactor, one call at a time is not promised: the callee locks if it must.
// `line` has no time, pid or newline; it ends with the call.
using LogCallback = std::function<void(LogLevel, std::string_view line)>;

// What becomes of a client, on whatever it connects.
struct ConnectionEvent {
  enum class Kind : uint8_t {
    connected,      // it is there: INFO was sent
    authenticated,  // its CONNECT was accepted; also where nobody asks for credentials
    auth_failed,    // it was refused, or took too long
    disconnected,   // the last event of it
  };
  Kind kind;
  uint64_t cid;  // as in /connz; of this server never another's
  std::string_view transport;  // "tcp", "websocket", "in-process"
  std::string_view host;
  uint16_t port;
  std::string_view name, user;  // as the client gave them; empty before that
  std::string_view reason;      // of auth_failed and disconnected
};
// Called on the reactor of that client, between messages: Clients may be used in it. The texts end
// with the call. Several reactors may call at a time.
using EventCallback = std::function<void(const ConnectionEvent&)>;

inline constexpr int64_t kNsPerMs = 1'000'000;
inline constexpr int64_t kNsPerSecond = 1'000'000'000;

// One user and password, or one token. A password or token of the form $2a$NN$... is a bcrypt hash.
struct Authorization {
  std::string user;
  std::string password;
  std::string token;
  int64_t timeout_ns = 0;  // 0: the default, 2 s

  bool required() const { return !user.empty() || !password.empty() || !token.empty(); }
  bool operator==(const Authorization&) const = default;
};

// A certificate, with what stands between it and its authority, and its key: PEM files.
struct TlsCertificate {
  std::string cert_file;
  std::string key_file;
  bool operator==(const TlsCertificate&) const = default;
};

// Who begins TLS on a client port: the client after it has read INFO, or both at once without INFO;
// `automatic` waits for the client's first byte and falls back to INFO.
enum class TlsFirst : uint8_t { never, always, automatic };

// TLS of one listener. The names of suites, curves and versions are those of nats-server.
struct TlsOptions {
  // None: no TLS. Of several one is chosen by the name that a client asks for, or by the kind of key.
  std::vector<TlsCertificate> certificates;
  std::string ca_file;                       // whom `verify` trusts
  bool verify = false;                       // clients show a certificate
  int64_t timeout_ns = 0;                    // of the handshake; 0: the default, 2 s
  TlsFirst handshake_first = TlsFirst::never;      // client port only
  int64_t first_fallback_ns = 50 * kNsPerMs;       // of TlsFirst::automatic
  std::string min_version;                   // "1.2" or "1.3"; empty: "1.2"
  std::vector<std::string> cipher_suites;    // empty: Pipit's choice and order
  std::vector<std::string> curve_preferences;  // empty: X25519, CurveP256, CurveP384
  std::vector<std::string> pinned_certs;     // hex SHA-256 of a client's SubjectPublicKeyInfo

  bool enabled() const { return !certificates.empty(); }
  int64_t handshake_timeout_ns() const { return timeout_ns > 0 ? timeout_ns : 2 * kNsPerSecond; }
  bool operator==(const TlsOptions&) const = default;
};

struct WebsocketOptions {
  std::string host = "0.0.0.0";
  int port = 0;  // 0: no listener; -1: any free port
  std::string advertise;
  TlsOptions tls;
  bool no_tls = false;
  bool same_origin = false;
  std::vector<std::string> allowed_origins;
  int64_t handshake_timeout_ns = 0;  // 0: Pipit's own deadline, 10 s
  bool compression = false;
  Authorization authorization;  // overrides Options::authorization where required()
  std::map<std::string, std::string> headers;
  int64_t ping_interval_ns = 0;  // 0: Options::ping_interval_ns

  bool enabled() const { return port != 0; }
  bool operator==(const WebsocketOptions&) const = default;
};

// JetStream: streams that are kept. The names are those of a `jetstream` block.
struct JetStreamOptions {
  bool enabled = false;
  std::string store_dir;         // empty: "nats" in the folder for temporary files
  int64_t max_memory_store = -1;  // bytes of all streams in memory; -1: three quarters of the memory
  int64_t max_file_store = -1;    // bytes of all streams on disk; -1: of the free space at start
  std::string domain;            // one more name of the API: $JS.<domain>.API
  // An acknowledged message is on the disk. Else it is written, and synced every sync_interval_ns.
  bool sync_always = true;
  int64_t sync_interval_ns = 120 * kNsPerSecond;
  bool strict = true;  // requests with fields that nobody knows are refused
  int64_t duplicate_window_max_ns = 0;  // of a stream; 0: no limit
  int64_t request_queue_limit = 10'000;  // requests of the API that wait; then all are dropped
  // Of one stream, published and not on the disk yet; then publishers get status 429.
  int64_t max_buffered_msgs = 100'000;
  int64_t max_buffered_size = 128 * 1024 * 1024;
  bool operator==(const JetStreamOptions&) const = default;
};

struct Options {
  // Who and where.
  std::string host = "0.0.0.0";
  int port = 4222;  // -1: any free port
  bool dont_listen = false;  // no listener for clients: only those of this process and of adopt()
  std::string client_advertise;
  std::string server_name;  // empty: the server id
  // Who runs it; see server.h. Threads, each with its own loop, 1 to 64; 0: the caller, by poll().
  uint32_t reactors = 1;
  uv_loop_s* loop = nullptr;  // run on this libuv loop, with one reactor; outlives the server
  std::string config_file;    // as given; for the log and /varz
  std::string config_digest;  // "sha256:..." of the parsed configuration, empty without a file
  std::vector<std::string> server_tags;
  std::map<std::string, std::string> server_metadata;

  // Limits.
  uint32_t max_control_line = 4096;
  int64_t max_payload = 1024 * 1024;  // -1: only bounded by the nine digits of the protocol
  int64_t max_connections = 65536;    // 0 or less refuses every client
  int64_t max_pending = 64 * 1024 * 1024;
  int64_t max_subscriptions = 0;  // per connection; 0: no limit
  uint32_t max_sub_tokens = 0;    // 0: no limit, at most 255
  uint32_t max_closed_clients = 10000;
  int64_t ping_interval_ns = 120 * kNsPerSecond;
  uint32_t ping_max = 2;
  int64_t write_deadline_ns = 10 * kNsPerSecond;
  bool no_fast_producer_stall = false;
  bool no_header_support = false;
  bool disable_sublist_cache = false;
  int64_t lame_duck_duration_ns = 120 * kNsPerSecond;
  int64_t lame_duck_grace_period_ns = 10 * kNsPerSecond;

  Authorization authorization;
  TlsOptions tls;              // of the client port, and of https
  bool allow_non_tls = false;  // beside it, clients that begin without TLS
  WebsocketOptions websocket;
  JetStreamOptions jetstream;

  // Monitoring, by one of the two. Port 0: off; -1: any free port.
  std::string http_host = "0.0.0.0";
  int http_port = 0;
  int https_port = 0;
  int monitor_port() const { return http_port != 0 ? http_port : https_port; }
  std::string http_base_path;

  // Logging. The library only calls `log`; where the lines go is the binary's business.
  bool debug = false;
  bool trace = false;
  bool trace_verbose = false;
  uint32_t max_traced_msg_len = 0;
  LogCallback log;
  EventCallback on_event;
};

// Reads the text of a nats-server configuration. Errc::invalid_config: what is wrong, a line each, with
// line and column. What it says of process files (pid_file, log_file, ports_file_dir) is the
// program's business and left out. Server::create() checks the fields against each other.
PIPIT_API Result<Options> parse_options(std::string_view text) noexcept;

}  // namespace pipit
