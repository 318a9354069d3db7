// Api: what the requests to $JS.API do, and what they are answered. Executed one after the other by
// the worker, which may wait for the disk. Which requests there are: the table in api.cc.
#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "jetstream/api_errors.h"
#include "jetstream/catalogue.h"
#include "jetstream/settings.h"
#include "jetstream/stream_config_json.h"
#include "jetstream/worker.h"
#include "protocol/json_writer.h"

namespace pipit::js {

// One request at work, with its subject in tokens.
struct ApiCall {
  std::string_view stream, consumer;  // as the subject names them
  std::string_view body, headers;
  proto::JsonWriter& json;  // inside the response's object, behind its type
};

// Nothing: it went well and the response is written.
using ApiOutcome = std::optional<ApiError>;

class Api {
 public:
  static constexpr std::string_view kPrefix = "$JS.API.";

  Api(const Settings& settings, Catalogue& catalogue, CommitWait& commits, store::Clock& clock)
      : settings_(settings), catalogue_(catalogue), commits_(commits), clock_(clock) {}

  // [any thread] Is this subject, as from behind kPrefix, one that the worker answers? Others
  // belong to streams and consumers, which listen themselves.
  static bool answers(std::string_view endpoint);

  // Is a request with this response told to whoever audits? Not each message that somebody reads.
  static bool is_audited(const ApiRequest& request, std::string_view response);

  // [worker] The response; empty: none is due.
  std::string execute(const ApiRequest& request);

  // [any thread] Since the start.
  uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }

 private:
  friend struct ApiEndpoints;

  ApiOutcome account_info(ApiCall& call);
  // api_streams.cc
  ApiOutcome stream_create(ApiCall& call);
  ApiOutcome stream_update(ApiCall& call);
  ApiOutcome stream_delete(ApiCall& call);
  ApiOutcome stream_info(ApiCall& call);
  ApiOutcome stream_names(ApiCall& call);
  ApiOutcome stream_list(ApiCall& call);
  ApiOutcome stream_purge(ApiCall& call);
  // api_messages.cc
  ApiOutcome message_get(ApiCall& call);
  ApiOutcome message_delete(ApiCall& call);
  // What is not there.
  ApiOutcome cluster_only(ApiCall& call);
  ApiOutcome consumer_names(ApiCall& call);
  ApiOutcome consumer_list(ApiCall& call);
  ApiOutcome consumer_lookup(ApiCall& call);
  ApiOutcome not_built(ApiCall& call);
  ApiOutcome unknown(ApiCall& call);

  ApiOutcome find(const ApiCall& call, SetupRef& out) const;
  // admission.cc: checked, and then done.
  ApiOutcome create_checked(std::string_view name, StreamConfigRequest& request, SetupRef& out);
  ApiOutcome update_checked(std::string_view name, StreamConfigRequest& request, SetupRef& out);

  const Settings& settings_;
  Catalogue& catalogue_;
  CommitWait& commits_;
  store::Clock& clock_;
  std::atomic<uint64_t> total_{0}, errors_{0};
};

}  // namespace pipit::js
