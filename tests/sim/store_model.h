// StoreModel: what a store has been told, kept as plainly as possible, to hold a FileStore against.
// Every message remembers the ticket that brought it and the one that took it away, so that the
// model can say what must be there, what may be there and what must not, whatever became of the
// tickets.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "jetstream/store/store.h"

namespace pipit::sim {

using js::store::StreamId;
using js::store::StreamSettings;
using js::store::Ticket;

struct ModelMessage {
  uint64_t seq = 0;
  std::string subject, payload;
  Ticket added = 0;
  Ticket removed = 0;          // 0: still there
  bool maybe_removed = false;  // by a batch that failed, and may be found after a crash
  bool doubtful = false;       // written, and the sync failed: it or its removal may be gone
  std::string id;
  int64_t ts_ns = 0, expires_ns = 0;
  uint64_t group_first = 0, group_last = 0;  // of what it came with; 0: alone

  // When it is due(); kNeverExpires: never.
  int64_t due_ns(const StreamSettings& settings) const {
    if (expires_ns == js::store::kNeverExpires) return expires_ns;
    const int64_t aged =
        settings.max_age_ns > 0 ? ts_ns + settings.max_age_ns : js::store::kNeverExpires;
    return expires_ns == 0 ? aged : std::min(aged, expires_ns);
  }
};

struct ModelStream {
  std::string name;
  StreamSettings settings;
  Ticket created = 0, dropped = 0;
  uint64_t last_seq = 0;
  std::vector<std::pair<Ticket, uint64_t>> last_seqs;  // last_seq before that ticket
  std::map<uint64_t, ModelMessage> messages;           // live ones and removed ones
  std::vector<ModelMessage> failed;                    // may be found after a crash, too
  std::vector<std::pair<Ticket, StreamSettings>> settings_before;  // before that ticket
  bool maybe_dropped = false;
  bool without_window = false;  // its settings were lost once, and with them how long ids are kept

  uint64_t live() const;
  uint64_t bytes() const;
  const ModelMessage* last_of(const std::string& subject) const;
};

class StoreModel {
 public:
  std::map<StreamId, ModelStream> streams;
  std::map<StreamId, ModelStream> failed;  // streams that may be found after a crash

  ModelMessage& append(StreamId id, uint64_t seq, std::string subject, std::string payload,
                       Ticket ticket);
  uint64_t remove(StreamId id, uint64_t first, uint64_t last, Ticket ticket);
  // The limits of the stream, after an append or update: the first that goes goes with `ticket`.
  void trim(StreamId id, Ticket ticket, Ticket through, bool bytes = true);
  // None of these took effect.
  void take_back(Ticket from);
  // These did, and may be lost.
  void doubt(Ticket from);
};

inline uint64_t ModelStream::live() const {
  uint64_t count = 0;
  for (const auto& [seq, message] : messages) count += message.removed == 0;
  return count;
}

inline uint64_t ModelStream::bytes() const {
  uint64_t sum = 0;
  for (const auto& [seq, message] : messages)
    if (message.removed == 0)
      sum += js::store::counted_bytes(message.subject.size(), 0, message.payload.size());
  return sum;
}

inline const ModelMessage* ModelStream::last_of(const std::string& subject) const {
  for (auto at = messages.rbegin(); at != messages.rend(); ++at)
    if (at->second.removed == 0 && at->second.subject == subject) return &at->second;
  return nullptr;
}

inline ModelMessage& StoreModel::append(StreamId id, uint64_t seq, std::string subject,
                                        std::string payload, Ticket ticket) {
  ModelStream& stream = streams.at(id);
  stream.last_seqs.emplace_back(ticket, stream.last_seq);
  stream.last_seq = seq;
  ModelMessage& message = stream.messages[seq];
  message = {seq, std::move(subject), std::move(payload), ticket, 0};
  return message;
}

inline uint64_t StoreModel::remove(StreamId id, uint64_t first, uint64_t last, Ticket ticket) {
  uint64_t removed = 0;
  auto& messages = streams.at(id).messages;
  for (auto at = messages.lower_bound(first); at != messages.end() && at->first <= last; ++at) {
    if (at->second.removed != 0) continue;
    at->second.removed = ticket;
    ++removed;
  }
  return removed;
}

inline void StoreModel::trim(StreamId id, Ticket ticket, Ticket through, bool bytes) {
  ModelStream& stream = streams.at(id);
  bool evicted = false;
  if (const int64_t most = stream.settings.max_msgs_per_subject; most > 0) {
    std::map<std::string, int64_t> counts;
    for (auto at = stream.messages.rbegin(); at != stream.messages.rend(); ++at) {
      if (at->second.removed == 0 && ++counts[at->second.subject] > most) {
        at->second.removed = ticket;
        evicted = true;
      }
    }
  }
  const auto over = [&] {
    return (stream.settings.max_msgs > 0 &&
            stream.live() > static_cast<uint64_t>(stream.settings.max_msgs)) ||
           (bytes && stream.settings.max_bytes > 0 &&
            stream.bytes() > static_cast<uint64_t>(stream.settings.max_bytes));
  };
  for (auto& [seq, message] : stream.messages) {
    if (!over()) break;
    if (message.removed != 0) continue;
    const bool by_count = stream.settings.max_msgs > 0 &&
                          stream.live() == static_cast<uint64_t>(stream.settings.max_msgs) + 1;
    message.removed = !evicted && by_count ? ticket : through;
    evicted = true;
  }
}

inline void StoreModel::doubt(Ticket from) {
  for (auto& [id, stream] : streams) {
    if (stream.created >= from || stream.dropped >= from) stream.maybe_dropped = true;
    for (auto& [seq, message] : stream.messages)
      if (message.added >= from || message.removed >= from) message.doubtful = true;
  }
}

inline void StoreModel::take_back(Ticket from) {
  for (auto& [id, stream] : streams) {
    if (stream.dropped >= from) {
      stream.dropped = 0;
      stream.maybe_dropped = true;
    }
    while (!stream.last_seqs.empty() && stream.last_seqs.back().first >= from) {
      stream.last_seq = stream.last_seqs.back().second;
      stream.last_seqs.pop_back();
    }
    while (!stream.settings_before.empty() && stream.settings_before.back().first >= from) {
      stream.settings = stream.settings_before.back().second;
      stream.settings_before.pop_back();
    }
    for (auto at = stream.messages.begin(); at != stream.messages.end();) {
      ModelMessage& message = at->second;
      if (message.removed >= from) {
        message.removed = 0;
        message.maybe_removed = true;
      }
      if (message.added >= from) {
        stream.failed.push_back(std::move(message));
        at = stream.messages.erase(at);
      } else {
        ++at;
      }
    }
  }
  for (auto at = streams.begin(); at != streams.end();) {
    if (at->second.created >= from) {
      failed.insert_or_assign(at->first, std::move(at->second));
      at = streams.erase(at);
    } else {
      ++at;
    }
  }
}

}  // namespace pipit::sim
