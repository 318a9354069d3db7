// What makes a config valid: the table holds requests and what nats-server 2.14.5 answered to each
// (with 64 MiB of memory and 256 MiB of storage), the rest are rules of updates and of neighbours.
#include "jetstream/stream_config_check.h"

#include <doctest/doctest.h>

#include "jetstream/stream_config_json.h"

using namespace pipit::js;

namespace {

class Streams : public StreamCatalogue {
 public:
  const StreamConfig* find(std::string_view name) const override {
    const auto found = all_.find(name);
    return found == all_.end() ? nullptr : &found->second;
  }
  void each(const std::function<void(const StreamConfig&)>& visit) const override {
    for (const auto& [name, config] : all_) visit(config);
  }

  // An empty string if the stream was created, or its config taken over.
  std::string create(std::string_view body) {
    StreamConfigRequest request = parse(body);
    bool exists = false;
    const auto fault = check_create(context(request), request.config.name, request.config, exists);
    if (!fault && !exists) all_[request.config.name] = request.config;
    return text(fault);
  }
  std::string update(std::string_view body) {
    StreamConfigRequest request = parse(body);
    const auto fault = check_update(context(request), request.config.name, request.config);
    if (!fault) all_[request.config.name] = request.config;
    return text(fault);
  }
  const StreamConfig& operator[](std::string_view name) const { return *find(name); }

  AccountLimits account;
  ServerLimits server{64 << 20, 256 << 20, 0};

  static StreamConfigRequest parse(std::string_view body) {
    StreamConfigRequest request;
    CHECK(read_stream_request(body, true, request) == "");
    return request;
  }
  CheckContext context(const StreamConfigRequest& request) const {
    return {*this, account, server, request.pedantic};
  }
  static std::string text(const std::optional<ApiError>& fault) {
    return fault ? std::to_string(fault->err_code) + " " + fault->description : "";
  }

