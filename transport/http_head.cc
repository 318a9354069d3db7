#include "transport/http_head.h"

#include <algorithm>

namespace pipit::net {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// RFC 9110, 5.6.2.
bool is_token_char(char c) {
  return is_digit(c) || is_alpha(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// What may stand in a field value: no control byte but the tab. Bytes past ASCII are opaque.
bool is_value_char(char c) {
  auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

bool is_target_char(char c) { return c > 0x20 && c < 0x7f; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool starts_ignoring_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && equals_ignoring_case(text.substr(0, start.size()), start);
}

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The target without "http://host" in front, which a server must accept (RFC 9112, 3.2.2).
std::string_view origin_form(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!starts_ignoring_case(target, scheme)) continue;
    size_t path = target.find_first_of("/?", scheme.size());
    return path == std::string_view::npos ? "/" : target.substr(path);
  }
  return target;
}

bool parse_request_line(std::string_view line, HttpHead& head) {
  size_t first = line.find(' ');
  if (first == std::string_view::npos) return false;
  size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return false;
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  head.version = line.substr(second + 1);
  if (head.method.empty() || !std::ranges::all_of(head.method, is_token_char)) return false;
  if (head.target.empty() || !std::ranges::all_of(head.target, is_target_char)) return false;
  if (head.target.front() != '/' && head.target != "*" &&
      !starts_ignoring_case(head.target, "http://") &&
      !starts_ignoring_case(head.target, "https://")) {
    return false;
  }
  return head.version == "HTTP/1.1" || head.version == "HTTP/1.0";
}

bool parse_field(std::string_view line, HttpHead& head) {
  size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  std::string_view name = line.substr(0, colon);
  // A blank in front of the name (obs-fold) or of the colon fails here too.
  if (!std::ranges::all_of(name, is_token_char)) return false;
  std::string_view value = trim(line.substr(colon + 1));
  if (!std::ranges::all_of(value, is_value_char)) return false;
  if (equals_ignoring_case(name, "Transfer-Encoding")) return false;
  if (equals_ignoring_case(name, "Content-Length") &&
      (value.empty() || value.find_first_not_of('0') != std::string_view::npos)) {
    return false;  // nobody who comes here has a body to send
  }
  if (equals_ignoring_case(name, "Host") && head.field("Host")) return false;
  head.fields.emplace_back(name, value);
  return true;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::string_view HttpHead::path() const {
  std::string_view whole = origin_form(target);
  std::string_view before = whole.substr(0, whole.find('?'));
  return before.empty() ? "/" : before;
}

std::string_view HttpHead::query() const {
  size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

std::optional<std::string_view> HttpHead::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

bool HttpHead::has_token(std::string_view name, std::string_view token) const {
  for (const auto& [key, value] : fields) {
    if (!equals_ignoring_case(key, name)) continue;
    for (std::string_view rest = value;;) {
      size_t comma = rest.find(',');
      if (equals_ignoring_case(trim(rest.substr(0, comma)), token)) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

bool HttpHead::keep_alive() const {
  if (has_token("Connection", "close")) return false;
  return version == "HTTP/1.1" || has_token("Connection", "keep-alive");
}

HttpParse parse_http_head(std::string_view bytes, HttpHead& head, size_t& head_size) {
  head.method = head.target = head.version = {};
  head.fields.clear();
  bool whole_limit = bytes.size() >= kMaxHttpHead;
  bytes = bytes.substr(0, kMaxHttpHead);

  // Told of the beginning of a line, too: how the bytes were cut must not decide between faults.
  const auto one_too_many = [&head](std::string_view line) {
    return head.fields.size() == kMaxHttpFields && !line.empty() && line != "\r";
  };
  size_t begin = 0;
  // Lines are judged as they come, so that who does not speak HTTP is not waited for.
  for (size_t end; (end = bytes.find('\n', begin)) != std::string_view::npos; begin = end + 1) {
    if (one_too_many(bytes.substr(begin, end - begin))) return HttpParse::too_large;
    if (end == begin || bytes[end - 1] != '\r') return HttpParse::bad;
    std::string_view line = bytes.substr(begin, end - 1 - begin);
    if (head.method.empty()) {
      if (!parse_request_line(line, head)) return HttpParse::bad;
    } else if (line.empty()) {
      head_size = end + 1;
      return HttpParse::done;
    } else {
      if (!parse_field(line, head)) return HttpParse::bad;
    }
  }
  std::string_view rest = bytes.substr(begin);
  if (one_too_many(rest)) return HttpParse::too_large;
  if (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
  if (!std::ranges::all_of(rest, is_value_char)) return HttpParse::bad;
  return whole_limit ? HttpParse::too_large : HttpParse::need_more;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    size_t end = query.find('&');
    std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    size_t equals = pair.find('=');
    auto key = percent_decode(pair.substr(0, equals));
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view()
                                                                 : pair.substr(equals + 1));
    if (key && value) pairs.emplace_back(*std::move(key), *std::move(value));
  }
  return pairs;
}

}  // namespace pipit::net
