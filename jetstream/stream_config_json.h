// StreamConfig in JSON: read from requests and from the store, written in responses, byte for byte
// as nats-server 2.14 does (order of the fields, which of them are left out when empty). Any
// thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "jetstream/stream_config.h"
#include "protocol/json_reader.h"
#include "protocol/json_writer.h"

namespace pipit::js {

// The body of STREAM.CREATE and STREAM.UPDATE.
struct StreamConfigRequest {
  StreamConfig config;
  bool pedantic = false;
};

// Returns what is wrong with the body, for JsErr::invalid_json, or an empty string. An empty body
// is a request for nothing, which then fails for want of a name.
// `strict`: as nats-server's option of that name, which is on by default since 2.12.
std::string read_stream_request(std::string_view body, bool strict, StreamConfigRequest& out);

// What responses add to the metadata that is stored.
struct ServerIdentity {
  std::string_view version;
  int api_level = 0;
};

// The object as it is stored, or as responses show it if `server` is given.
void write_stream_config(proto::JsonWriter& json, const StreamConfig& config,
                         const ServerIdentity* server = nullptr);

// A stream's definition in the store: its config and when it was created.
struct StoredStream {
  Timestamp created;
  StreamConfig config;
};
std::string write_stored_stream(const StoredStream& stream);
// Nothing if `text` is no such definition. Members that a later version added are ignored.
std::optional<StoredStream> read_stored_stream(std::string_view text);

// For structures that contain these (requests to restore, mirrorInfo of responses).
extern const proto::JsonShape<StreamConfig> kStreamConfigShape;
void read_timestamp(proto::JsonReader& json, std::optional<Timestamp>& out);
void write_transforms(proto::JsonWriter& json, const std::vector<SubjectTransformConfig>& list);
void write_external(proto::JsonWriter& json, const ExternalStream& external);

}  // namespace pipit::js
