// Proves that what docs/STORE_FORMAT.md draws is what the code writes, byte by byte; that a record
// is read back as it was written, at its own place only; and that no cut and no flipped bit makes a
// reader crash, see what was not written, or miss more than the record it struck.
#include "jetstream/store/record.h"

#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include <doctest/doctest.h>

#include "jetstream/store/segment_scan.h"

namespace pipit::js::store {
namespace {

constexpr uint64_t kKey = 0x0123456789abcdef;

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// A segment with batches of messages "m.<seq>", `counts` to a batch.
std::string segment_of(const std::vector<uint32_t>& counts,
                       std::vector<uint64_t>* offsets = nullptr) {
  std::string out;
  write_segment_header(out, {1, kKey, 4096});
  uint64_t seq = 0;
  uint32_t number = 0;
  for (const uint32_t count : counts) {
    const size_t start = out.size();
    out.resize(start + kBatchHeader);
    for (uint32_t i = 0; i < count; ++i) {
      if (offsets) offsets->push_back(out.size());
      ++seq;
      const std::string subject = "m." + std::to_string(seq), payload(seq % 40, 'p');
      Record record;
      record.stream = 7;
      record.batch = number + 1;
      record.seq = seq;
      record.prev_seq = seq - 1;
      record.subject = subject;
      record.payload = payload;
      write_record(out, record, kKey, out.size());
    }
    write_batch_header(out.data() + start,
                       {++number, count, static_cast<uint32_t>(out.size() - start), 7, seq}, kKey,
                       start);
  }
  return out;
}

struct Seen {
  std::map<uint64_t, bool> records;  // by sequence: is the body good
  uint32_t damages = 0;
  bool whole_tail = false;
};

Seen scan(std::string_view bytes, bool verify = true) {
  Seen seen;
  SegmentScan scan(bytes_of(bytes), kKey, verify);
  for (;;) {
    const SegmentScan::Found found = scan.next();
    if (found == SegmentScan::Found::end) break;
    if (found == SegmentScan::Found::damage) {
      ++seen.damages;
      CHECK(scan.damage_end() > scan.offset());
    }
    if (found != SegmentScan::Found::record) continue;
    const Record& record = scan.parsed().record;
    seen.records[record.seq] = scan.parsed().body_good;
    if (scan.parsed().body_good && verify) {
      CHECK(record.subject == "m." + std::to_string(record.seq));
      CHECK(record.payload == std::string(record.seq % 40, 'p'));
    }
  }
  seen.whole_tail = scan.whole_tail();
  return seen;
}

TEST_CASE("the worked example of the format document is what is written") {
  // The document lists offsets and bytes in lines "  0040  50 42 ...".
  std::ifstream file(PIPIT_FORMAT_DOCUMENT);
  std::string drawn, line;
  while (std::getline(file, line)) {
    if (line.size() < 10 || line.substr(0, 4) != "    " || line.substr(8, 2) != "  ") continue;
    if (line.find_first_not_of("0123456789abcdef", 4) != 8) continue;
    CHECK_MESSAGE(std::stoul(line.substr(4, 4), nullptr, 16) == drawn.size(), line);
    std::istringstream bytes(line.substr(10, 16 * 3));
    for (std::string byte; bytes >> byte;) drawn += static_cast<char>(std::stoi(byte, nullptr, 16));
  }
  std::string written;
  write_segment_header(written, {1, kKey, 65536});
  written.resize(kSegmentHeader + kBatchHeader);
  Record record;
  record.stream = 3;
  record.batch = 1;
  record.seq = 42;
  record.prev_seq = 41;
  record.evicts = 40;
  record.ts_ns = 1'700'000'000'000'000'000;
  record.expires_ns = 1'700'000'060'000'000'000;
  record.id = hash_id("order-42");
  record.subject = "orders.new";
  record.headers = "NATS/1.0\r\nA: b\r\n\r\n";
  record.payload = "hello";
  write_record(written, record, kKey, written.size());
  write_batch_header(written.data() + kSegmentHeader,
                     {1, 1, static_cast<uint32_t>(written.size() - kSegmentHeader), 3, 42}, kKey,
                     kSegmentHeader);
  std::string hex;
  for (size_t i = 0; i < written.size(); ++i) {
    char text[40];
    if (i % 16 == 0) std::snprintf(text, sizeof text, "\n    %04zx  ", i), hex += text;
    std::snprintf(text, sizeof text, "%02x ", static_cast<uint8_t>(written[i])), hex += text;
  }
  CHECK_MESSAGE(drawn == written, "written is:" << hex);
}

TEST_CASE("a record is read back at its own place, and nowhere else") {
  const std::string bytes = segment_of({1, 2});
  const auto record = Bytes(bytes_of(bytes)).subspan(kSegmentHeader + kBatchHeader);
  const uint64_t offset = kSegmentHeader + kBatchHeader;
  REQUIRE(read_record(record, kKey, offset));
  CHECK(read_record(record, kKey, offset)->record.subject == "m.1");
  CHECK_FALSE(read_record(record, kKey + 1, offset));
  CHECK_FALSE(read_record(record, kKey, offset + 8));
  CHECK_FALSE(read_batch_header(bytes_of(bytes).subspan(kSegmentHeader), kKey, kSegmentHeader + 8));
}

TEST_CASE("a scan finds every record of every batch, and a whole tail") {
  const Seen seen = scan(segment_of({1, 3, 2}) + std::string(500, '\0'));
  CHECK(seen.records.size() == 6);
  CHECK(seen.damages == 0);
  CHECK(seen.whole_tail);
}

TEST_CASE("a cut at any byte keeps what is in front of it, and is noticed but between batches") {
  const std::string bytes = segment_of({2, 1, 3});
  std::vector<uint64_t> offsets;
  segment_of({2, 1, 3}, &offsets);
  for (size_t cut = kSegmentHeader; cut < bytes.size(); ++cut) {
    const Seen seen = scan(bytes.substr(0, cut));
    size_t whole = 0;
    for (size_t i = 0; i < offsets.size(); ++i)
      whole += (i + 1 < offsets.size() ? offsets[i + 1] : bytes.size()) <= cut + 7;
    size_t good = 0;
    for (const auto& [seq, body] : seen.records) good += body;
    CHECK(good >= std::min<size_t>(whole, offsets.size()) - (whole > 0 ? 1 : 0));
    for (const auto& [seq, body] : seen.records) CHECK(seq <= whole + 1);
    // Inside a batch's records the header in front tells that something is missing.
    const bool behind_header = cut >= kSegmentHeader + kBatchHeader;
    const Seen first = scan(bytes.substr(0, cut));
    if (behind_header && cut < offsets[1]) CHECK_FALSE(first.whole_tail);
  }
}

TEST_CASE("every single flipped bit costs at most the one record it struck") {
  const std::string good = segment_of({2, 1, 3, 1});
  uint32_t noticed = 0;
  for (size_t bit = kSegmentHeader * 8; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const Seen seen = scan(bytes);
    size_t lost = 7 - seen.records.size();
    for (const auto& [seq, body] : seen.records) lost += !body;
    CHECK(lost <= 1);
    if (lost == 1) {
      // Known by its sequence, by a gap, or by a tail that is not whole.
      const bool told = seen.damages > 0 || seen.records.size() == 7 || !seen.whole_tail;
      CHECK(told);
      ++noticed;
    }
  }
  CHECK(noticed > 1000);
}

TEST_CASE("without checksums flipped bits go unnoticed, so the flips above prove something") {
  const std::string good = segment_of({2, 1});
  uint32_t wrong = 0;
  for (size_t bit = kSegmentHeader * 8; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    SegmentScan scan(bytes_of(bytes), kKey, false);
    while (scan.next() != SegmentScan::Found::end)
      wrong += scan.parsed().body_good &&
               scan.parsed().record.subject != "m." + std::to_string(scan.parsed().record.seq);
  }
  CHECK(wrong > 0);
}

TEST_CASE("leftovers of a batch that failed are not taken for records behind its successor") {
  std::string failed = segment_of({1, 4});  // its second batch failed, and its place was taken
  const std::string ahead = segment_of({1});
  std::string again = ahead;
  const size_t start = again.size();
  again.resize(start + kBatchHeader);
  Record record;
  record.stream = 7;
  record.batch = 3;
  record.seq = 2;
  record.prev_seq = 1;
  record.subject = "m.2";
  const std::string payload(2, 'p');
  record.payload = payload;
  write_record(again, record, kKey, again.size());
  write_batch_header(again.data() + start,
                     {3, 1, static_cast<uint32_t>(again.size() - start), 7, 2}, kKey, start);
  failed.replace(0, again.size(), again);
  const Seen seen = scan(failed);
  CHECK(seen.records.size() == 2);
  CHECK(seen.whole_tail);
}

TEST_CASE("a segment of a later version says so") {
  std::string bytes;
  write_segment_header(bytes, {1, kKey, 4096});
  SegmentHeader header;
  CHECK(read_segment_header(bytes_of(bytes), header) == SegmentVerdict::good);
  CHECK(header.capacity == 4096);
  bytes[4] = 2;
  CHECK(read_segment_header(bytes_of(bytes), header) == SegmentVerdict::damaged);
  put(bytes.data() + 56, checksum(bytes_of(bytes).first(56)));
  CHECK(read_segment_header(bytes_of(bytes), header) == SegmentVerdict::newer);
}

}  // namespace
}  // namespace pipit::js::store