 private:
  std::map<std::string, StreamConfig, std::less<>> all_;
};

struct Row {
  std::string_view body;
  int err_code;
  std::string_view description;
};

constexpr Row kRows[] = {
    {R"({"name":""})", 10056, "stream name in subject does not match request"},
    {R"({"name":"S","sealed":true})", 10052, "stream configuration for create can not be sealed"},
    {R"({"name":"S","mirror_direct":true})", 10052,
     "stream has no mirror but does have mirror direct"},
    {R"({"name":"S","num_replicas":-1})", 10133, "replicas count cannot be negative"},
    {R"({"name":"S","num_replicas":6})", 10052, "maximum replicas is 5"},
    {R"({"name":"S","num_replicas":3})", 10074, "replicas > 1 not supported in non-clustered mode"},
    {R"({"name":"S","max_msgs":-2,"pedantic":true})", 10157,
     "pedantic mode: max_msgs must be set to -1"},
    {R"({"name":"S","max_bytes":-2,"pedantic":true})", 10157,
     "pedantic mode: max_bytes must be set to -1"},
    {R"({"name":"S","max_consumers":-2,"pedantic":true})", 10157,
     "pedantic mode: max_consumers must be set to -1"},
    {R"({"name":"S","max_msgs_per_subject":-2,"pedantic":true})", 10157,
     "pedantic mode: max_msgs_per_subject must be set to -1"},
    {R"({"name":"S","max_msg_size":-2,"pedantic":true})", 10157,
     "pedantic mode: max_msg_size must be set to -1"},
    {R"({"name":"S","max_age":-1})", 10052, "max age can not be negative"},
    {R"({"name":"S","max_age":99999999})", 10052, "max age needs to be >= 100ms"},
    {R"({"name":"S","max_age":30000000000,"pedantic":true})", 10157,
     "pedantic mode: duplicate window cannot be bigger than max age"},
    {R"({"name":"S","max_age":30000000000,"duplicate_window":31000000000})", 10052,
     "duplicates window can not be larger then max age"},
    {R"({"name":"S","duplicate_window":-1})", 10052, "duplicates window can not be negative"},
    {R"({"name":"S","duplicate_window":99999999})", 10052,
     "duplicates window needs to be >= 100ms"},
    {R"({"name":"S","deny_purge":true,"allow_rollup_hdrs":true})", 10052,
     "roll-ups require the purge permission"},
    {R"({"name":"S","allow_msg_counter":true,"discard":"new"})", 10052,
     "counter stream cannot use discard new"},
    {R"({"name":"S","allow_msg_counter":true,"allow_msg_ttl":true})", 10052,
     "counter stream cannot use message TTLs"},
    {R"({"name":"S","allow_msg_counter":true,"allow_msg_schedules":true})", 10052,
     "counter stream cannot use message schedules"},
    {R"({"name":"S","allow_msg_counter":true,"retention":"interest"})", 10052,
     "counter stream can only use limits retention"},
    {R"({"name":"S","discard_new_per_subject":true})", 10052,
     "discard new per subject requires discard new policy to be set"},
    {R"({"name":"S","discard_new_per_subject":true,"discard":"new"})", 10052,
     "discard new per subject requires max msgs per subject > 0"},
    {R"({"name":"S","subject_delete_marker_ttl":-1})", 10052,
     "subject delete marker TTL must not be negative"},
    {R"({"name":"S","subject_delete_marker_ttl":1})", 10052,
     "subject delete marker TTL must be at least 1 second"},
    {R"({"name":"S","subject_delete_marker_ttl":1000000000,"pedantic":true})", 10052,
     "subject delete marker cannot be set if message TTLs are disabled"},
    {R"({"name":"S","subject_delete_marker_ttl":1000000000,"allow_msg_ttl":true,"pedantic":true})",
     10052, "subject delete marker cannot be set if roll-ups are disabled"},
    {R"({"name":"S","allow_msg_schedules":true,"discard":"new"})", 10052,
     "message scheduling cannot use discard new"},
    {R"({"name":"S","allow_msg_schedules":true,"pedantic":true})", 10052,
     "message scheduling cannot be set if roll-ups are disabled"},
    {R"({"name":"S","persist_mode":"async","storage":"memory"})", 10052,
     "async persist mode is only supported on file storage"},
    {R"({"name":"S","persist_mode":"async","num_replicas":2})", 10052,
     "async persist mode is not supported on replicated streams"},
    {R"({"name":"S","persist_mode":"async","allow_atomic":true})", 10052,
     "async persist mode is not supported with atomic batch publish"},
    {R"({"name":"S","subjects":[">"]})", 10052,
     "capturing all subjects requires no-ack to be true"},
    {R"({"name":"S","subjects":["$JS.API.>"]})", 10052,
     "subjects that overlap with jetstream api require no-ack to be true"},
    {R"({"name":"S","subjects":["$JS.EVENT.ADVISORY.>"]})", 0, ""},
    {R"({"name":"S","subjects":["$SYS.>"]})", 10052,
     "subjects that overlap with system api require no-ack to be true"},
    {R"({"name":"S","subjects":["$SYS.ACCOUNT.x"]})", 0, ""},
    {R"({"name":"S","subjects":["*"]})", 0, ""},
    {R"({"name":"S","subjects":["$NRG.a"]})", 10052,
     "subjects that overlap with jetstream api require no-ack to be true"},
    {R"({"name":"S","subjects":["a","a"]})", 10052, "subject \"a\" overlaps with \"a\""},
    {R"({"name":"S","subjects":["foo.*","foo.bar"]})", 10052,
     "subject \"foo.*\" overlaps with \"foo.bar\""},
    {R"({"name":"S","subjects":["a..b"]})", 10052, "invalid subject"},
    {R"({"name":"S","subjects":["a b"]})", 10052, "invalid subject"},
    {R"({"name":"S","subjects":[">.a"]})", 10052, "invalid subject"},
    {R"({"name":"S","subjects":["*.a","b.*"]})", 10052,
     "subjects that overlap with jetstream api require no-ack to be true"},
    {R"({"name":"S","subjects":[">"],"no_ack":true})", 0, ""},
    {R"({"name":"S","subjects":[">"],"no_ack":true,"num_replicas":2})", 10052,
     "capturing all subjects requires replicas of 1"},
    {R"({"name":"S","subjects":["$JS.>"],"no_ack":true})", 0, ""},
    {R"({"name":"S","mirror":{"name":"O"},"first_seq":1})", 10143,
     "stream mirrors can not have first sequence configured"},
    {R"({"name":"S","mirror":{"name":"O"},"subjects":["a"]})", 10034,
     "stream mirrors can not contain subjects"},
    {R"({"name":"S","mirror":{"name":"O"},"sources":[{"name":"x"}]})", 10031,
     "stream mirrors can not also contain other sources"},
    {R"({"name":"S","mirror":{"name":"O"},"allow_msg_counter":true})", 10173,
     "stream mirrors can not also calculate counters"},
    {R"({"name":"S","mirror":{"name":"O"},"allow_atomic":true})", 10198,
     "stream mirrors can not also use atomic publishing"},
    {R"({"name":"S","mirror":{"name":"O"},"allow_batched":true})", 10209,
     "stream mirrors can not also use batch publishing"},
    {R"({"name":"S","mirror":{"name":"O"},"allow_msg_schedules":true})", 10186,
     "stream mirrors can not also schedule messages"},
    {R"({"name":"S","mirror":{"name":"O"},"subject_delete_marker_ttl":1000000000})", 10052,
     "subject delete markers forbidden on mirrors"},
    {R"({"name":"S","mirror":{"name":"O"},"mirror_direct":true})", 0, ""},
    {R"({"name":"S","mirror":{"name":"O","consumer":{}}})", 10213,
     "stream mirror consumer config is invalid"},
    {R"({"name":"S","sources":[{"name":"O","consumer":{}}]})", 10215,
     "stream source consumer config is invalid"},
    {R"({"name":"S","mirror":{"name":"O","filter_subject":"a","subject_transforms":[{"src":"a","dest":"b"}]}})",
     10150, "mirror with multiple subject transforms cannot also have a single subject filter"},
    {R"({"name":"S","sources":[{"name":"O","filter_subject":"a","subject_transforms":[{"src":"a","dest":"b"}]}]})",
     10144, "source with multiple subject transforms cannot also have a single subject filter"},
    {R"({"name":"S","mirror":{"name":"O","subject_transforms":[{"src":"a..","dest":"b"}]}})", 10151,
     "mirror transform source: invalid subject a.."},
    {R"({"name":"S","sources":[{"name":"O","subject_transforms":[{"src":"a..","dest":"b"}]}]})",
     10145, "source transform source: invalid subject a.."},
    {R"({"name":"S","mirror":{"name":"O","subject_transforms":[{"src":"a.*","dest":"b.$2"}]}})",
     10154,
     "mirror transform: invalid mapping destination: wildcard index out of range in $2: [2]"},
    {R"({"name":"S","sources":[{"name":"O","subject_transforms":[{"src":"a.*","dest":"b.$2"}]}]})",
     10146,
     "source transform: invalid mapping destination: wildcard index out of range in $2: [2]"},
    {R"({"name":"S","mirror":{"name":"O","subject_transforms":[{"src":"a.*","dest":"b.$1"},{"src":"a.>","dest":""}]}})",
     10152, "mirror subject filters can not overlap"},
    {R"({"name":"S","sources":[{"name":"O","subject_transforms":[{"src":"a.*","dest":"b.$1"},{"src":"a.>","dest":""}]}]})",
     10147, "source filters can not overlap"},
    {R"({"name":"S","mirror":{"name":"O","filter_subject":"a..b"}})", 10049,
     "subject filter 'a..b' for the mirror invalid subject"},
    {R"({"name":"S","sources":[{"name":"O","filter_subject":"a..b"}]})", 10049,
     "subject filter 'a..b' for the source: invalid subject"},
    {R"({"name":"S","mirror":{"name":"a.b"}})", 10142, "mirrored stream name is invalid"},
    {R"({"name":"S","sources":[{"name":"a.b"}]})", 10141, "sourced stream name is invalid"},
    {R"({"name":"S","mirror":{"name":"S"}})", 10052, "detected cycle"},
    {R"({"name":"S","sources":[{"name":"S"}]})", 10052, "detected cycle"},
    {R"({"name":"S","mirror":{"name":"O","external":{"api":"$JS.API","deliver":""}}})", 10021,
     "stream external api prefix $JS.API must not overlap with $JS.API"},
    {R"({"name":"S","sources":[{"name":"O","external":{"api":"$JS.API","deliver":""}}]})", 10021,
     "stream external api prefix $JS.API must not overlap with $JS.API"},
    {R"({"name":"S","mirror":{"name":"O","external":{"api":"$JS.*.API","deliver":""}}})", 10052,
     "stream external api prefix \"$JS.*.API\" must be a valid subject without wildcards"},
    {R"({"name":"S","sources":[{"name":"O","external":{"api":"$JS.*.API","deliver":""}}]})", 10052,
     "stream external api prefix \"$JS.*.API\" must be a valid subject without wildcards"},
    {R"({"name":"S","mirror":{"name":"O","external":{"api":"x","deliver":"d.*"}}})", 10024,
     "stream external delivery prefix d.* must not contain wildcards"},
    {R"({"name":"S","sources":[{"name":"O","external":{"api":"x","deliver":"d.*"}}]})", 10024,
     "stream external delivery prefix d.* must not contain wildcards"},
    {R"({"name":"S","sources":[{"name":"O"},{"name":"O","filter_subject":">"}]})", 10140,
     "duplicate source configuration detected"},
    {R"({"name":"S","sources":[{"name":"O","consumer":{"name":"c","deliver_subject":"d"}},{"name":"O","consumer":{"name":"c","deliver_subject":"e"}}]})",
     10140, "duplicate source configuration detected"},
    {R"({"name":"S","sources":[{"name":"O","consumer":{"name":"c","deliver_subject":"d"}},{"name":"O"}]})",
     0, ""},
    {R"({"name":"S","sources":[{"name":"O"}],"allow_msg_schedules":true})", 10187,
     "stream source can not also schedule messages"},
    {R"({"name":"S","subject_transform":{"src":"a..","dest":"b"}})", 10155,
     "stream transform source: invalid subject a.."},
    {R"({"name":"S","subject_transform":{"src":"*","dest":"b.{{left(1,2)}}"}})", 10156,
     "stream transform: invalid mapping destination: unknown function in {{left(1,2)}}"},
    {R"({"name":"S","republish":{"src":"","dest":"r.>"},"pedantic":true})", 10157,
     "pedantic mode: republish source can not be empty"},
    {R"({"name":"S","republish":{"src":"","dest":"S"}})", 10052,
     "stream configuration for republish destination forms a cycle"},
    {R"({"name":"S","republish":{"src":"a.*","dest":"b.$2"}})", 10052,
     "stream configuration for republish with transform from 'a.*' to 'b.$2' not valid"},
    {R"({"name":"S","republish":{"src":">","dest":">"}})", 10052,
     "stream configuration for republish destination forms a cycle"},
    {R"({"name":"S","placement":{"preferred":"x"}})", 10052,
     "preferred server not permitted in placement"},
    {R"({"name":"S","max_bytes":268435457})", 10047, "insufficient storage resources available"},
    {R"({"name":"S","storage":"memory","max_bytes":67108865})", 10028,
     "insufficient memory resources available"},
    {R"({"name":"S","max_bytes":268435456})", 0, ""},
};

}  // namespace

