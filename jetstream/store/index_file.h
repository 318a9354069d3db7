// The index of a sealed segment as a file of blocks of 4 KiB, each under its own checksum, read
// through a cache of bounded size. The file is a derivation: lost or damaged, it is written again
// from the segment's records. docs/STORE_FORMAT.md draws it.
#pragma once
#include <functional>
#include <list>
#include <map>
#include <mutex>

#include "jetstream/store/index.h"
#include "jetstream/store/record.h"
#include "jetstream/store/vfs.h"

namespace pipit::js::store {

// The newest blocks that were read, of all index files of a directory. Any thread.
class BlockCache {
 public:
  static constexpr size_t kBlock = 4096;
  explicit BlockCache(size_t bytes) : blocks_max_(bytes / kBlock < 8 ? 8 : bytes / kBlock) {}

  // Copies what stands at `from` of the block; false: it is not there.
  bool read(uint64_t segment, uint32_t block, size_t from, std::span<std::byte> into);
  void put(uint64_t segment, uint32_t block, std::span<const std::byte, kBlock> bytes);
  void forget(uint64_t segment);
  size_t bytes();

 private:
  struct Block {
    uint64_t segment = 0;
    uint32_t number = 0;
    std::vector<std::byte> bytes;
  };
  const size_t blocks_max_;
  std::mutex mutex_;        // of the rest
  std::list<Block> order_;  // the latest used first
  std::map<std::pair<uint64_t, uint32_t>, std::list<Block>::iterator> by_place_;
};

// The bytes of an index file over the parts of a segment, by stream.
std::string encode_index(uint64_t key, uint64_t data_end,
                         const std::map<uint32_t, const LiveIndex*>& parts);

// Every block of an index file is what was written for these records.
bool index_is_sound(std::string_view bytes, uint64_t key, uint64_t data_end);

// An open index file. Hands out the index of each stream that has messages in the segment. Any
// thread may read; nobody waits for another's read but where the index is made again.
class IndexFile : public std::enable_shared_from_this<IndexFile> {
 public:
  // Gives the bytes of the index anew; called when the file's are not good.
  using Rebuild = std::function<Result<std::string>()>;

  // Fails if neither the file nor `rebuild` gives the index of exactly these bytes.
  static Result<std::shared_ptr<IndexFile>> open(std::shared_ptr<File> file, uint64_t segment,
                                                 uint64_t key, uint64_t data_end, BlockCache& cache,
                                                 Rebuild rebuild,
                                                 Patience patience = Patience::wait);
  // Nothing: the stream has no messages there. What it gives answers Errc::timeout rather than wait
  // for a disk, if `patience` says so.
  std::shared_ptr<Index> part(uint32_t stream, Patience patience = Patience::wait);

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
  // What the file says, or the index that was made because it was damaged. Never changes.
  struct Contents {
    uint32_t content = 0;  // of the header: which index of the segment this is
    std::string renewed;   // then: the whole index
    std::vector<Part> parts;
  };
  using SharedContents = std::shared_ptr<const Contents>;
  SharedContents contents();
  Result<SharedContents> read_parts(std::string renewed, Patience patience);
  // The contents to go on with instead of those, in which damage was found.
  Result<SharedContents> renew(const SharedContents& damaged);
  // [from, from + size) of what the blocks hold in sequence.
  Result<void> read(const Contents& contents, uint64_t from, void* into, size_t size,
                    Patience patience);

  const std::shared_ptr<File> file_;
  const uint64_t segment_, key_, data_end_;
  BlockCache& cache_;
  const Rebuild rebuild_;
  std::mutex mutex_;  // of contents_
  SharedContents contents_;
  std::mutex renewing_;
};

}  // namespace pipit::js::store
