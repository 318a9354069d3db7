// Request heads and query strings from strangers: no crash, the same verdict however often it is
// asked, and who was told "done" or "more" is told nothing else when the bytes come in pieces.
#include <cstdlib>
#include <string_view>

#include "transport/http_head.h"

using namespace pipit::net;

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HttpHead head;
  size_t head_size = 0;
  HttpParse verdict = parse_http_head(bytes, head, head_size);
  if (verdict == HttpParse::need_more) require(size < kMaxHttpHead);
  if (verdict == HttpParse::done) {
    require(head_size <= size && head_size <= kMaxHttpHead);
    std::string_view whole = bytes.substr(0, head_size);
    require(whole.ends_with("\r\n\r\n"));
    require(head.fields.size() <= kMaxHttpFields);
    for (const auto& [name, value] : head.fields) {
      require(inside(name, whole) && inside(value, whole));
      require(head.field(name).has_value());
    }
    require(!head.field("Transfer-Encoding"));
    require(head.path().size() > 0);
    head.keep_alive();
    for (const auto& [key, value] : parse_query(head.query())) {
      require(key.size() + value.size() <= head.query().size());
    }
  }
  // A prefix is judged as the whole, or not yet.
  HttpHead part;
  size_t part_size = 0;
  for (size_t n = size; n-- > 0; n -= n / 8) {
    HttpParse early = parse_http_head(bytes.substr(0, n), part, part_size);
    if (early == HttpParse::need_more) continue;
    require(early == verdict);
    if (early == HttpParse::done) require(part_size == head_size);
  }
  if (auto decoded = percent_decode(bytes)) require(decoded->size() <= size);
  return 0;
}
