// CONNECT (client to server) and INFO (server to client): the two JSON documents of the protocol.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipit::proto {

// A field absent from the JSON keeps these defaults: `CONNECT {}` is verbose and pedantic.
struct Connect {
  bool verbose = true;
  bool pedantic = true;
  bool echo = true;
  bool headers = false;
  bool no_responders = false;
  bool tls_required = false;
  int64_t protocol = 0;
  std::string user, password, auth_token;
  std::string nkey, signature, jwt;
  std::string name, lang, version;
  // Relics: the server refuses whoever sets one of them to something else than this.
  std::string account;
  bool new_account = false;
};

// Parses CONNECT's JSON (simdjson; one parser, reused). Field names match case-insensitively and
// the last duplicate wins, as in Go's decoder. Null leaves a field as it is. Unknown fields are
// ignored. Not thread-safe; one a reactor.
class ConnectParser {
 public:
  ConnectParser();
  ~ConnectParser();
  ConnectParser(const ConnectParser&) = delete;
  ConnectParser& operator=(const ConnectParser&) = delete;
  // Nothing if `json` is no object or a known field has the wrong type. `null` is `{}`. Text that
  // is no UTF-8 is mended with U+FFFD, as in Go.
  std::optional<Connect> parse(std::string_view json);
  // Is this one JSON object, or null? (INFO from a client is checked and ignored.)
  bool is_json(std::string_view json);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Info {
  std::string server_id, server_name, version, go, host, git_commit;
  int proto = 1;
  int port = 0;
  bool headers = true;
  bool auth_required = false;
  bool tls_required = false;
  bool tls_verify = false;
  bool tls_available = false;
  bool jetstream = false;
  int64_t max_payload = 0;
  uint64_t client_id = 0;
  std::string client_ip, nonce, domain, cluster;
  int api_level = 0;
  std::vector<std::string> connect_urls;
  bool lame_duck = false;
  // Only in the INFO that follows the first PONG (2.12).
  bool connect_info = false;
  std::string remote_account;
  bool account_is_system = false;
};

// "INFO {...} CRLF" with the blank before CRLF and nats-server's field order. Appends.
void write_info(std::string& out, const Info& info);

}  // namespace pipit::proto
