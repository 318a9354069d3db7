// Index: where the messages of one stream stand in one segment, by sequence and by subject. While a
// segment is written the index is in memory (LiveIndex); of a sealed one it is read in blocks from
// the file beside it (index_file.h). Entries are numbered from 0 in the order of their sequences.
#pragma once
#include <pipit/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pipit::js::store {

constexpr uint32_t kNone = ~uint32_t{0};

struct IndexEntry {
  uint64_t seq = 0;
  uint32_t offset = 0;       // of the record in the segment
  uint32_t bytes = 0;        // what it counts for in the stream's size
  uint32_t subject = kNone;  // its row; kNone: the body is damaged
  uint32_t prev = kNone;     // the entry before it with the same subject
};
static_assert(sizeof(IndexEntry) == 24);

struct SubjectRow {
  uint64_t hash = 0;
  uint32_t last = kNone;  // its newest entry
  uint32_t count = 0;
  uint32_t text_at = 0, text_size = 0;
};
static_assert(sizeof(SubjectRow) == 24);

uint64_t hash_subject(std::string_view subject);

class Index {
 public:
  virtual ~Index() = default;
  virtual uint32_t size() const = 0;
  virtual uint32_t subjects() const = 0;
  virtual Result<IndexEntry> entry(uint32_t number) = 0;
  virtual Result<SubjectRow> row(uint32_t subject) = 0;
  virtual Result<std::string> text(const SubjectRow& row) = 0;
  // The row of that subject, or kNone.
  virtual Result<uint32_t> find(std::string_view subject) = 0;

  // The first entry with at least that sequence; size() if there is none.
  Result<uint32_t> lower_bound(uint64_t seq);
};

class LiveIndex final : public Index {
 public:
  uint32_t size() const override { return static_cast<uint32_t>(entries_.size()); }
  uint32_t subjects() const override { return static_cast<uint32_t>(rows_.size()); }
  Result<IndexEntry> entry(uint32_t number) override { return entries_[number]; }
  Result<SubjectRow> row(uint32_t subject) override { return rows_[subject]; }
  Result<std::string> text(const SubjectRow& row) override { return std::string(view(row)); }
  Result<uint32_t> find(std::string_view subject) override { return row_of(subject); }

  // An empty subject: the record's body is damaged.
  void add(uint64_t seq, uint32_t offset, uint32_t bytes, std::string_view subject);
  void pop();  // takes back the last add()

  const std::vector<IndexEntry>& entries() const { return entries_; }
  const std::vector<SubjectRow>& rows() const { return rows_; }
  const std::string& texts() const { return texts_; }

 private:
  std::string_view view(const SubjectRow& row) const {
    return std::string_view(texts_).substr(row.text_at, row.text_size);
  }
  uint32_t row_of(std::string_view subject) const;

  std::vector<IndexEntry> entries_;
  std::vector<SubjectRow> rows_;
  std::vector<uint32_t> next_;  // by row: the row before it with the same hash
  std::string texts_;
  std::unordered_map<uint64_t, uint32_t> by_hash_;
};

}  // namespace pipit::js::store
