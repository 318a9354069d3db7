// SegmentFiles: the files of a directory's segments, opened when they are wanted and closed when
// too many are, and the indexes in them. A lost or damaged index is made again from its segment.
// The store's lock guards it, but for the calls marked [any].
#pragma once
#include <list>
#include <map>

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
  Result<std::shared_ptr<Index>> index(const Part& part, StreamId stream);
  void forget(const Segment& segment);  // its files are about to go, or another index comes
  // Until it is set back, index() and what it gives never wait: Errc::timeout instead.
  void set_patience(Patience patience) { cache_.patience = patience; }

  // [any] A message's record, checked to be the one of `seq`.
  Result<StoredMessage> read(File& file, uint64_t key, const IndexEntry& entry,
                             Patience patience = Patience::wait) const;
  // [any] The bytes of a segment as far as they are records; shorter if the file is.
  static Result<std::string> load(File& file, uint64_t size);
  // [any] What a segment holds, by looking at every record.
  LiveParts scan(std::string_view bytes, uint64_t key) const;
  // [any] The index file of a segment, and its writing; not worth a sync where it can be made
  // again.
  static std::string encode(const Segment& segment, const LiveParts& parts);
  static Result<void> write_index(Vfs& vfs, const Segment& segment, std::string_view index,
                                  bool sync = false);
  static std::string data_name(uint64_t id);
  static std::string index_name(uint64_t id);

 private:
  struct Open {
    uint64_t id = 0;
    std::shared_ptr<File> data;
    std::shared_ptr<IndexFile> index;
  };
  Open& open(uint64_t id);
  Result<std::string> rebuild(const Segment& segment);

  Vfs& vfs_;
  BlockCache cache_;
  const bool verify_;
  std::list<Open> open_;  // the latest used first
};

}  // namespace pipit::js::store
