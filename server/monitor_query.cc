#include "server/monitor_query.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "transport/http_head.h"

namespace pipit {
namespace {

constexpr int64_t kDefaultLimit = 1024;

// Go's ParseBool; an empty value is false.
std::optional<bool> parse_bool(std::string_view text) {
  for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == yes) return true;
  for (std::string_view no : {"", "0", "f", "F", "FALSE", "false", "False"})
    if (text == no) return false;
  return std::nullopt;
}

std::optional<int64_t> parse_int(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() == '+') text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_sort_option(std::string_view text) {
  constexpr std::array<std::string_view, 14> kOptions = {
      "cid",      "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from",
      "last",     "idle",  "uptime", "stop",  "reason",  "rtt"};
  return std::find(kOptions.begin(), kOptions.end(), text) != kOptions.end();
}

}  // namespace

std::optional<MonitorQuery> parse_monitor_query(std::string_view query, std::string& error) {
  MonitorQuery q;
  // Go's Values.Get: the first of equal names counts. Later ones are skipped by looking backwards.
  auto pairs = net::parse_query(query);
  std::reverse(pairs.begin(), pairs.end());
  for (const auto& [name, value] : pairs) {
    const auto as_bool = [&](bool& out) {
      const auto parsed = parse_bool(value);
      if (parsed) out = *parsed;
      else
        error = "Error decoding boolean for '" + name + "': strconv.ParseBool: parsing \"" + value +
                "\": invalid syntax";
    };
    const auto as_int = [&](int64_t& out) {
      const auto parsed = parse_int(value);
      if (parsed) out = *parsed;
      else
        error = "Error decoding int for '" + name + "': strconv.Atoi: parsing \"" + value +
                "\": invalid syntax";
    };
    if (name == "subs") {
      q.subs_detail = value == "detail";
      q.subs = false;
      if (!q.subs_detail) as_bool(q.subs);
    } else if (name == "auth") {
      as_bool(q.auth);
    } else if (name == "details") {
      as_bool(q.details);
    } else if (name == "offset") {
      as_int(q.offset);
    } else if (name == "limit") {
      as_int(q.limit);
    } else if (name == "cid") {
      int64_t cid = 0;
      as_int(cid);
      q.cid = static_cast<uint64_t>(std::max<int64_t>(cid, 0));
    } else if (name == "state") {
      std::string lower = value;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (lower == "open" || lower.empty()) q.state = ConnState::open;
      else if (lower == "closed") q.state = ConnState::closed;
      else if (lower == "any" || lower == "all") q.state = ConnState::all;
      else error = "Error decoding state for " + value;
    } else if (name == "sort") {
      if (value.empty() || is_sort_option(value)) q.sort = value.empty() ? "cid" : value;
      else error = "invalid sorting option: " + value;
    } else if (name == "user") {
      q.user = value;
    } else if (name == "acc") {
      q.account = value;
    } else if (name == "test") {
      q.test = value;
    }
  }
  if (!error.empty()) return std::nullopt;
  q.offset = std::max<int64_t>(q.offset, 0);
  if (q.limit <= 0) q.limit = kDefaultLimit;
  if (q.cid > 0) q.limit = 1;
  if ((q.sort == "stop" || q.sort == "reason") && q.state == ConnState::open) {
    error = "sort by " + q.sort + " only valid on closed connections";
    return std::nullopt;
  }
  return q;
}

}  // namespace pipit