TEST_CASE("requests to create are judged as nats-server judges them") {
  for (const Row& row : kRows) {
    CAPTURE(row.body);
    StreamConfigRequest request = Streams::parse(row.body);
    bool exists = false;
    const Streams none;
    const auto fault = check_create(none.context(request), "S", request.config, exists);
    CHECK_FALSE(exists);
    CHECK(fault.has_value() == (row.err_code != 0));
    if (fault) CHECK(fault->err_code == row.err_code);
    if (fault) CHECK(fault->description == row.description);
  }
}

TEST_CASE("the least of configs gets every default") {
  Streams streams;
  CHECK(streams.create(R"({"name":"S"})") == "");
  const StreamConfig& config = streams["S"];
  CHECK(config.subjects == std::vector<std::string>{"S"});
  CHECK(config.max_msgs == -1);
  CHECK(config.max_bytes == -1);
  CHECK(config.max_consumers == -1);
  CHECK(config.max_msgs_per_subject == -1);
  CHECK(config.max_msg_size == -1);
  CHECK(config.num_replicas == 1);
  CHECK(config.storage == StorageKind::file);
  CHECK(config.duplicate_window_ns == kDefaultDuplicateWindowNs);
  CHECK(config.metadata.at("_nats.req.level") == "0");
}

TEST_CASE("the duplicate window follows max_age and the server's limit") {
  Streams streams;
  CHECK(streams.create(R"({"name":"S","max_age":30000000000})") == "");
  CHECK(streams["S"].duplicate_window_ns == 30'000'000'000);
  streams.server.duplicate_window_ns = 60'000'000'000;
  CHECK(streams.create(R"({"name":"T"})") == "");
  CHECK(streams["T"].duplicate_window_ns == 60'000'000'000);
  CHECK(streams.create(R"({"name":"U","duplicate_window":61000000000})") ==
        "10052 duplicates window can not be larger then server limit of 1m0s");
  CHECK(streams.create(R"({"name":"U","pedantic":true})") ==
        "10157 pedantic mode: duplicate window limits are higher than current limits");
  CHECK(streams.create(R"({"name":"M","mirror":{"name":"S"}})") == "");
  CHECK(streams["M"].duplicate_window_ns == 0);
}

TEST_CASE("delete markers and schedules switch on what they need") {
  Streams streams;
  CHECK(streams.create(
            R"({"name":"S","subject_delete_marker_ttl":1000000000,"deny_purge":true})") == "");
  CHECK(streams["S"].allow_msg_ttl);
  CHECK(streams["S"].allow_rollup);
  CHECK_FALSE(streams["S"].deny_purge);
  CHECK(streams.create(R"({"name":"T","allow_msg_schedules":true})") == "");
  CHECK(streams["T"].allow_rollup);
}

TEST_CASE("creating a stream again succeeds only with the same config") {
  Streams streams;
  CHECK(streams.create(R"({"name":"S","max_msgs":0})") == "");
  CHECK(streams.create(R"({"name":"S","metadata":{"_nats.req.level":"3"}})") == "");
  CHECK(streams.create(R"({"name":"S","max_msgs":5})") ==
        "10058 stream name already in use with a different configuration");
}

TEST_CASE("names that are no names are refused") {
  for (const std::string& name :
       {std::string("a b"), std::string("a\0b", 3), std::string("a.b"), std::string("a*"),
        std::string("a>"), std::string(".."), std::string("a\tb"), std::string("a\fb")})
    CHECK_FALSE(is_valid_asset_name(name));
  Streams streams;
  CHECK(streams.create(R"({"name":"a/b"})") == "10128 Stream name can not contain path separators");
  CHECK(streams.create(R"({"name":"a\\b"})") ==
        "10128 Stream name can not contain path separators");
  CHECK(streams.create("{\"name\":\"" + std::string(255, 'x') + "\"}") == "");
  CHECK(streams.create("{\"name\":\"" + std::string(256, 'x') + "\"}") ==
        "10052 stream name is too long, maximum allowed is 255");
  StreamConfigRequest request = Streams::parse(R"({"name":"S"})");
  bool exists = false;
  CHECK(Streams::text(check_create(streams.context(request), "T", request.config, exists)) ==
        "10056 stream name in subject does not match request");
}

TEST_CASE("texts have their longest") {
  Streams streams;
  const auto with = [](std::string_view field, size_t size) {
    return "{\"name\":\"S\",\"" + std::string(field) + std::string(size, 'x') + "\"";
  };
  CHECK(streams.create(with("description\":\"", 4096) + "}") == "");
  CHECK(streams.create(with("description\":\"", 4097) + "}") ==
        "10052 stream description is too long, maximum allowed is 4096");
  CHECK(streams.create(with("metadata\":{\"a\":\"", 128 * 1024) + "}}") ==
        "10052 stream metadata exceeds maximum size of 131072 bytes");
}

TEST_CASE("no two streams take the same subject") {
  Streams streams;
  CHECK(streams.create(R"({"name":"O","subjects":["o.>"]})") == "");
  CHECK(streams.create(R"({"name":"S","subjects":["p","o.a"]})") ==
        "10065 subjects overlap with an existing stream");
  CHECK(streams.create(R"({"name":"S","subjects":["o.*"]})") ==
        "10065 subjects overlap with an existing stream");
  CHECK(streams.create(R"({"name":"S","subjects":["p"]})") == "");
  CHECK(streams.update(R"({"name":"S","subjects":["o.x"]})") ==
        "10065 subjects overlap with an existing stream");
  CHECK(streams.update(R"({"name":"O","subjects":["o.a","o.b"]})") == "");
}

TEST_CASE("a mirror takes after an origin that is there") {
  Streams streams;
  CHECK(streams.create(R"({"name":"O","allow_direct":true,"max_msg_size":100})") == "");
  CHECK(streams.create(R"({"name":"M","mirror":{"name":"O"},"max_msg_size":50})") ==
        "10030 stream mirror must have max message size >= source");
  CHECK(streams.create(R"({"name":"M","mirror":{"name":"O"},"pedantic":true})") ==
        "10157 pedantic mode: origin stream has direct get set, mirror has it disabled");
  CHECK(streams.create(R"({"name":"M","mirror":{"name":"O"}})") == "");
  CHECK(streams["M"].mirror_direct);
  CHECK(streams.create(R"({"name":"S","sources":[{"name":"O"}],"max_msg_size":50})") ==
        "10046 stream source must have max message size >= target");
}

TEST_CASE("a delivery prefix must not bring messages back into an origin") {
  Streams streams;
  CHECK(streams.create(R"({"name":"O","subjects":["o.>"]})") == "");
  CHECK(streams.create(R"({"name":"S","sources":[{"name":"O"},
      {"name":"P","external":{"api":"x","deliver":"o.x"}}]})") ==
        "10022 stream external delivery prefix o.x overlaps with stream subject o.>");
}

