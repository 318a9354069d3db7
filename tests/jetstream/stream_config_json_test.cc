// A stream's config as JSON: what is taken, the words in which the rest is refused, and what is
// written. Expectations are answers of nats-server 2.14.5 to the same bodies.
#include "jetstream/stream_config_json.h"

#include <doctest/doctest.h>

using namespace pipit::js;

namespace {

std::string fault_of(std::string_view body, bool strict = true) {
  StreamConfigRequest request;
  return read_stream_request(body, strict, request);
}

StreamConfig config_of(std::string_view body, bool strict = true) {
  StreamConfigRequest request;
  CHECK(read_stream_request(body, strict, request) == "");
  return request.config;
}

std::string json_of(const StreamConfig& config, const ServerIdentity* server = nullptr) {
  std::string out;
  pipit::proto::JsonWriter json(out);
  write_stream_config(json, config, server);
  return out;
}

// Every field, in the order in which they are written.
constexpr std::string_view kFull =
    R"({"name":"S","description":"d","subjects":["a","b.\u003e"],"retention":"workqueue",)"
    R"("max_consumers":1,"max_msgs":2,"max_bytes":3,"max_age":4,"max_msgs_per_subject":5,)"
    R"("max_msg_size":6,"discard":"new","storage":"memory","num_replicas":7,"no_ack":true,)"
    R"("duplicate_window":8,"placement":{"cluster":"c","tags":["t"],"preferred":"p"},)"
    R"("mirror":{"name":"M","opt_start_seq":9,"opt_start_time":"2024-01-01T00:00:00.5+02:00",)"
    R"("filter_subject":"f","subject_transforms":[{"src":"x","dest":""}],)"
    R"("external":{"api":"A","deliver":""},"consumer":{"name":"C","deliver_subject":"D"}},)"
    R"("sources":[{"name":"O"},{"name":"P","consumer":{}}],"compression":"s2","first_seq":10,)"
    R"("subject_transform":{"src":"","dest":"z"},"republish":{"src":"s","dest":"r","headers_only":true},)"
    R"("allow_direct":true,"mirror_direct":true,"discard_new_per_subject":true,"sealed":true,)"
    R"("deny_delete":true,"deny_purge":true,"allow_rollup_hdrs":true,)"
    R"("consumer_limits":{"inactive_threshold":11,"max_ack_pending":12},"allow_msg_ttl":true,)"
    R"("subject_delete_marker_ttl":13,"allow_msg_counter":true,"allow_atomic":true,)"
    R"("allow_msg_schedules":true,"persist_mode":"async","allow_batched":true,)"
    R"("metadata":{"a":"","b":"\u003cx\u003e"}})";

}  // namespace

TEST_CASE("every field is read and written back as it was") {
  CHECK(json_of(config_of(kFull)) == kFull);
}

TEST_CASE("an empty config prints the fields that are never left out") {
  CHECK(
      json_of({}) ==
      R"({"name":"","retention":"limits","max_consumers":0,"max_msgs":0,"max_bytes":0,"max_age":0,)"
      R"("max_msgs_per_subject":0,"discard":"old","storage":"file","num_replicas":0,)"
      R"("compression":"none","allow_direct":false,"mirror_direct":false,"sealed":false,)"
      R"("deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},)"
      R"("allow_msg_ttl":false})");
}

TEST_CASE("responses show the server's version and level among the metadata") {
  StreamConfig config;
  config.metadata = {{"a", "1"}, {"_nats.ver", "forged"}};
  set_static_metadata(config);
  const ServerIdentity server{"2.14.0", 4};
  CHECK(
      json_of(config, &server)
          .ends_with(
              R"("metadata":{"_nats.level":"4","_nats.req.level":"0","_nats.ver":"2.14.0","a":"1"}})"));
  CHECK(json_of(config).ends_with(R"("metadata":{"_nats.req.level":"0","a":"1"}})"));
}

TEST_CASE("the level that a config requires is that of its newest feature") {
  const auto level = [](std::string_view body) { return required_api_level(config_of(body)); };
  CHECK(level(R"({})") == 0);
  CHECK(level(R"({"allow_msg_ttl":true})") == 1);
  CHECK(level(R"({"subject_delete_marker_ttl":1})") == 1);
  CHECK(level(R"({"subject_delete_marker_ttl":-1})") == 0);
  CHECK(level(R"({"allow_msg_counter":true,"allow_msg_ttl":true})") == 2);
  CHECK(level(R"({"allow_atomic":true})") == 2);
  CHECK(level(R"({"allow_msg_schedules":true})") == 2);
  CHECK(level(R"({"persist_mode":"async"})") == 2);
  CHECK(level(R"({"allow_batched":true,"allow_atomic":true})") == 4);
}

