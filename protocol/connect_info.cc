#include "protocol/connect_info.h"

#include <simdjson.h>

#include <array>

#include "protocol/json_writer.h"
#include "protocol/utf8.h"

namespace pipit::proto {
namespace {

namespace dom = simdjson::dom;

bool read(const dom::element& value, bool& field) { return !value.get_bool().get(field); }

bool read(const dom::element& value, int64_t& field) { return !value.get_int64().get(field); }

bool read(const dom::element& value, std::string& field) {
  std::string_view text;
  if (value.get_string().get(text)) return false;
  field = text;
  return true;
}

// A field name as Go compares it: without case, which folds two letters outside ASCII as well.
std::string_view fold(std::string_view name, std::array<char, 16>& buffer) {
  size_t n = 0;
  while (!name.empty() && n < buffer.size()) {
    size_t used = 1;
    char c = name[0];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (name.starts_with("\xC5\xBF")) {  // long s
      c = 's';
      used = 2;
    } else if (name.starts_with("\xE2\x84\xAA")) {  // Kelvin sign
      c = 'k';
      used = 3;
    }
    buffer[n++] = c;
    name.remove_prefix(used);
  }
  // A name longer than the buffer is no field of ours.
  return name.empty() ? std::string_view(buffer.data(), n) : std::string_view();
}

// False if the value has the wrong type for the field of that name.
bool read_field(Connect& connect, std::string_view name, const dom::element& value) {
  std::string ignored;
  if (name == "verbose") return read(value, connect.verbose);
  if (name == "pedantic") return read(value, connect.pedantic);
  if (name == "echo") return read(value, connect.echo);
  if (name == "headers") return read(value, connect.headers);
  if (name == "no_responders") return read(value, connect.no_responders);
  if (name == "tls_required") return read(value, connect.tls_required);
  if (name == "protocol") return read(value, connect.protocol);
  if (name == "user") return read(value, connect.user);
  if (name == "pass") return read(value, connect.password);
  if (name == "auth_token") return read(value, connect.auth_token);
  if (name == "nkey") return read(value, connect.nkey);
  if (name == "sig") return read(value, connect.signature);
  if (name == "jwt") return read(value, connect.jwt);
  if (name == "name") return read(value, connect.name);
  if (name == "lang") return read(value, connect.lang);
  if (name == "version") return read(value, connect.version);
  if (name == "account") return read(value, connect.account);
  if (name == "new_account") return read(value, connect.new_account);
  // Fields of routes, leaf nodes and proxies: without meaning here, but their types are checked.
  if (name == "proxy_sig" || name == "remote_account") return read(value, ignored);
  if (name == "import" || name == "export") return value.is_object();
  return true;
}

// Four hex digits at text[at]: their value, or -1.
int read_hex4(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int value = 0;
  for (const char c : text.substr(at, 4)) {
    const char low = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
    if (low >= '0' && low <= '9') {
      value = value * 16 + (low - '0');
    } else if (low >= 'a' && low <= 'f') {
      value = value * 16 + (low - 'a' + 10);
    } else {
      return -1;
    }
  }
  return value;
}

// What Go's decoder lets pass and simdjson does not, replaced by U+FFFD: bytes that are no UTF-8
// and halves of a surrogate pair. (Both are errors outside strings, before and after.)
std::string mend(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (size_t i = 0; i < json.size();) {
    if (json[i] != '\\') {
      const size_t size = utf8_sequence_size(json.substr(i));
      if (size == 0) {
        out += "\xEF\xBF\xBD";
      } else {
        out += json.substr(i, size);
      }
      i += size == 0 ? 1 : size;
      continue;
    }
    const int unit = json.substr(i, 2) == "\\u" ? read_hex4(json, i + 2) : -1;
    if (unit < 0) {
      out += json.substr(i, 1);
      if (i + 1 < json.size() && static_cast<unsigned char>(json[i + 1]) < 0x80) out += json[++i];
      ++i;
      continue;
    }
    size_t size = 6;
    const bool high = unit >= 0xD800 && unit < 0xDC00;
    const bool low = unit >= 0xDC00 && unit < 0xE000;
    bool paired = false;
    if (high && json.substr(i + 6, 2) == "\\u") {
      const int next = read_hex4(json, i + 8);
      paired = next >= 0xDC00 && next < 0xE000;
    }
    if (paired) size = 12;
    out += (high || low) && !paired ? std::string_view("\\ufffd") : json.substr(i, size);
    i += size;
  }
  return out;
}

}  // namespace

struct ConnectParser::Impl {
  // The document's root; its views live until the next call.
  bool parse(std::string_view json, dom::element& root) {
    const auto attempt = [&](std::string_view text) {
      padded.assign(text);
      padded.append(simdjson::SIMDJSON_PADDING, '\0');
      return parser.parse(padded.data(), text.size(), false).get(root);
    };
    const simdjson::error_code error = attempt(json);
    if (error == simdjson::UTF8_ERROR || error == simdjson::STRING_ERROR)
      return attempt(mend(json)) == simdjson::SUCCESS;
    return error == simdjson::SUCCESS;
  }

  dom::parser parser;
  std::string padded;
};

ConnectParser::ConnectParser() : impl_(std::make_unique<Impl>()) {}
ConnectParser::~ConnectParser() = default;

std::optional<Connect> ConnectParser::parse(std::string_view json) {
  dom::element root;
  if (!impl_->parse(json, root)) return std::nullopt;
  Connect connect;
  if (root.is_null()) return connect;
  dom::object object;
  if (root.get_object().get(object)) return std::nullopt;
  std::array<char, 16> folded;
  for (const auto [name, value] : object) {
    if (value.is_null()) continue;
    if (!read_field(connect, fold(name, folded), value)) return std::nullopt;
  }
  return connect;
}

bool ConnectParser::is_json(std::string_view json) {
  dom::element root;
  return impl_->parse(json, root) && (root.is_object() || root.is_null());
}

void write_info(std::string& out, const Info& info) {
  out += "INFO ";
  JsonWriter json(out);
  const auto text = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) json.field(name, value);
  };
  const auto flag = [&](std::string_view name, bool value) {
    if (value) json.field(name, true);
  };
  json.begin_object();
  json.field("server_id", info.server_id);
  json.field("server_name", info.server_name);
  json.field("version", info.version);
  json.field("proto", info.proto);
  text("git_commit", info.git_commit);
  json.field("go", info.go);
  json.field("host", info.host);
  json.field("port", info.port);
  json.field("headers", info.headers);
  flag("auth_required", info.auth_required);
  flag("tls_required", info.tls_required);
  flag("tls_verify", info.tls_verify);
  flag("tls_available", info.tls_available);
  json.field("max_payload", info.max_payload);
  flag("jetstream", info.jetstream);
  if (info.client_id != 0) json.field("client_id", info.client_id);
  text("client_ip", info.client_ip);
  text("nonce", info.nonce);
  text("cluster", info.cluster);
  text("domain", info.domain);
  if (!info.connect_urls.empty()) {
    json.key("connect_urls").begin_array();
    for (const std::string& url : info.connect_urls) json.value(url);
    json.end_array();
  }
  flag("ldm", info.lame_duck);
  flag("connect_info", info.connect_info);
  text("remote_account", info.remote_account);
  flag("acc_is_sys", info.account_is_system);
  if (info.api_level != 0) json.field("api_lvl", info.api_level);
  json.end_object();
  out += " \r\n";
}

}  // namespace pipit::proto
