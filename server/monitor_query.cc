#include "server/monitor_query.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/errors.h"
#include "transport/http_head.h"

namespace pipit {
namespace {

constexpr int64_t kDefaultLimit = 1024;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return lower;
}

bool is_sort_option(std::string_view text) {
  constexpr std::array<std::string_view, 14> kOptions = {
      "cid",      "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from",
      "last",     "idle",  "uptime", "stop",  "reason",  "rtt"};
  return std::find(kOptions.begin(), kOptions.end(), text) != kOptions.end();
}

// Reads values as Go's strconv does and complains in its words. The first complaint stays, so the
// order of the calls is the order in which nats-server looks at the parameters.
class Reader {
 public:
  Reader(std::string_view query, std::string& error)
      : pairs_(net::parse_query(query)), error_(error) {}

  // Of equal names the first counts; absent is empty.
  std::string_view text(std::string_view name) const {
    for (const auto& [key, value] : pairs_)
      if (key == name) return value;
    return {};
  }

  // An empty value is false.
  bool boolean(std::string_view name) {
    const std::string_view value = text(name);
    for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
      if (value == yes) return true;
    for (std::string_view no : {"", "0", "f", "F", "FALSE", "false", "False"})
      if (value == no) return false;
    complain("boolean", name, "ParseBool", std::errc::invalid_argument);
    return false;
  }

  // An empty value is 0. Only signed numbers may have a sign.
  int64_t integer(std::string_view name) { return number<int64_t>(name, "int", "Atoi"); }
  uint64_t cardinal(std::string_view name) { return number<uint64_t>(name, "uint64", "ParseUint"); }

 private:
  template <class T>
  T number(std::string_view name, std::string_view kind, std::string_view function) {
    std::string_view value = text(name);
    if (value.empty()) return 0;
    if (std::is_signed_v<T> && value.front() == '+' && !value.substr(1).starts_with('-'))
      value.remove_prefix(1);
    T parsed = 0;
    const auto [end, status] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (end != value.data() + value.size())
      complain(kind, name, function, std::errc::invalid_argument);
    else if (status != std::errc())
      complain(kind, name, function, status);
    return parsed;
  }

  void complain(std::string_view kind, std::string_view name, std::string_view function,
                std::errc why) {
    if (!error_.empty()) return;
    error_.append("Error decoding ").append(kind).append(" for '").append(name);
    error_.append("': strconv.").append(function).append(": parsing ");
    proto::append_quoted(error_, text(name));
    error_ += why == std::errc::result_out_of_range ? ": value out of range" : ": invalid syntax";
  }

  const std::vector<std::pair<std::string, std::string>> pairs_;
  std::string& error_;
};

void read_connz(Reader& read, MonitorQuery& q, std::string& error) {
  q.auth = read.boolean("auth");
  q.subs_detail = lower_case(read.text("subs")) == "detail";
  if (!q.subs_detail) q.subs = read.boolean("subs");
  q.offset = read.integer("offset");
  q.limit = read.integer("limit");
  q.cid = read.cardinal("cid");
  if (!error.empty()) return;
  const std::string state = lower_case(read.text("state"));
  if (state == "closed") q.state = ConnState::closed;
  else if (state == "any" || state == "all") q.state = ConnState::all;
  else if (!state.empty() && state != "open") {
    error = "Error decoding state for " + std::string(read.text("state"));
    return;
  }
  q.user = read.text("user");
  q.account = read.text("acc");
  if (const std::string_view sort = read.text("sort"); !sort.empty()) q.sort = sort;
  if (!is_sort_option(q.sort))
    error = "invalid sorting option: " + q.sort;
  else if ((q.sort == "stop" || q.sort == "reason") && q.state != ConnState::closed)
    error = "sort by " + q.sort + " only valid on closed connections";
}

void read_subsz(Reader& read, MonitorQuery& q) {
  q.subs = read.boolean("subs");
  q.offset = read.integer("offset");
  q.limit = read.integer("limit");
  q.test = read.text("test");
  q.account = read.text("acc");
}

// Consumers, leaders and Raft are asked about in vain.
void read_jsz(Reader& read, MonitorQuery& q) {
  q.accounts = read.boolean("accounts");
  q.streams = read.boolean("streams");
  for (std::string_view name : {"consumers", "direct-consumers"})
    if (read.boolean(name)) q.streams = true;
  q.config = read.boolean("config");
  q.offset = read.integer("offset");
  q.limit = read.integer("limit");
  for (std::string_view name : {"leader-only", "raft", "stream-leader-only"}) read.boolean(name);
  q.account = read.text("acc");
  q.accounts = q.accounts || q.streams || !q.account.empty();
}

}  // namespace

std::optional<MonitorQuery> parse_monitor_query(MonitorPage page, std::string_view query,
                                                std::string& error) {
  error.clear();
  MonitorQuery q;
  Reader read(query, error);
  switch (page) {
    case MonitorPage::varz: break;
    case MonitorPage::connz: read_connz(read, q, error); break;
    case MonitorPage::subsz: read_subsz(read, q); break;
    case MonitorPage::jsz: read_jsz(read, q); break;
    case MonitorPage::healthz:
      q.account = read.text("account");
      q.stream = read.text("stream");
      // What they ask about is always so; what is malformed is refused all the same.
      for (std::string_view name :
           {"js-enabled", "js-enabled-only", "js-server-only", "js-meta-only", "details"})
        read.boolean(name);
      break;
  }
  if (!error.empty()) return std::nullopt;
  q.offset = std::max<int64_t>(q.offset, 0);
  if (q.limit <= 0) q.limit = kDefaultLimit;
  if (q.cid > 0) q.limit = 1;
  return q;
}

}  // namespace pipit