TEST_CASE("streams do not feed on themselves") {
  Streams streams;
  CHECK(streams.create(R"({"name":"A"})") == "");
  CHECK(streams.create(R"({"name":"B","sources":[{"name":"A"}]})") == "");
  CHECK(streams.create(R"({"name":"C","mirror":{"name":"B"}})") == "");
  CHECK(streams.update(R"({"name":"A","sources":[{"name":"C"}]})") == "10052 detected cycle");
  CHECK(streams.update(R"({"name":"A","sources":[{"name":"A"}]})") == "10052 detected cycle");
  CHECK(streams.update(
            R"({"name":"A","subjects":["A"],"sources":[{"name":"A","filter_subject":"x"}]})") ==
        "");
}

TEST_CASE("streams that meet twice are no cycle, however many ways lead there") {
  Streams streams;
  // 40 layers of two streams, each of which reads from both of the layer before: 2^40 paths.
  std::string before;
  for (int layer = 0; layer < 40; ++layer) {
    std::string sources;
    for (const char side : {'L', 'R'}) {
      const std::string name = side + std::to_string(layer);
      CHECK(streams.create("{\"name\":\"" + name + "\"" + before + "}") == "");
      sources += std::string(sources.empty() ? "" : ",") + "{\"name\":\"" + name + "\"}";
    }
    before = ",\"sources\":[" + sources + "]";
  }
  CHECK(streams.update("{\"name\":\"L0\"" + before + "}") == "10052 detected cycle");
}