TEST_CASE("the server's own metadata does not make another stream of it") {
  StreamConfig a = config_of(R"({"name":"S","metadata":{"k":"v"}})");
  StreamConfig b =
      config_of(R"({"name":"S","metadata":{"k":"v","_nats.req.level":"9","_nats.ver":"1"}})");
  CHECK(same_stream(a, b));
  b.metadata["_nats.other"] = "x";
  CHECK_FALSE(same_stream(a, b));
  b = a;
  b.mirror = StreamSource{.name = "M"};
  CHECK_FALSE(same_stream(a, b));
}

TEST_CASE("names of fields match without case") {
  const StreamConfig config = config_of("{\"NAME\":\"S\",\"Max_Msg\xC5\xBF\":5}");
  CHECK(config.name == "S");
  CHECK(config.max_msgs == 5);
}

TEST_CASE("unknown fields are refused unless the server is lenient") {
  CHECK(fault_of(R"({"name":"S","bogus":1})") == R"(json: unknown field "bogus")");
  CHECK(fault_of("{\"name\":\"S\",\"\xC3\xA9\\u0000\x7F\":1}") ==
        "json: unknown field \"\xC3\xA9\\x00\\x7f\"");
  CHECK(fault_of(R"({"mirror":{"name":"a","no":[{"deep":"]}"}]}})") ==
        R"(json: unknown field "no")");
  CHECK(config_of(R"({"name":"S","bogus":[1,{"a":"}"}],"max_msgs":3})", false).max_msgs == 3);
}

TEST_CASE("wrong types name the field and Go's type") {
  const std::string_view at = "json: cannot unmarshal ";
  const auto fault = [&](std::string_view body) {
    const std::string text = fault_of(body);
    CHECK(text.starts_with(at));
    return text.substr(at.size());
  };
  CHECK(fault(R"({"max_msgs":"5"})") ==
        "string into Go struct field StreamConfigRequest.StreamConfig.max_msgs of type int64");
  CHECK(
      fault(R"({"max_msgs":1e308})") ==
      "number 1e308 into Go struct field StreamConfigRequest.StreamConfig.max_msgs of type int64");
  CHECK(fault(R"({"max_msgs":9223372036854775808})") ==
        "number 9223372036854775808 into Go struct field StreamConfigRequest.StreamConfig.max_msgs "
        "of type int64");
  CHECK(fault(R"({"max_msg_size":2147483648})") ==
        "number 2147483648 into Go struct field StreamConfigRequest.StreamConfig.max_msg_size of "
        "type int32");
  CHECK(fault(R"({"first_seq":-1})") ==
        "number -1 into Go struct field StreamConfigRequest.StreamConfig.first_seq of type uint64");
  CHECK(fault(R"({"max_age":1.5})") ==
        "number 1.5 into Go struct field StreamConfigRequest.StreamConfig.max_age of type "
        "time.Duration");
  CHECK(fault(R"({"max_consumers":true})") ==
        "bool into Go struct field StreamConfigRequest.StreamConfig.max_consumers of type int");
  CHECK(fault(R"({"subjects":"x"})") ==
        "string into Go struct field StreamConfigRequest.StreamConfig.subjects of type []string");
  CHECK(fault(R"({"subjects":["x",5]})") ==
        "number into Go struct field StreamConfigRequest.StreamConfig.subjects of type string");
  CHECK(fault(R"({"mirror":"x"})") ==
        "string into Go struct field StreamConfigRequest.StreamConfig.mirror of type "
        "server.StreamSource");
  CHECK(fault(R"({"sources":[5]})") ==
        "number into Go struct field StreamConfigRequest.StreamConfig.sources of type "
        "server.StreamSource");
  CHECK(fault(R"({"sources":{}})") ==
        "object into Go struct field StreamConfigRequest.StreamConfig.sources of type "
        "[]*server.StreamSource");
  CHECK(
      fault(R"({"mirror":{"external":{"api":5}}})") ==
      "number into Go struct field ExternalStream.StreamConfig.mirror.external.api of type string");
  CHECK(fault(R"({"metadata":{"a":1}})") ==
        "number into Go struct field StreamConfigRequest.StreamConfig.metadata of type string");
  CHECK(fault(R"({"pedantic":"x"})") ==
        "string into Go struct field StreamConfigRequest.pedantic of type bool");
  CHECK(fault(R"({"compression":5})") ==
        "number into Go struct field StreamConfigRequest.StreamConfig.compression of type string");
  CHECK(fault("[]") == "array into Go value of type server.StreamConfigRequest");
  CHECK(fault("5") == "number into Go value of type server.StreamConfigRequest");
}

