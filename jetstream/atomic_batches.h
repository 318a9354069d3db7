// AtomicBatches: messages that are stored all at once or not at all (ADR-50), until the last of
// them has come. One for each stream, on its reactor; what is gathered is lost with the process, as
// nobody was promised anything yet.
//
// Bounded: kOpenMax batches a stream, kMessagesMax messages a batch, BatchRoom for all streams of
// the reactor, and kIdleNs between two messages.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/api_errors.h"
#include "jetstream/publish_headers.h"
#include "jetstream/stream_config.h"

namespace pipit::js {

// What all streams of a reactor may gather together, and what they have.
struct BatchRoom {
  uint64_t bytes_max = uint64_t{128} << 20;
  uint64_t open = 0, bytes = 0;
};

// Why a batch came to nothing, as advisories name it.
inline constexpr std::string_view kBatchTimeout = "timeout", kBatchLarge = "large",
                                  kBatchIncomplete = "incomplete",
                                  kBatchUnsupported = "unsupported";

class AtomicBatches {
 public:
  static constexpr size_t kOpenMax = 50, kOpenOfReactorMax = 1000;
  static constexpr uint64_t kMessagesMax = 1000;
  static constexpr size_t kIdBytesMax = 64;
  static constexpr int64_t kIdleNs = 10'000'000'000;

  struct Message {
    std::string subject, headers, payload;
  };

  struct Step {
    enum class Kind : uint8_t {
      gathered,  // more is to come; the publisher gets an empty answer
      commit,    // `messages` are to be stored now
      refused,   // `error`
    };
    Kind kind = Kind::gathered;
    ApiError error;
    std::vector<Message> messages;
    std::string_view abandoned;  // why the batch is no more; empty: nobody is told
  };

  struct Abandoned {
    std::string id;
    std::string_view reason;
  };

  explicit AtomicBatches(BatchRoom& room) : room_(room) {}
  ~AtomicBatches() { clear(); }
  AtomicBatches(const AtomicBatches&) = delete;
  AtomicBatches& operator=(const AtomicBatches&) = delete;

  // A message of a batch: it has a Nats-Batch-Id that is not empty.
  Step take(const StreamConfig& config, std::string_view subject, std::string_view headers,
            std::string_view payload, const PublishHeaders& asks, int64_t now_ns);

  // When run_out() has something to do; 0: there are none.
  int64_t next_ns() const;
  // Drops what was left alone for too long.
  std::vector<Abandoned> run_out(int64_t now_ns);
  // Drops everything; nobody is told.
  void clear();

 private:
  struct Batch {
    std::vector<Message> messages;
    uint64_t count = 0;  // of messages that came, the commit's too
    uint64_t bytes = 0;
    int64_t until_ns = 0;
  };
  using Batches = std::map<std::string, Batch, std::less<>>;

  Step drop(Batches::iterator batch, ApiError error, std::string_view reason = {});
  void erase(Batches::iterator batch);

  BatchRoom& room_;
  Batches batches_;
};

}  // namespace pipit::js