TEST_CASE("what can not be changed is not changed") {
  const std::string update = "10052 stream configuration update can not ";
  const auto change = [](std::string_view from, std::string_view to) {
    Streams streams;
    CHECK(streams.create("{\"name\":\"S\"" + std::string(from) + "}") == "");
    return streams.update("{\"name\":\"S\"" + std::string(to) + "}");
  };
  CHECK(change("", R"(,"storage":"memory")") == update + "change storage type");
  CHECK(change("", R"(,"retention":"workqueue")") ==
        update + "change retention policy to/from workqueue");
  CHECK(change("", R"(,"retention":"interest")") == "");
  CHECK(change(R"(,"deny_delete":true)", "") == update + "cancel deny message deletes");
  CHECK(change(R"(,"deny_purge":true)", "") == update + "cancel deny purge");
  CHECK(change(R"(,"allow_msg_ttl":true)", "") == "10052 message TTL status can not be disabled");
  CHECK(change("", R"(,"allow_msg_counter":true)") == update + "change message counter setting");
  CHECK(change(R"(,"allow_msg_schedules":true)", "") ==
        "10052 message schedules can not be disabled");
  CHECK(change("", R"(,"persist_mode":"async")") == update + "change persist mode");
  CHECK(change("", R"(,"mirror":{"name":"O"})") ==
        "10055 stream mirror configuration can not be updated");
  CHECK(change(R"(,"mirror":{"name":"O"})", R"(,"subjects":["x"])") == "");
  CHECK(change("", R"(,"num_replicas":3)") ==
        "10074 replicas > 1 not supported in non-clustered mode");
  CHECK(change("", R"(,"first_seq":7)") == "");
  Streams streams;
  CHECK(streams.update(R"({"name":"S"})") == "10059 stream not found");
}

