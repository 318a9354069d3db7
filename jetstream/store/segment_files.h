// SegmentFiles: the files of a directory's segments, opened when they are wanted and closed when
// too many are, and the indexes in them. A lost or damaged index is made again from its segment.
// Any thread may call anything, with the store's lock or without; who only needs what is open or in
// the cache never waits for a disk that another one reads.
#pragma once
#include <list>
#include <map>
#include <mutex>
#include <set>

#include "jetstream/store/index_file.h"
#include "jetstream/store/state.h"
#include "jetstream/store/vfs.h"

namespace pipit::js::store {

class SegmentFiles {
 public:
  static constexpr size_t kOpenMax = 64;

  SegmentFiles(Vfs& vfs, size_t cache_bytes, bool verify)
      : vfs_(vfs), cache_(cache_bytes), verify_(verify) {}

  Result<std::shared_ptr<File>> data(const Segment& segment);
  // Of a sealed segment, in which the stream had `count` messages. One that was made again may have
  // fewer, where records are damaged.
  Result<std::shared_ptr<Index>> index(const std::shared_ptr<Segment>& segment, uint32_t count,
                                       StreamId stream, Patience patience = Patience::wait);
  // A segment whose index has fewer messages than there were; 0: none.
  uint64_t take_short();
  void forget(const Segment& segment);  // its files are about to go, or another index comes

  // A message's record, checked to be the one of `seq`.
  Result<StoredMessage> read(File& file, uint64_t key, const IndexEntry& entry,
                             Patience patience = Patience::wait) const;
  // The bytes of a segment as far as they are records; shorter if the file is.
  static Result<std::string> load(File& file, uint64_t size);
  // What a segment holds, by looking at every record.
  LiveParts scan(std::string_view bytes, uint64_t key) const;
  // The index file of a segment, and its writing; not worth a sync where it can be made
  // again.
  static std::string encode(const Segment& segment, const LiveParts& parts);
  static Result<void> write_index(Vfs& vfs, const Segment& segment, std::string_view index,
                                  bool sync = false);
  static std::string data_name(uint64_t id);
  static std::string index_name(uint64_t id);

 private:
  struct Open {
    const uint64_t id = 0;
    std::mutex mutex;  // of the two below
    std::shared_ptr<File> data;
    std::shared_ptr<IndexFile> index;
  };
  std::shared_ptr<Open> open(uint64_t id);
  Result<std::string> rebuild(const Segment& segment);

  Vfs& vfs_;
  BlockCache cache_;
  const bool verify_;
  std::mutex mutex_;                       // of the two below
  std::list<std::shared_ptr<Open>> open_;  // the latest used first
  std::set<uint64_t> short_;
};

}  // namespace pipit::js::store
