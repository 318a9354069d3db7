// The index of a sealed segment as a file of blocks of 4 KiB, each under its own checksum, read
// through a cache of bounded size. The file is a derivation: lost or damaged, it is written again
// from the segment's records. docs/STORE_FORMAT.md draws it.
#pragma once
#include <functional>
#include <list>
#include <map>

#include "jetstream/store/index.h"
#include "jetstream/store/record.h"
#include "jetstream/store/vfs.h"

namespace pipit::js::store {

// The newest blocks that were read, of all index files of a directory. The store's lock guards it.
class BlockCache {
 public:
  static constexpr size_t kBlock = 4096;
  explicit BlockCache(size_t bytes) : blocks_max_(bytes / kBlock < 8 ? 8 : bytes / kBlock) {}

  // The block, or nullptr; valid until the next put().
  const std::byte* find(uint64_t segment, uint32_t block);
  std::byte* put(uint64_t segment, uint32_t block);
  void forget(uint64_t segment);
  size_t bytes() const { return order_.size() * kBlock; }
  // Of whoever has the store's lock just now; if it is `now`, looking up may give Errc::timeout.
  Patience patience = Patience::wait;

 private:
  struct Block {
    uint64_t segment = 0;
    uint32_t number = 0;
    std::vector<std::byte> bytes;
  };
  const size_t blocks_max_;
  std::list<Block> order_;  // the latest used first
  std::map<std::pair<uint64_t, uint32_t>, std::list<Block>::iterator> by_place_;
};

// The bytes of an index file over the parts of a segment, by stream.
std::string encode_index(uint64_t key, uint64_t data_end,
                         const std::map<uint32_t, const LiveIndex*>& parts);

// An open index file. Hands out the index of each stream that has messages in the segment.
class IndexFile : public std::enable_shared_from_this<IndexFile> {
 public:
  // Gives the bytes of the index anew; called when the file's are not good.
  using Rebuild = std::function<Result<std::string>()>;

  // Fails if neither the file nor `rebuild` gives the index of exactly these bytes.
  static Result<std::shared_ptr<IndexFile>> open(std::shared_ptr<File> file, uint64_t segment,
                                                 uint64_t key, uint64_t data_end, BlockCache& cache,
                                                 Rebuild rebuild);
  // Nothing: the stream has no messages there.
  std::shared_ptr<Index> part(uint32_t stream);

  // [from, from + size) of what the blocks hold in sequence.
  Result<void> read(uint64_t from, void* into, size_t size);

 private:
  struct Part {
    uint32_t stream, entries, subjects, ids, expiries, unused;
    uint64_t entries_at, rows_at, ids_at, expiries_at, texts_at;
    uint64_t texts_size;
  };
  static_assert(sizeof(Part) == 72);
  class DiskIndex;
  friend std::string encode_index(uint64_t, uint64_t, const std::map<uint32_t, const LiveIndex*>&);

  IndexFile(std::shared_ptr<File> file, uint64_t segment, uint64_t key, BlockCache& cache,
            uint64_t data_end, Rebuild rebuild)
      : file_(std::move(file)),
        segment_(segment),
        key_(key),
        data_end_(data_end),
        cache_(cache),
        rebuild_(std::move(rebuild)) {}
  Result<void> read_parts();
  Result<void> renew();
  Result<const std::byte*> block(uint32_t number);

  const std::shared_ptr<File> file_;
  const uint64_t segment_, key_, data_end_;
  BlockCache& cache_;
  const Rebuild rebuild_;
  uint32_t content_ = 0;   // of the header: which index of the segment this is
  uint32_t renewals_ = 0;  // what was read before one may stand elsewhere now
  std::string renewed_;    // then: the whole index
  std::vector<Part> parts_;
};

}  // namespace pipit::js::store