TEST_CASE("sealing a stream settles what a sealed stream is") {
  Streams streams;
  CHECK(streams.create(R"({"name":"S","max_age":1000000000,"allow_rollup_hdrs":true})") == "");
  CHECK(streams.update(
            R"({"name":"S","max_age":1000000000,"allow_rollup_hdrs":true,"sealed":true})") == "");
  const StreamConfig& config = streams["S"];
  CHECK(config.max_age_ns == 0);
  CHECK(config.discard == Discard::newest);
  CHECK(config.deny_delete);
  CHECK(config.deny_purge);
  CHECK_FALSE(config.allow_rollup);
  CHECK(streams.update(R"({"name":"S"})") ==
        "10052 stream configuration update can not unseal a sealed stream");
}

TEST_CASE("reservations count those of all streams, and a change counts once") {
  Streams streams;
  const std::string full = "10047 insufficient storage resources available";
  CHECK(streams.create(R"({"name":"A","max_bytes":200000000})") == "");
  CHECK(streams.create(R"({"name":"B","max_bytes":70000000})") == full);
  CHECK(streams.create(R"({"name":"B","max_bytes":9223372036854775807})") == full);
  CHECK(streams.create(R"({"name":"B","max_bytes":60000000})") == "");
  CHECK(streams.update(R"({"name":"A","max_bytes":208000000})") == "");
  CHECK(streams.update(R"({"name":"A","max_bytes":209000000})") == full);
  CHECK(streams.update(R"({"name":"A","max_bytes":9223372036854775807})") == full);
  CHECK(streams.update(R"({"name":"A","max_bytes":5})") == "");
  CHECK(streams.create(R"({"name":"C","storage":"memory","max_bytes":60000000})") == "");
  CHECK(streams.create(R"({"name":"D","storage":"memory","max_bytes":60000000})") ==
        "10028 insufficient memory resources available");
}

