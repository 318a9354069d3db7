// StreamSetup: what a stream is, at one time: its configuration and where its messages are.
// Immutable; an update makes another one. Shared by the worker of the API and the stream's reactor.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "jetstream/quota.h"
#include "jetstream/store/store.h"
#include "jetstream/stream_config.h"
#include "jetstream/subject_transform.h"

namespace pipit::js {

// When a publish may be acknowledged.
enum class AckWhen : uint8_t {
  durable,  // it is on the disk
  written,  // persist_mode async, or a store that is synced by an interval
  at_once,  // in memory
};

struct StreamSetup {
  StreamConfig config;
  int64_t created_ns = 0;
  store::Store* store = nullptr;
  store::StreamId id = 0;  // there
  store::StreamId definition =
      0;  // in the store on disk, which has no messages of a stream in memory
  store::StreamId schedules = 0;  // where it is noted when schedules are due (schedules.h); 0: none
  Quota* quota = nullptr;  // of that store
  AckWhen ack_when = AckWhen::durable;
  // Made of the configuration.
  std::optional<SubjectTransform> transform, republish;

  const std::string& name() const { return config.name; }
};

using SetupRef = std::shared_ptr<const StreamSetup>;

}  // namespace pipit::js
