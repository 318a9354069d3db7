// What the time has run out for. Each part remembers how far it was looked through, so that what is
// gone or never expires is passed over once.
#include <algorithm>

#include "jetstream/store/state.h"

namespace pipit::js::store {

// Moves the part's cursor to the first message that max_age can remove.
Result<void> State::settle_age(const Stream& stream, Part& part) {
  if (part.age_ns == kNeverExpires) return {};
  if (part.age_ns != kUnknown && !part.gone.contains(part.age_seq)) return {};
  if (part.live == 0) {
    part.age_ns = kNeverExpires;
    return {};
  }
  auto index = this->index(part, stream.id);
  if (!index) return index.take_error();
  auto number = index.value()->lower_bound(part.age_seq);
  if (!number) return number.take_error();
  IndexEntry entry;
  for (uint32_t at = number.value();; ++at) {
    auto next = part.next_live(*index.value(), at, entry);
    if (!next) return next.take_error();
    at = next.value();
    if (at >= index.value()->size()) break;
    if (entry.ageless != 0) continue;
    part.age_seq = entry.seq;
    part.age_ns = entry.ts_ns;
    return {};
  }
  part.age_ns = kNeverExpires;
  return {};
}

// Moves the part's cursor to the time of the first message that expires by itself.
Result<void> State::settle_expiry(const Stream& stream, Part& part) {
  if (part.expiry_ns == kNeverExpires) return {};
  if (part.live == 0) {
    part.expiry_ns = kNeverExpires;
    return {};
  }
  auto index = this->index(part, stream.id);
  if (!index) return index.take_error();
  for (ExpiryRow from{part.expiry_ns};; ++from.entry) {
    auto row = index.value()->expiry_from(from);
    if (!row) return row.take_error();
    if (!row.value()) break;
    from = *row.value();
    auto entry = index.value()->entry(from.entry);
    if (!entry) return entry.take_error();
    part.expiry_ns = from.expires_ns;
    if (!part.gone.contains(entry.value().seq)) return {};
  }
  part.expiry_ns = kNeverExpires;
  return {};
}

Result<std::vector<Due>> State::due(Stream& stream, int64_t now_ns, size_t limit) {
  std::vector<Due> due;
  const auto add = [&](Index& index, const IndexEntry& entry) -> Result<void> {
    Due& one = due.emplace_back();
    one.seq = entry.seq;
    if (entry.subject == kNone) return {};
    auto row = index.row(entry.subject);
    if (!row) return row.take_error();
    auto text = index.text(row.value());
    if (!text) return text.take_error();
    one.subject = std::move(text).value();
    return {};
  };
  const int64_t age = stream.settings.max_age_ns;
  for (size_t i = 0; i < stream.parts.size() && due.size() < limit; ++i) {
    Part& part = *stream.parts[i];
    if (age > 0) PIPIT_TRY(settle_age(stream, part));
    PIPIT_TRY(settle_expiry(stream, part));
    const bool aged = age > 0 && part.age_ns != kNeverExpires && part.age_ns <= now_ns - age;
    const bool expired = part.expiry_ns <= now_ns;
    if (!aged && !expired) continue;
    auto index = this->index(part, stream.id);
    if (!index) return index.take_error();
    const size_t before = due.size();
    auto first = index.value()->lower_bound(part.age_seq);
    if (!first) return first.take_error();
    IndexEntry entry;
    for (uint32_t number = first.value(); aged && due.size() < limit; ++number) {
      auto next = part.next_live(*index.value(), number, entry);
      if (!next) return next.take_error();
      number = next.value();
      if (number >= index.value()->size()) break;
      if (entry.ageless != 0) continue;
      if (entry.ts_ns > now_ns - age) break;
      PIPIT_TRY(add(*index.value(), entry));
    }
    const size_t by_age = due.size();
    const uint64_t aged_through = by_age > before ? due.back().seq : 0;
    for (ExpiryRow from{part.expiry_ns}; expired && due.size() < limit; ++from.entry) {
      auto row = index.value()->expiry_from(from);
      if (!row) return row.take_error();
      if (!row.value() || row.value()->expires_ns > now_ns) break;
      from = *row.value();
      auto there = index.value()->entry(from.entry);
      if (!there) return there.take_error();
      entry = there.value();
      // Those up to there were all taken, but for what never ages, which never expires either.
      if (entry.seq > aged_through && !part.gone.contains(entry.seq))
        PIPIT_TRY(add(*index.value(), entry));
    }
    std::sort(due.begin() + static_cast<ptrdiff_t>(before), due.end(),
              [](const Due& a, const Due& b) { return a.seq < b.seq; });
  }
  return due;
}

Result<int64_t> State::next_due(Stream& stream) {
  const int64_t age = stream.settings.max_age_ns;
  int64_t next = kNeverExpires;
  for (const auto& part : stream.parts) {
    // What a cursor says is never too late; only one that would be the answer is looked at.
    if (age > 0 && part->age_ns != kNeverExpires && part->age_ns < next - age) {
      PIPIT_TRY(settle_age(stream, *part));
      if (part->age_ns != kNeverExpires) next = std::min(next, part->age_ns + age);
    }
    if (part->expiry_ns < next) {
      PIPIT_TRY(settle_expiry(stream, *part));
      next = std::min(next, part->expiry_ns);
    }
  }
  return next == kNeverExpires ? int64_t{0} : next;
}

}  // namespace pipit::js::store
