// SourceNotes: how far sources had come at some sequence of their stream, so that after a start
// they look for the newest message that they have brought only behind it. Each source writes one
// now and then, when all that it has brought is safe; without notes it looks further, that is all.
//
// Kept in the store on disk, in a stream of their own that the API does not know. Any thread.
#pragma once
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "jetstream/store/store.h"

namespace pipit::js {

class SourceNotes {
 public:
  // No name of a stream of an account.
  static constexpr std::string_view kStoreName = "sources";

  struct Note {
    uint64_t stream_seq = 0;  // up to here in the stream ...
    uint64_t next = 0;        // ... all below this sequence of the origin has been seen to
  };

  explicit SourceNotes(store::Store& store) : store_(store) {}

  // `key`: source_key().
  std::optional<Note> find(store::StreamId stream, std::string_view key);
  void write(store::StreamId stream, std::string_view key, const Note& note);
  // The stream is gone.
  void forget(store::StreamId stream);

 private:
  // Of the notes' own stream; 0: there is none.
  store::StreamId open(bool make);

  store::Store& store_;
  std::mutex mutex_;        // of what follows
  store::StreamId id_ = 0;  // 0: not known to be there
};

}  // namespace pipit::js
