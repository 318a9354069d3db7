// Proves that the parameters of a monitoring request are read, and refused, as nats-server 2.14
// does: the texts below are its own.
#include "server/monitor_query.h"

#include <doctest/doctest.h>

using namespace pipit;

namespace {

std::string error_of(MonitorPage page, std::string_view query) {
  std::string error;
  const auto parsed = parse_monitor_query(page, query, error);
  CHECK(parsed.has_value() == error.empty());
  return error;
}
std::string connz_error(std::string_view query) { return error_of(MonitorPage::connz, query); }

MonitorQuery connz(std::string_view query) {
  std::string error;
  const auto parsed = parse_monitor_query(MonitorPage::connz, query, error);
  REQUIRE_MESSAGE(parsed.has_value(), error);
  return *parsed;
}

}  // namespace

TEST_CASE("nothing asked: open connections by cid, 1024 at most") {
  const MonitorQuery q = connz("");
  CHECK(q.sort == "cid");
  CHECK(q.state == ConnState::open);
  CHECK(q.offset == 0);
  CHECK(q.limit == 1024);
  CHECK(q.cid == 0);
  CHECK_FALSE(q.subs);
  CHECK_FALSE(q.subs_detail);
  CHECK_FALSE(q.auth);
}

TEST_CASE("truth has Go's spellings and no others") {
  for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
    CHECK(connz("subs=" + std::string(yes)).subs);
  for (std::string_view no : {"", "0", "f", "F", "FALSE", "false", "False"})
    CHECK_FALSE(connz("subs=" + std::string(no)).subs);
  CHECK(connz_error("auth=yes") ==
        "Error decoding boolean for 'auth': strconv.ParseBool: parsing \"yes\": invalid syntax");
  CHECK(connz_error("subs=tRUE") ==
        "Error decoding boolean for 'subs': strconv.ParseBool: parsing \"tRUE\": invalid syntax");
}

TEST_CASE("subs=detail in any case is for connz only") {
  CHECK(connz("subs=detail").subs_detail);
  CHECK(connz("subs=DETAIL").subs_detail);
  CHECK_FALSE(connz("subs=detail").subs);
  CHECK(error_of(MonitorPage::subsz, "subs=detail") ==
        "Error decoding boolean for 'subs': strconv.ParseBool: parsing \"detail\": invalid syntax");
}

TEST_CASE("numbers") {
  CHECK(connz("offset=7&limit=%2B3").offset == 7);
  CHECK(connz("offset=7&limit=%2B3").limit == 3);
  CHECK(connz("offset=-5").offset == 0);
  CHECK(connz("limit=-3").limit == 1024);
  CHECK(connz("limit=0").limit == 1024);
  CHECK(connz("offset=9223372036854775807").offset == INT64_MAX);
  CHECK(connz_error("offset=x") ==
        "Error decoding int for 'offset': strconv.Atoi: parsing \"x\": invalid syntax");
  CHECK(connz_error("limit=-") ==
        "Error decoding int for 'limit': strconv.Atoi: parsing \"-\": invalid syntax");
  CHECK(connz_error("limit=%2B-3") ==
        "Error decoding int for 'limit': strconv.Atoi: parsing \"+-3\": invalid syntax");
  CHECK(connz_error("limit=0x10") ==
        "Error decoding int for 'limit': strconv.Atoi: parsing \"0x10\": invalid syntax");
  CHECK(connz_error("limit=1+0") ==
        "Error decoding int for 'limit': strconv.Atoi: parsing \"1 0\": invalid syntax");
  CHECK(connz_error("offset=9223372036854775808") ==
        "Error decoding int for 'offset': strconv.Atoi: parsing \"9223372036854775808\": value out "
        "of range");
}

TEST_CASE("a cid is a number without a sign, and one connection is all it can name") {
  CHECK(connz("cid=18446744073709551615").cid == UINT64_MAX);
  CHECK(connz("cid=5&limit=100").limit == 1);
  CHECK(connz("cid=0&limit=100").limit == 100);
  CHECK(connz_error("cid=-1") ==
        "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"-1\": invalid syntax");
  CHECK(connz_error("cid=%2B5") ==
        "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"+5\": invalid syntax");
  CHECK(connz_error("cid=99999999999999999999") ==
        "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"99999999999999999999\": value "
        "out of range");
}

TEST_CASE("what is refused is quoted as Go quotes it") {
  CHECK(connz_error("offset=x%22y%00%0a") ==
        "Error decoding int for 'offset': strconv.Atoi: parsing \"x\\\"y\\x00\\n\": invalid syntax");
}

TEST_CASE("states") {
  CHECK(connz("state=OPEN").state == ConnState::open);
  CHECK(connz("state=closed").state == ConnState::closed);
  CHECK(connz("state=Any").state == ConnState::all);
  CHECK(connz("state=all").state == ConnState::all);
  CHECK(connz_error("state=Foo") == "Error decoding state for Foo");
}

TEST_CASE("orders, two of them only where every connection is closed") {
  for (std::string_view sort : {"cid", "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to",
                                "bytes_from", "last", "idle", "uptime", "rtt"})
    CHECK(connz("sort=" + std::string(sort)).sort == sort);
  CHECK(connz("sort=").sort == "cid");
  CHECK(connz("sort=stop&state=closed").sort == "stop");
  CHECK(connz("sort=reason&state=closed").sort == "reason");
  CHECK(connz_error("sort=stop") == "sort by stop only valid on closed connections");
  CHECK(connz_error("sort=reason&state=any") == "sort by reason only valid on closed connections");
  CHECK(connz_error("sort=CID") == "invalid sorting option: CID");
}

TEST_CASE("several faults: the one that nats-server looks at first") {
  CHECK(connz_error("subs=x&auth=y").starts_with("Error decoding boolean for 'auth'"));
  CHECK(connz_error("limit=y&offset=x&subs=1").starts_with("Error decoding int for 'offset'"));
  CHECK(connz_error("state=q&cid=z&limit=1").starts_with("Error decoding uint64 for 'cid'"));
  CHECK(connz_error("sort=foo&state=foo") == "Error decoding state for foo");
  CHECK(error_of(MonitorPage::subsz, "offset=x&limit=y&subs=z")
            .starts_with("Error decoding boolean for 'subs'"));
}

TEST_CASE("of equal names the first counts, and broken escapes do not") {
  CHECK(connz("subs=true&subs=x").subs);
  CHECK(connz("auth=%zz&auth=1").auth);
  CHECK(connz("user=a%20b&acc=%24G").user == "a b");
  CHECK(connz("user=a%20b&acc=%24G").account == "$G");
}

TEST_CASE("a page ignores what only others ask for") {
  CHECK(error_of(MonitorPage::varz, "subs=x&limit=y&state=z").empty());
  CHECK(error_of(MonitorPage::subsz, "sort=foo&state=foo&cid=x&auth=x").empty());
  CHECK(error_of(MonitorPage::healthz, "offset=x&state=foo").empty());
  CHECK(connz("nonsense=1&details=x").limit == 1024);
  CHECK(error_of(MonitorPage::healthz, "js-meta-only=x&details=y") ==
        "Error decoding boolean for 'js-meta-only': strconv.ParseBool: parsing \"x\": invalid "
        "syntax");
  CHECK(error_of(MonitorPage::healthz, "details=1&js-server-only=true&js-enabled-only=t").empty());
}
