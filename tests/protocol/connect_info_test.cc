// Proves that CONNECT is read as Go's decoder reads it (what is refused was tried on nats-server),
// and that INFO is written with nats-server's fields in nats-server's order.
#include "protocol/connect_info.h"

#include <doctest/doctest.h>

using namespace pipit::proto;
using namespace std::string_literals;

namespace {

std::optional<Connect> parse(std::string_view json) {
  ConnectParser parser;
  return parser.parse(json);
}

}  // namespace

TEST_CASE("a field that is absent keeps its default") {
  for (const char* json : {"{}", " {} ", "null", "{\"verbose\":null,\"user\":null}"}) {
    CAPTURE(json);
    const auto connect = parse(json);
    REQUIRE(connect);
    CHECK(connect->verbose);
    CHECK(connect->pedantic);
    CHECK(connect->echo);
    CHECK_FALSE(connect->headers);
    CHECK_FALSE(connect->no_responders);
    CHECK(connect->protocol == 0);
    CHECK(connect->user.empty());
  }
}

TEST_CASE("every field is read") {
  const auto connect = parse(
      R"({"verbose":false,"pedantic":false,"echo":false,"headers":true,"no_responders":true,
      "tls_required":true,"protocol":1,"user":"u","pass":"p","auth_token":"t","nkey":"UABC",
      "sig":"c2ln","jwt":"ey","name":"n","lang":"c++","version":"1.2","account":"A",
      "new_account":true})");
  REQUIRE(connect);
  CHECK_FALSE(connect->verbose);
  CHECK_FALSE(connect->pedantic);
  CHECK_FALSE(connect->echo);
  CHECK(connect->headers);
  CHECK(connect->no_responders);
  CHECK(connect->tls_required);
  CHECK(connect->protocol == 1);
  CHECK(connect->user == "u");
  CHECK(connect->password == "p");
  CHECK(connect->auth_token == "t");
  CHECK(connect->nkey == "UABC");
  CHECK(connect->signature == "c2ln");
  CHECK(connect->jwt == "ey");
  CHECK(connect->name == "n");
  CHECK(connect->lang == "c++");
  CHECK(connect->version == "1.2");
  CHECK(connect->account == "A");
  CHECK(connect->new_account);
}

TEST_CASE("names match in any case and the last of several wins, but null") {
  CHECK_FALSE(parse(R"({"VERBOSE":false})")->verbose);
  CHECK_FALSE(parse(R"({"ver\u0062ose":false})")->verbose);
  CHECK_FALSE(parse("{\"verbo\xC5\xBF"
                    "e\":false}")
                  ->verbose);
  CHECK(parse("{\"n\xE2\x84\xAA"
              "ey\":\"U\"}")
            ->nkey == "U");
  CHECK(parse(R"({"verbose":false,"Verbose":true})")->verbose);
  CHECK_FALSE(parse(R"({"verbose":true,"Verbose":false})")->verbose);
  CHECK_FALSE(parse(R"({"verbose":false,"verbose":null})")->verbose);
}

TEST_CASE("unknown fields are ignored whatever they hold") {
  for (const char* json :
       {R"({"verbose":false,"x":[1,{"a":[]}]})", R"({"":1,"verbose":false})",
        R"({"a name that is much longer than any of ours":1,"verbose":false})",
        R"({"verbosely":1,"verbose":false})", R"({"user_jwt":1,"verbose":false})"}) {
    CAPTURE(json);
    const auto connect = parse(json);
    REQUIRE(connect);
    CHECK_FALSE(connect->verbose);
  }
}

TEST_CASE("a known field of the wrong type is refused") {
  for (const char* field :
       {"verbose", "pedantic", "echo", "headers", "no_responders", "tls_required", "new_account"}) {
    for (const char* value : {"1", "\"true\"", "{}", "[]"}) {
      const std::string json = "{\""s + field + "\":" + value + "}";
      CAPTURE(json);
      CHECK_FALSE(parse(json));
    }
  }
  for (const char* field : {"user", "pass", "auth_token", "nkey", "sig", "jwt", "name", "lang",
                            "version", "account", "proxy_sig", "remote_account"}) {
    for (const char* value : {"1", "true", "{}", "[]"}) {
      const std::string json = "{\""s + field + "\":" + value + "}";
      CAPTURE(json);
      CHECK_FALSE(parse(json));
    }
  }
  for (const char* value : {"1.0", "1e0", "\"1\"", "true", "99999999999999999999", "1e999"}) {
    const std::string json = "{\"protocol\":"s + value + "}";
    CAPTURE(json);
    CHECK_FALSE(parse(json));
  }
  CHECK(parse(R"({"protocol":-0})")->protocol == 0);
  CHECK(parse(R"({"protocol":-1})")->protocol == -1);
  CHECK_FALSE(parse(R"({"import":1})"));
  CHECK_FALSE(parse(R"({"export":[]})"));
  CHECK(parse(R"({"import":{},"export":null})"));
}

