// Proves what the keys of a configuration file set, that nothing wrong or not built goes by unsaid,
// and that contradictions between fields are found.
#include "server/config.h"

#include <doctest/doctest.h>

#include "tests/support/temp_dir.h"

using namespace pipit;

namespace {

struct Read {
  Options options;
  ProcessOptions process;
  ConfigFaults faults;
};

Read read(std::string_view text) {
  Read r;
  parse_config_text(text, "f", r.options, r.process, r.faults);
  return r;
}

Read good(std::string_view text) {
  Read r = read(text);
  if (r.faults.errors.empty()) validate(r.options, r.faults);
  CHECK_MESSAGE(r.faults.errors.empty(), r.faults.errors[0]);
  CHECK_MESSAGE(r.faults.warnings.empty(), r.faults.warnings[0]);
  return r;
}

// The one error of it.
std::string error_of(std::string_view text) {
  Read r = read(text);
  if (r.faults.errors.empty()) validate(r.options, r.faults);
  CHECK(r.faults.warnings.empty());
  return r.faults.errors.size() == 1 ? r.faults.errors[0]
                                     : std::to_string(r.faults.errors.size()) + " errors";
}

std::string warning_of(std::string_view text) {
  Read r = read(text);
  CHECK(r.faults.errors.empty());
  return r.faults.warnings.size() == 1 ? r.faults.warnings[0]
                                       : std::to_string(r.faults.warnings.size()) + " warnings";
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("where a server listens: host and port apart or together") {
  CHECK(good("port: 4333").options.port == 4333);
  CHECK(good("port: -1").options.port == -1);
  CHECK(good("host: h").options.host == "h");
  CHECK(good("net: h").options.host == "h");
  const Options o = good("listen: 127.0.0.1:4333").options;
  CHECK(o.host == "127.0.0.1");
  CHECK(o.port == 4333);
  CHECK(good("listen: 4333").options.port == 4333);
  CHECK(good("listen: 4333").options.host == "0.0.0.0");
  CHECK(good("listen: \"[::1]:4333\"").options.host == "::1");
  CHECK(good("listen: \":4333\"").options.port == 4333);
  CHECK(good("http: localhost:8222").options.http_host == "localhost");
  for (const char* key : {"http_port", "monitor_port", "http"})
    CHECK(good(std::string(key) + ": 8222").options.http_port == 8222);
  CHECK(good("http_base_path: /nats").options.http_base_path == "/nats");
  for (const char* address : {"a:1", "a", ":1", "[::1]:1", "[::1]"})
    CHECK(good("client_advertise: \"" + std::string(address) + "\"").options.client_advertise ==
          address);
  for (const char* bad : {"a:b:c", "a:x", "a:", "a:70000", "::1"}) {
    const std::string said = "cannot advertise \"" + std::string(bad) + "\": no host:port";
    CHECK(error_of("client_advertise: \"" + std::string(bad) + "\"") == said);
    CHECK(error_of("ws { advertise: \"" + std::string(bad) + "\" }") == said);
  }
  CHECK(error_of("listen: localhost") ==
        "f:1:1: could not parse address \"localhost\": host:port is due");
  for (const char* bad :
       {"\"h:\"", "\"h:x\"", "\"h:70000\"", "\"h:-2\"", "\"4333\"", "true", "70000"})
    CHECK(error_of(std::string("\nlisten: ") + bad).starts_with("f:2:1: "));
}

TEST_CASE("limits, each by every name that it has") {
  CHECK(good("max_payload: 1k").options.max_payload == 1000);
  CHECK(good("max_payload: -1").options.max_payload == -1);
  CHECK(good("max_pending: 64MiB").options.max_pending == 64 * 1024 * 1024);
  CHECK(good("max_control_line: 8kb").options.max_control_line == 8192);
  for (const char* key : {"max_connections", "max_conn"}) {
    CHECK(good(std::string(key) + ": 7").options.max_connections == 7);
    CHECK(good(std::string(key) + ": 0").options.max_connections == 0);
    CHECK(good(std::string(key) + ": -1").options.max_connections == -1);
  }
  for (const char* key : {"max_subscriptions", "max_subs"}) {
    CHECK(good(std::string(key) + ": 7").options.max_subscriptions == 7);
    CHECK(good(std::string(key) + ": -1").options.max_subscriptions == -1);
  }
  for (const char* key : {"max_sub_tokens", "max_subscription_tokens"})
    CHECK(good(std::string(key) + ": 255").options.max_sub_tokens == 255);
  CHECK(good("max_closed_clients: 7").options.max_closed_clients == 7);
  CHECK(good("ping_max: 7").options.ping_max == 7);
  CHECK(good("max_traced_msg_len: 7").options.max_traced_msg_len == 7);
}

TEST_CASE("zero is the default where nats-server says so") {
  const Options standard;
  const Options o = good(
                        "max_payload: 0, max_pending: 0, max_control_line: 0, max_closed_clients: "
                        "0, ping_max: 0\n"
                        "ping_interval: \"0s\", write_deadline: \"0s\"\n")
                        .options;
  CHECK(o.max_payload == standard.max_payload);
  CHECK(o.max_pending == standard.max_pending);
  CHECK(o.max_control_line == standard.max_control_line);
  CHECK(o.max_closed_clients == standard.max_closed_clients);
  CHECK(o.ping_max == standard.ping_max);
  CHECK(o.ping_interval_ns == standard.ping_interval_ns);
  CHECK(o.write_deadline_ns == standard.write_deadline_ns);
}

TEST_CASE("numbers out of their range are refused at their key") {
  for (const char* text :
       {"max_payload: -2", "max_payload: 1g", "max_pending: -1", "max_control_line: -1",
        "max_subscriptions: -2", "max_sub_tokens: 256", "max_sub_tokens: -1",
        "max_closed_clients: -1", "ping_max: -1", "port: 65536", "port: -2", "http_port: 65536",
        "reactors: 0", "reactors: 65", "log_size_limit: -1", "max_traced_msg_len: -1",
        "websocket { port: 65536 }"})
    CHECK(error_of(text).find("must be between") != std::string::npos);
  CHECK(error_of("\n\n  port: 65536") == "f:3:3: must be between -1 and 65535");
}

TEST_CASE("times are durations; bare integers warn where nats-server takes them for seconds") {
  CHECK(good("ping_interval: \"1m30s\"").options.ping_interval_ns == 90 * kNsPerSecond);
  CHECK(good("write_deadline: 2s").options.write_deadline_ns == 2 * kNsPerSecond);
  const Options o = good("lame_duck_duration: \"1m\"\nlame_duck_grace_period: \"0s\"").options;
  CHECK(o.lame_duck_duration_ns == 60 * kNsPerSecond);
  CHECK(o.lame_duck_grace_period_ns == 0);
  CHECK(warning_of("ping_interval: 30") ==
        "f:1:1: an integer of seconds should be converted to a duration");
  CHECK(read("ping_interval: 2m").options.ping_interval_ns == 2'000'000 * kNsPerSecond);
  warning_of("write_deadline: 2");
  warning_of("websocket { ping_interval: 2 }");
  CHECK(error_of("lame_duck_duration: 2m") == "f:1:1: expected a string, found an integer");
  CHECK(error_of("lame_duck_duration: 29s") == "f:1:1: must not be less than 30s");
  CHECK(error_of("lame_duck_grace_period: \"-1s\"") == "f:1:1: must not be less than 0s");
  CHECK(error_of("ping_interval: \"2 days\"") == "f:1:1: \"2 days\" is no duration");
  CHECK(error_of("ping_interval: \"-1s\"") == "f:1:1: must not be less than 0s");
  CHECK(error_of("ping_interval: 1.5") == "f:1:1: expected a string, found a float");
}

TEST_CASE("names, tags, metadata and switches") {
  CHECK(good("server_name: \"x\"").options.server_name == "x");
  CHECK(error_of("\nserver_name: \"x y\"") == "f:2:1: server name cannot contain spaces");
  CHECK(good("server_tags: a").options.server_tags == Strings{"a"});
  CHECK(good("server_tags: [a, b]").options.server_tags == Strings{"a", "b"});
  CHECK(error_of("server_tags: [a, 1 ]") == "f:1:18: expected a string, found an integer");
  CHECK(good("server_metadata { a: b, c: \"d\" }").options.server_metadata.at("c") == "d");
  CHECK(error_of("server_metadata { a: 1 }") == "f:1:19: expected a string, found an integer");
  const Options o =
      good("no_fast_producer_stall: on, no_header_support: on, no_sublist_cache: on").options;
  CHECK(o.no_fast_producer_stall);
  CHECK(o.no_header_support);
  CHECK(o.disable_sublist_cache);
  CHECK(good("disable_sublist_cache: on").options.disable_sublist_cache);
  const Read reactors = good("reactors: 4");
  CHECK(reactors.options.reactors == 4);
  CHECK(reactors.process.reactors_given);
  CHECK_FALSE(good("port: 1").process.reactors_given);
}

TEST_CASE("there is no system account to leave out, so that leaving it out is no fault") {
  for (const char* key : {"no_system_account", "no_system", "no_sys_acc"}) {
    good(std::string(key) + ": true");
    CHECK(error_of(std::string(key) + ": 1") == "f:1:1: expected a boolean, found an integer");
  }
}

TEST_CASE("what the program does with files and its log") {
  const Read r = good(
      "debug: on, trace: on, trace_verbose: on, logtime: off, logtime_utc: on\n"
      "log_file: l, log_size_limit: 10MB, log_max_num: 3, pid_file: p, ports_file_dir: d\n");
  CHECK(r.options.debug);
  CHECK(r.options.trace);
  CHECK(r.options.trace_verbose);
  CHECK_FALSE(r.process.logtime);
  CHECK(r.process.logtime_utc);
  CHECK(r.process.log_file == "l");
  CHECK(r.process.log_size_limit == 10 * 1024 * 1024);
  CHECK(r.process.log_max_num == 3);
  CHECK(r.process.pid_file == "p");
  CHECK(r.process.ports_file_dir == "d");
  const ProcessOptions p =
      good("logfile: l, logfile_size_limit: 7, logfile_max_num: 3, pidfile: p").process;
  CHECK(p.log_file == "l");
  CHECK(p.log_size_limit == 7);
  CHECK(p.log_max_num == 3);
  CHECK(p.pid_file == "p");
}

TEST_CASE("authorization is a user and password or a token, for everybody or for WebSocket") {
  for (const char* names : {"user: joe, pass: x", "username: joe, password: x"}) {
    const Authorization a =
        good("authorization { " + std::string(names) + " }").options.authorization;
    CHECK(a.user == "joe");
    CHECK(a.password == "x");
  }
  CHECK(good("authorization { token: t, timeout: 1.5 }").options.authorization.timeout_ns ==
        1'500'000'000);
  CHECK(good("authorization { token: t, timeout: 3 }").options.authorization.timeout_ns ==
        3 * kNsPerSecond);
  CHECK(good("authorization { token: t, timeout: 2s }").options.authorization.timeout_ns ==
        2 * kNsPerSecond);
  CHECK(good("authorization { token: $2a$04$x }").options.authorization.token == "$2a$04$x");
  for (const char* name : {"authorization", "authentication"})
    CHECK(good("websocket { " + std::string(name) + " { token: t, timeout: 90 } }")
              .options.websocket.authorization.token == "t");
  CHECK(error_of("\nauthorization { token: t, user: u }") ==
        "f:2:1: a token and a user with password cannot both be used");
  CHECK(error_of("websocket {\n authorization { token: t, password: p }\n}") ==
        "f:2:2: a token and a user with password cannot both be used");
  CHECK(warning_of("authorization {\n token: t\n  timeout: 90\n}").starts_with("f:3:3: "));
  CHECK(error_of("authorization { token: 12 }") == "f:1:17: expected a string, found an integer");
  CHECK(error_of("authorization { timeout: -1 }") == "f:1:17: no sensible number of seconds");
  CHECK(error_of("authorization { timeout: soon }") == "f:1:17: \"soon\" is no duration");
}

TEST_CASE("the WebSocket block") {
  const WebsocketOptions w = good(
                                 "websocket {\n listen: 127.0.0.1:8080, advertise: \"a:1\", "
                                 "no_tls: true, same_origin: true\n"
                                 " allowed_origins: [ \"https://a.b\", \"http://c:3000\" ]\n "
                                 "handshake_timeout: 2s, compress: on\n"
                                 " headers { X-One: \"1\" }, ping_interval: 10s\n}")
                                 .options.websocket;
  CHECK(w.host == "127.0.0.1");
  CHECK(w.port == 8080);
  CHECK(w.advertise == "a:1");
  CHECK(w.no_tls);
  CHECK(w.same_origin);
  CHECK(w.allowed_origins == Strings{"https://a.b", "http://c:3000"});
  CHECK(w.handshake_timeout_ns == 2 * kNsPerSecond);
  CHECK(w.compression);
  CHECK(w.headers.at("X-One") == "1");
  CHECK(w.ping_interval_ns == 10 * kNsPerSecond);
  CHECK(good("ws { host: h, port: 1, no_tls: on }").options.websocket.host == "h");
  CHECK(good("ws { net: h, port: 1, no_tls: on }").options.websocket.host == "h");
  CHECK(good("ws { compression: on }").options.websocket.compression);
  CHECK(good("ws { handshake_timeout: 2 }").options.websocket.handshake_timeout_ns ==
        2 * kNsPerSecond);
  for (const char* name : {"allowed_origin", "allow_origins", "allow_origin", "origins", "origin"})
    CHECK(
        good("ws { " + std::string(name) + ": \"http://x\" }").options.websocket.allowed_origins ==
        Strings{"http://x"});
}

TEST_CASE("origins and headers of the WebSocket block are checked") {
  for (const char* origin : {"/x", "ftp://x", "http://", "*", ""})
    CHECK(error_of("ws { origin: \"" + std::string(origin) + "\" }").find("is no origin") !=
          std::string::npos);
  for (const char* name : {"Host", "content-length", "Connection", "Upgrade", "nats-no-masking",
                           "Sec-WebSocket-Accept"})
    CHECK(error_of("ws { headers { " + std::string(name) + ": x } }") ==
          "f:1:16: websocket: invalid header \"" + std::string(name) + "\" not allowed");
  CHECK(error_of("ws { headers { \"a b\": x } }").starts_with("f:1:16: "));
  CHECK(error_of("ws { headers { a: \"x\\r\\nb: c\" } }").starts_with("f:1:16: "));
  CHECK(error_of("ws { headers { a: 1 } }") == "f:1:16: expected a string, found an integer");
  CHECK(error_of("ws { port: 8080 }").find("TLS") != std::string::npos);
}

TEST_CASE("a block of the wrong kind is refused at its key") {
  for (const char* text :
       {"websocket: 1", "websocket: true", "websocket: [ a ]", "authorization: secret",
        "server_metadata: x", "websocket { headers: x }"})
    CHECK(error_of(text).find("expected a map, found") != std::string::npos);
  CHECK(error_of("port { a: 1 }") == "f:1:1: expected an integer, found a map");
  CHECK(error_of("port: 1x") == "f:1:1: expected an integer, found a string");
  CHECK(error_of("max_payload: \"1k\"") == "f:1:1: expected an integer, found a string");
  CHECK(error_of("debug: \"true\"") == "f:1:1: expected a boolean, found a string");
  CHECK(error_of("server_name: 2026-01-02T03:04:05Z") == "f:1:1: expected a string, found a date");
  CHECK(error_of("log_file: [ a ]") == "f:1:1: expected a string, found an array");
}

TEST_CASE("an unknown field is an error wherever it stands, unless it served as a variable") {
  CHECK(error_of("port: 1\n no_such: 2") == "f:2:2: unknown field \"no_such\"");
  CHECK(error_of("websocket {\n no_such: 2\n}") == "f:2:2: unknown field \"no_such\"");
  CHECK(error_of("authorization { no_such: 2 }") == "f:1:17: unknown field \"no_such\"");
  CHECK(good("P = 4333\nport: $P").options.port == 4333);
  CHECK(read("no: 1\nwebsocket { such: 2 }\nfields: 3").faults.errors.size() == 3);
}

TEST_CASE("keys count in any case, and of equal ones the last alone is looked at") {
  CHECK(good("PORT: 4333").options.port == 4333);
  CHECK(good("WebSocket { No_TLS: on }").options.websocket.no_tls);
  CHECK(good("port: x\nport: 4333").options.port == 4333);
  CHECK(error_of("port: 4333\nport: x") == "f:2:1: expected an integer, found a string");
}

TEST_CASE("what is not built is refused by name and never ignored") {
  for (const char* key : {"accounts",
                          "mappings",
                          "maps",
                          "no_auth_user",
                          "system_account",
                          "system",
                          "operator",
                          "operators",
                          "roots",
                          "root",
                          "root_operators",
                          "root_operator",
                          "resolver",
                          "account_resolver",
                          "accounts_resolver",
                          "resolver_tls",
                          "resolver_preload",
                          "resolver_pinned_accounts",
                          "trusted_keys",
                          "trusted",
                          "default_sentinel",
                          "cluster",
                          "gateway",
                          "leafnodes",
                          "leaf",
                          "mqtt",
                          "ocsp",
                          "ocsp_cache",
                          "prof_port",
                          "prof_block_rate",
                          "proxy_protocol",
                          "proxies",
                          "write_timeout",
                          "default_js_domain",
                          "feature_flags",
                          "syslog",
                          "remote_syslog",
                          "trace_headers",
                          "connect_error_reports",
                          "reconnect_error_reports"})
    for (const char* value : {"{ a: b }", "[ a ]", "text", "7", "true"})
      CHECK(error_of(std::string("\n") + key + ": " + value) ==
            "f:2:1: \"" + std::string(key) + "\" is not built in this version of pipit");
  for (const char* key :
       {"users", "default_permissions", "permissions", "auth_callout", "proxy_required"}) {
    CHECK(error_of("authorization { " + std::string(key) + ": [ a ] }") ==
          "f:1:17: \"" + std::string(key) +
              "\" in authorization is not built in this version of pipit");
    CHECK(error_of("ws { authorization { " + std::string(key) + ": [ a ] } }") ==
          "f:1:22: \"" + std::string(key) +
              "\" in websocket authorization is not built in this version of pipit");
  }
  for (const char* key :
       {"no_auth_user", "jwt_cookie", "user_cookie", "pass_cookie", "token_cookie"})
    CHECK(error_of("ws { " + std::string(key) + ": x }") ==
          "f:1:6: \"" + std::string(key) + "\" in websocket is not built in this version of pipit");
}

TEST_CASE("what says that it is off asks for nothing") {
  good(
      "jetstream: disabled, mqtt: false\nsyslog: off\ncluster { enabled: false }\njetstream: "
      "Disable");
  CHECK(error_of("mqtt { enabled: true }").find("not built") != std::string::npos);
}

TEST_CASE("a jetstream block, a word or a boolean switch streams on") {
  for (const char* text :
       {"jetstream: enabled", "jetstream: true", "jetstream {}", "jetstream { enabled: true }"})
    CHECK(good(text).options.jetstream.enabled);
  CHECK(!good("jetstream: false\nstore_dir: /d").options.jetstream.enabled);
  const JetStreamOptions js =
      good(
          "jetstream { store_dir: /d, max_mem: 1k, max_file_store: 2k, domain: hub, sync: 5s,\n"
          "strict: false, max_buffered_msgs: 7, limits { duplicate_window: 1h } }")
          .options.jetstream;
  CHECK(js.store_dir == "/d");
  CHECK(js.max_memory_store == 1000);
  CHECK(js.max_file_store == 2000);
  CHECK(js.domain == "hub");
  CHECK(!js.sync_always);
  CHECK(js.sync_interval_ns == 5 * kNsPerSecond);
  CHECK(!js.strict);
  CHECK(js.max_buffered_msgs == 7);
  CHECK(js.duplicate_window_max_ns == 3600 * kNsPerSecond);
  CHECK(good("jetstream { sync_interval: always }").options.jetstream.sync_always);
}

TEST_CASE("what would encrypt streams is refused, never ignored") {
  for (const char* key : {"key", "ek", "prev_key", "cipher", "tpm"})
    CHECK(error_of("jetstream { " + std::string(key) + ": x }") ==
          "f:1:13: \"" + std::string(key) +
              "\" in jetstream is not built in this version of pipit");
  CHECK(error_of("jetstream: maybe") ==
        "f:1:1: expected \"enabled\" or \"disabled\", found \"maybe\"");
  CHECK(error_of("jetstream { domain: \"a.b\" }") ==
        "invalid domain name: may not contain \".\", \"*\" or \">\"");
}

TEST_CASE("contradictions between fields are found before the start") {
  CHECK(error_of("max_payload: 2m\nmax_pending: 1m") ==
        "max_payload (2000000) cannot be higher than max_pending (1000000)");
  CHECK(error_of("lame_duck_duration: 30s\nlame_duck_grace_period: 30s") ==
        "lame duck grace period must be strictly lower than the lame duck duration");
  Options o;
  o.authorization.token = "t";
  o.authorization.user = "u";
  ConfigFaults faults;
  validate(o, faults);
  CHECK(faults.errors == Strings{"a token and a user with password cannot both be used"});
}

TEST_CASE("an empty file is a warning, a missing one an error, and all faults are told") {
  CHECK(warning_of("") == "f:1:1: config has no values or is empty");
  CHECK(warning_of("# nothing\n") == "f:1:1: config has no values or is empty");
  Read r;
  parse_config_file("/no/such/file.conf", r.options, r.process, r.faults);
  CHECK(r.faults.errors ==
        Strings{"error opening config file: open /no/such/file.conf: no such file or directory"});
  CHECK(read("port: x\ndebug: 1\nno_such: 1\nmqtt: on\n").faults.errors.size() == 4);
}

TEST_CASE("a fault in an included file names that file") {
  const test::TempDir dir;
  const std::string part = dir.write("part.conf", "\n port: x\n");
  const std::string whole = dir.write("whole.conf", "debug: 1\ninclude part.conf\n");
  Read r;
  parse_config_file(whole, r.options, r.process, r.faults);
  CHECK(r.faults.errors == Strings{whole + ":1:1: expected a boolean, found an integer",
                                   part + ":2:2: expected an integer, found a string"});
}

TEST_CASE(
    "the digest depends on what is said, not on how, and is the one that nats-server prints") {
  const std::string digest = read("port: 4000\nserver_name: one\n").options.config_digest;
  CHECK(digest == read("{\"server_name\":\"one\", 'port' = 4000}").options.config_digest);
  CHECK(digest != read("port: 4001\nserver_name: one\n").options.config_digest);
  CHECK(digest == "sha256:ddead43ec2433335e9727add8d507bb14657879e81a0471cb802110de14f6cae");
}
