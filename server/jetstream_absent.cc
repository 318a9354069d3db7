// A build without JetStream: left_out() has refused whoever asks for it, so there is none to open.
#include "server/broker.h"
#include "server/jetstream_setup.h"
#include "server/monitor_jetstream.h"

namespace pipit {

void CloseJetStream::operator()(js::Manager*) const {}
void start_jetstream(js::Manager&) {}
void begin_stop_jetstream(js::Manager&) {}

Result<JetStream> open_jetstream(Broker&) {
  return Error{Errc::not_built, 0, "jetstream", "jetstream is left out of this build"};
}

std::string jsz_json(const MonitorInput& in, const MonitorQuery&) {
  std::string out;
  proto::JsonWriter w(out, true);
  w.begin_object().field("server_id", in.broker.server_id).field("now", rfc3339(in.now_ns));
  w.field("disabled", true).end_object();
  return out;
}

void write_jetstream_varz(proto::JsonWriter& json, const MonitorInput&) {
  json.begin_object().end_object();
}

Health health_of(const Broker&, const MonitorQuery&) { return {"200 OK", "{\"status\":\"ok\"}"}; }

}  // namespace pipit
