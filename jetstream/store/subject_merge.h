// SubjectMerge: the subjects of a stream over all of its parts. The rows of a sealed index stand in
// the order of their hashes, so the parts are merged while no more than a block of rows of each is
// in memory. Reads indexes without the store's lock: its parts are copies.
#pragma once
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "jetstream/store/state.h"

namespace pipit::js::store {

class SubjectMerge {
 public:
  // Only messages up to `through` count.
  SubjectMerge(const SubjectFilter& filter, uint64_t through)
      : filter_(filter), through_(through) {}

  void add_sealed(Part part, std::shared_ptr<Index> index);
  // Copies what is wanted of a part that is being written. [with the store's lock]
  void add_live(const Part& part);

  // Every subject that the filter takes and that has messages, with their number.
  Result<void> visit(const std::function<void(std::string_view, uint64_t)>& visit);
  // How many there are; knows them by their hashes alone. Requires: the filter takes all.
  Result<uint64_t> count();

 private:
  struct Source {
    Part part;
    std::shared_ptr<Index> index;    // null: of a part that is being written
    std::vector<SubjectRow> rows;    // a block of them; of a part being written, all
    std::vector<std::string> texts;  // of these, by their `text_at`; their `count` is exact
    size_t at = 0;
    uint32_t next = 0;  // row to be read
  };
  using Head = std::pair<uint64_t, size_t>;  // a hash, and the source whose next row has it

  bool takes(std::string_view subject) const;
  Result<void> start();
  // Goes on to the next row of a source, if there is one.
  Result<void> advance(size_t source);
  // Messages of the row at the head of `source`; `enough`: it need not count further.
  Result<uint64_t> live(Source& source, uint64_t enough) const;

  const SubjectFilter& filter_;
  const uint64_t through_;
  std::vector<Source> sources_;
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads_;
};

}  // namespace pipit::js::store