TEST_CASE("an account's limits hold") {
  Streams streams;
  streams.account.max_streams = 1;
  streams.account.max_consumers = 10;
  streams.account.max_storage = 1000;
  streams.account.storage_max_stream_bytes = 500;
  streams.account.max_bytes_required = true;
  CHECK(streams.create(R"({"name":"A"})") ==
        "10113 account requires a stream config to have max bytes set");
  CHECK(streams.create(R"({"name":"A","max_bytes":501})") ==
        "10122 stream max bytes exceeds account limit max stream bytes");
  CHECK(streams.create(R"({"name":"A","max_bytes":1,"max_consumers":11})") ==
        "10026 maximum consumers limit reached");
  CHECK(streams.create(R"({"name":"A","max_bytes":400})") == "");
  CHECK(streams.create(R"({"name":"A","max_bytes":400})") == "");
  CHECK(streams.create(R"({"name":"B","max_bytes":1})") ==
        "10027 maximum number of streams reached");
  streams.account.max_streams = -1;
  streams.account.max_storage = 500;
  CHECK(streams.create(R"({"name":"B","max_bytes":101})") ==
        "10047 insufficient storage resources available");
  CHECK(streams.create(R"({"name":"B","max_bytes":100})") == "");
}

TEST_CASE("thousands of subjects are compared, millions of pairs are refused") {
  const auto body = [](std::string_view name, std::string_view subject, int count) {
    std::string text = "{\"name\":\"" + std::string(name) + "\",\"subjects\":[\"q\"";
    for (int i = 0; i < count; ++i)
      text += ",\"" + std::string(subject) + "." + std::to_string(i) + "\"";
    return text + "]}";
  };
  Streams streams;
  CHECK(streams.create(body("S", "a", 50'000)) == "");
  CHECK(streams.create(body("T", "b.*", 50'000)) == "10052 too many subjects to compare");
  std::string transforms;
  for (int i = 0; i < 5000; ++i)
    transforms += ",{\"src\":\"a." + std::to_string(i) + "\",\"dest\":\"\"}";
  CHECK(streams.create(R"({"name":"M","mirror":{"name":"O","subject_transforms":[)" +
                       transforms.substr(1) + "]}}") == "10052 too many subjects to compare");
}