TEST_CASE("what is no JSON object is refused") {
  for (const char* json : {"",
                           " ",
                           "[]",
                           "1",
                           "true",
                           "\"x\"",
                           "{",
                           "}",
                           "{\"verbose\":false,}",
                           "{\"verbose\"}",
                           "{} x",
                           "{}{}",
                           "\f{}",
                           "\xEF\xBB\xBF{}",
                           "{\"x\":-}",
                           "{\"x\":01}",
                           "{\"x\":1.}",
                           "{\"x\":\"\\q\"}",
                           "{\"x\":\"a\tb\"}",
                           "{\"x\":\"a\x01\"}",
                           "{x:1}",
                           "{'x':1}",
                           "\xFF",
                           "{\"x\":\"\\",
                           "{\"x\":\"\\u",
                           "{\"x\":\"\\ud800",
                           "{\xFF:1}"}) {
    CAPTURE(json);
    CHECK_FALSE(parse(json));
  }
}

TEST_CASE("text that is no UTF-8 is mended as Go does it") {
  const std::string replacement = "\xEF\xBF\xBD";
  CHECK(parse("{\"name\":\"\xFF\xFE\"}")->name == replacement + replacement);
  CHECK(parse(R"({"name":"a\ud800b"})")->name == "a" + replacement + "b");
  CHECK(parse(R"({"name":"\udc00"})")->name == replacement);
  CHECK(parse(R"({"name":"\ud800A"})")->name == replacement + "A");
  CHECK(parse(R"({"name":"\ud800\ud83d\ude00"})")->name == replacement + "\xF0\x9F\x98\x80");
  CHECK(parse("{\"name\":\"\\\\ud800\xFF\"}")->name == "\\ud800" + replacement);
  CHECK(parse(R"({"name":"\u0000"})")->name == "\0"s);
  CHECK(parse("{\"name\":\"\xC3\xA9\"}")->name == "\xC3\xA9");
}

TEST_CASE("a parser is good for one document after another, wrong ones between") {
  ConnectParser parser;
  const std::string big = "{\"name\":\"" + std::string(3000, 'x') + "\"}";
  for (int round = 0; round < 3; ++round) {
    CHECK(parser.parse(big)->name.size() == 3000);
    CHECK_FALSE(parser.parse("{"));
    CHECK(parser.parse(R"({"name":"y"})")->name == "y");
    CHECK_FALSE(parser.parse(std::string(3000, '[')));
  }
}

TEST_CASE("a client's INFO is an object or null") {
  ConnectParser parser;
  CHECK(parser.is_json("{}"));
  CHECK(parser.is_json("null"));
  CHECK(parser.is_json(R"({"server_id":"x"} )"));
  for (const char* json : {"", "[]", "12", "{", "{} x"}) CHECK_FALSE(parser.is_json(json));
}

TEST_CASE("INFO has nats-server's fields in their order and a blank before its end") {
  Info info;
  info.server_id = "NABC";
  info.server_name = "name";
  info.version = "2.14.0";
  info.go = "go1.26";
  info.host = "127.0.0.1";
  info.port = 4222;
  info.max_payload = 1048576;
  info.client_id = 5;
  info.client_ip = "127.0.0.1";
  std::string out = "before ";
  write_info(out, info);
  CHECK(out ==
        "before INFO {\"server_id\":\"NABC\",\"server_name\":\"name\",\"version\":\"2.14.0\","
        "\"proto\":1,\"go\":\"go1.26\",\"host\":\"127.0.0.1\",\"port\":4222,\"headers\":true,"
        "\"max_payload\":1048576,\"client_id\":5,\"client_ip\":\"127.0.0.1\"} \r\n");

  info.git_commit = "abc";
  info.headers = false;
  info.auth_required = info.tls_required = info.tls_verify = info.tls_available = true;
  info.jetstream = info.lame_duck = info.connect_info = info.account_is_system = true;
  info.nonce = "n";
  info.cluster = "c";
  info.domain = "d";
  info.connect_urls = {"a:1", "b:2"};
  info.remote_account = "$G";
  info.api_level = 4;
  out.clear();
  write_info(out, info);
  CHECK(out ==
        "INFO {\"server_id\":\"NABC\",\"server_name\":\"name\",\"version\":\"2.14.0\",\"proto\":1,"
        "\"git_commit\":\"abc\",\"go\":\"go1.26\",\"host\":\"127.0.0.1\",\"port\":4222,"
        "\"headers\":false,\"auth_required\":true,\"tls_required\":true,\"tls_verify\":true,"
        "\"tls_available\":true,\"max_payload\":1048576,\"jetstream\":true,\"client_id\":5,"
        "\"client_ip\":\"127.0.0.1\",\"nonce\":\"n\",\"cluster\":\"c\",\"domain\":\"d\","
        "\"connect_urls\":[\"a:1\",\"b:2\"],\"ldm\":true,\"connect_info\":true,"
        "\"remote_account\":\"$G\",\"acc_is_sys\":true,\"api_lvl\":4} \r\n");
}