TEST_CASE("unknown words of an enumeration are refused, before any other fault") {
  CHECK(fault_of(R"({"retention":"foo"})") == R"(can not unmarshal "\"foo\"")");
  CHECK(fault_of(R"({"bogus":1,"retention":null})") == R"(can not unmarshal "null")");
  CHECK(fault_of(R"({"retention":"Limits"})") == R"(can not unmarshal "\"Limits\"")");
  CHECK(fault_of(R"({"storage":"\u0066ile"})") == R"(can not unmarshal "\"\\u0066ile\"")");
  CHECK(fault_of(R"({"storage":{"a":[]}})") == R"(can not unmarshal "{\"a\":[]}")");
  CHECK(fault_of(R"({"persist_mode":"x"})") == R"(can not unmarshal "\"x\"")");
  CHECK(fault_of(R"({"compression":"x"})") == "unknown compression algorithm");
  CHECK(fault_of(R"({"compression":null})") == "unknown compression algorithm");
  CHECK(config_of(R"({"discard":"NEW","persist_mode":"","compression":"\u0073\u0032"})") ==
        config_of(R"({"discard":"new","persist_mode":"default","compression":"s2"})"));
}

TEST_CASE("a start time is read as Go reads times") {
  CHECK(fault_of(R"({"mirror":{"opt_start_time":5}})") ==
        "Time.UnmarshalJSON: input is not a JSON string");
  CHECK(fault_of(R"({"mirror":{"opt_start_time":"abc"}})") ==
        R"(parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006")");
  CHECK_FALSE(
      config_of(R"({"mirror":{"opt_start_time":null}})").mirror->opt_start_time.has_value());
}

TEST_CASE("null and duplicates act as in Go's decoder") {
  CHECK(config_of(R"({"name":"S","name":null,"max_msgs":null})").name == "S");
  CHECK(config_of(R"({"max_msgs":1,"max_msgs":2})").max_msgs == 2);
  CHECK(config_of(R"({"metadata":{"a":"1"},"metadata":{"b":null}})").metadata.size() == 2);
  CHECK(config_of(R"({"metadata":{"a":"1"},"metadata":null})").metadata.empty());
  const StreamConfig merged =
      config_of(R"({"mirror":{"name":"a"},"mirror":{"filter_subject":"f"}})");
  CHECK(merged.mirror->name == "a");
  CHECK(merged.mirror->filter_subject == "f");
  CHECK_FALSE(config_of(R"({"mirror":{"name":"a"},"mirror":null})").mirror.has_value());
  CHECK(config_of(R"({"subjects":["a","b"],"subjects":[null]})").subjects ==
        std::vector<std::string>{"a"});
  CHECK(config_of(R"({"sources":[null]})").sources == std::vector<StreamSource>(1));
}

TEST_CASE("a body may hold several values, one or none") {
  CHECK(config_of("").name.empty());
  CHECK(config_of(" \n").name.empty());
  CHECK(config_of("null").name.empty());
  const StreamConfig config = config_of(R"({"name":"S"} {"max_msgs":7})");
  CHECK(config.name == "S");
  CHECK(config.max_msgs == 7);
  CHECK(fault_of(R"({"name":"S","x":1} {"max_msgs":7})", false) ==
        "invalid character '{' after top-level value");
}

TEST_CASE("faults of the grammar say where they are, but not to lenient servers") {
  CHECK(fault_of(R"({"name":"S"} x)") ==
        "invalid character 'x' looking for beginning of value at offset 14");
  CHECK(fault_of(R"({"name":"S",})") ==
        "invalid character '}' looking for beginning of object key string at offset 13");
  CHECK(fault_of("\xC3{") ==
        "invalid character '\xC3\x83' looking for beginning of value at offset 1");
  CHECK(fault_of(R"({"name":"S")") == "unexpected EOF");
  CHECK(fault_of(R"({"name":"S")", false) == "unexpected end of JSON input");
  CHECK(fault_of("{\"name\":\"S", false) == "unexpected end of JSON input");
  CHECK(fault_of(R"({"name":"S",})", false) ==
        "invalid character '}' looking for beginning of object key string");
}

TEST_CASE("depth and size are bounded") {
  CHECK(fault_of(std::string(10'001, '[')) ==
        "invalid character '[' exceeded max depth at offset 10001");
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{\"a\":";
  deep += '1' + std::string(10'000, '}');
  CHECK(fault_of(deep) == R"(json: unknown field "a")");
  CHECK(config_of(deep, false).name.empty());
  std::string wide = "{\"sources\":[{}";
  for (int i = 0; i < 200'000; ++i) wide += ",{}";
  CHECK(fault_of(wide + "]}") == "too many elements in an array");
}

TEST_CASE("a stream's definition comes back from the store") {
  StoredStream stream{timestamp_utc(1'700'000'000'123'000'000), config_of(kFull)};
  const std::string text = write_stored_stream(stream);
  CHECK(text.starts_with(R"({"created":"2023-11-14T22:13:20.123Z","name":"S",)"));
  const auto back = read_stored_stream(text);
  REQUIRE(back.has_value());
  CHECK(back->created == stream.created);
  CHECK(back->config == stream.config);
}

TEST_CASE("a definition that is none is not guessed, fields of later versions are passed over") {
  for (const std::string_view text : {"", "{}", "null", "[]", "{\"name\":\"S\"",
                                      "{\"name\":\"S\"}x", "{\"name\":\"S\",\"retention\":\"x\"}"})
    CHECK_FALSE(read_stored_stream(text).has_value());
  CHECK(read_stored_stream(R"({"name":"S","later":{"a":[1]}})").has_value());
}
