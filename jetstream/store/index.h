// Index: where the messages of one stream stand in one segment, by sequence, by subject, by id and
// by the time they expire. While a segment is written the index is in memory (LiveIndex); of a
// sealed one it is read in blocks from the file beside it (index_file.h). Entries are numbered from
// 0 in the order of their sequences.
#pragma once
#include <pipit/result.h>

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jetstream/store/record.h"

namespace pipit::js::store {

constexpr uint32_t kNone = ~uint32_t{0};

struct IndexEntry {
  uint64_t seq = 0;
  int64_t ts_ns = 0;
  uint32_t offset : 31 = 0;  // of the record in the segment
  uint32_t ageless : 1 = 0;  // max_age does not remove it
  uint32_t bytes = 0;        // what it counts for in the stream's size
  uint32_t subject = kNone;  // its row; kNone: the body is damaged
  uint32_t prev = kNone;     // the entry before it with the same subject
};
static_assert(sizeof(IndexEntry) == 32);

struct SubjectRow {
  uint64_t hash = 0;
  uint32_t last = kNone;  // its newest entry
  uint32_t count = 0;
  uint32_t text_at = 0, text_size = 0;
};
static_assert(sizeof(SubjectRow) == 24);

// A message's id. It may outlive the message, and then has no entry.
struct IdRow {
  MessageId id;
  uint64_t seq = 0;
  int64_t ts_ns = 0;
};
static_assert(sizeof(IdRow) == 32);

// In the order of time, then of entries.
struct ExpiryRow {
  int64_t expires_ns = 0;
  uint32_t entry = 0, unused = 0;
  friend bool operator<(const ExpiryRow& a, const ExpiryRow& b) {
    return a.expires_ns != b.expires_ns ? a.expires_ns < b.expires_ns : a.entry < b.entry;
  }
};
static_assert(sizeof(ExpiryRow) == 16);

uint64_t hash_subject(std::string_view subject);

class Index {
 public:
  virtual ~Index() = default;
  virtual uint32_t size() const = 0;
  virtual uint32_t subjects() const = 0;
  virtual Result<IndexEntry> entry(uint32_t number) = 0;
  virtual Result<SubjectRow> row(uint32_t subject) = 0;
  // Some rows from `subject` on, at most what fits; 0: there are none.
  virtual Result<size_t> rows(uint32_t subject, std::span<SubjectRow> into) = 0;
  virtual Result<std::string> text(const SubjectRow& row) = 0;
  // The row of that subject, or kNone.
  virtual Result<uint32_t> find(std::string_view subject) = 0;

  virtual uint32_t ids() const = 0;
  virtual Result<IdRow> id(uint32_t number) = 0;  // in no order
  // The sequence of the newest message with that id, not older than `since_ns`; 0: none.
  virtual Result<uint64_t> find_id(MessageId id, int64_t since_ns) = 0;
  virtual bool expires() const = 0;  // some entry does
  // The first one at `from` or behind it.
  virtual Result<std::optional<ExpiryRow>> expiry_from(ExpiryRow from) = 0;

  // The first entry with at least that sequence; size() if there is none.
  Result<uint32_t> lower_bound(uint64_t seq);
  // The first one with at least that time, if times rise.
  Result<uint32_t> lower_bound_of_time(int64_t ts_ns);
};

class LiveIndex final : public Index {
 public:
  uint32_t size() const override { return static_cast<uint32_t>(entries_.size()); }
  uint32_t subjects() const override { return static_cast<uint32_t>(rows_.size()); }
  Result<IndexEntry> entry(uint32_t number) override { return entries_[number]; }
  Result<SubjectRow> row(uint32_t subject) override { return rows_[subject]; }
  Result<size_t> rows(uint32_t subject, std::span<SubjectRow> into) override;
  Result<std::string> text(const SubjectRow& row) override { return std::string(view(row)); }
  Result<uint32_t> find(std::string_view subject) override { return row_of(subject); }

  uint32_t ids() const override { return static_cast<uint32_t>(ids_.size()); }
  Result<IdRow> id(uint32_t number) override { return ids_[number]; }
  Result<uint64_t> find_id(MessageId id, int64_t since_ns) override;
  bool expires() const override { return !expiries_.empty(); }
  Result<std::optional<ExpiryRow>> expiry_from(ExpiryRow from) override;

  // The record's message. One whose body is damaged has no subject, nor anything else.
  void add(const Record& record, uint64_t offset, uint64_t counted_bytes);
  void pop();  // takes back the last add()
  void add_id(const IdRow& row);

  const std::vector<IndexEntry>& entries() const { return entries_; }
  const std::vector<SubjectRow>& rows() const { return rows_; }
  const std::string& texts() const { return texts_; }
  const std::vector<IdRow>& id_rows() const { return ids_; }
  const std::set<ExpiryRow>& expiries() const { return expiries_; }

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
  std::vector<IdRow> ids_;
  std::vector<uint32_t> id_before_;  // by id row: the row before it with the same low half
  std::unordered_map<uint64_t, uint32_t> by_id_;  // the low half: the newest row
  std::set<ExpiryRow> expiries_;
  std::vector<ExpiryRow> expiries_added_;  // as they came
};

}  // namespace pipit::js::store
