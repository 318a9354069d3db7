#include "jetstream/store/memory_stream.h"

#include <algorithm>

#include "jetstream/store/refusals.h"

namespace pipit::js::store {

Result<void> MemoryStream::admit(std::span<const NewMessage> group) const {
  // What the group would leave, message by message, without doing it.
  struct Chain {
    uint64_t count = 0, next = 0;      // next: the oldest that is still there
    std::deque<uint64_t> counted_new;  // of the group's own
  };
  std::map<std::string_view, Chain> chains;
  const auto most = static_cast<uint64_t>(std::max<int64_t>(settings.max_msgs_per_subject, 0));
  uint64_t count = messages.size(), size = bytes;
  for (const NewMessage& message : group) {
    PIPIT_TRY(check_subject(message.subject));
    if (!settings.discard_new) continue;
    const uint64_t counted =
        counted_bytes(message.subject.size(), message.headers.size(), message.payload.size());
    if (most > 0) {
      const auto [slot, is_new] = chains.try_emplace(message.subject);
      Chain& chain = slot->second;
      if (const Subject* const there = is_new ? find(message.subject) : nullptr)
        chain.count = there->count, chain.next = there->first;
      if (chain.count >= most) {
        if (settings.discard_new_per_subject && !message.rollup) return refused_for_subject();
        --chain.count;
        --count;
        if (chain.next != 0) {
          const Message& oldest = messages.at(chain.next);
          size -= oldest.counted();
          chain.next = oldest.next;
        } else {
          size -= chain.counted_new.front();
          chain.counted_new.pop_front();
        }
      }
      ++chain.count;
      chain.counted_new.push_back(counted);
    }
    PIPIT_TRY(admits(settings, ++count, size += counted));
  }
  return {};
}

void MemoryStream::append(const NewMessage& message, int64_t now_ns) {
  auto subject = subjects.find(message.subject);
  if (subject == subjects.end()) subject = subjects.emplace(message.subject, Subject{}).first;
  Subject& chain = subject->second;
  const uint64_t seq = ++last_seq;
  Message& added = messages.emplace_hint(messages.end(), seq, Message{})->second;
  added.subject = &*subject;
  added.ts_ns = last_ts_ns = message.ts_ns != 0 ? message.ts_ns : now_ns;
  added.expires_ns = message.expires_ns;
  added.headers_size = static_cast<uint32_t>(message.headers.size());
  added.bytes.reserve(message.headers.size() + message.payload.size());
  added.bytes.append(message.headers).append(message.payload);
  added.prev = chain.last;
  if (chain.last != 0) messages.at(chain.last).next = seq;
  if (chain.first == 0) chain.first = seq;
  chain.last = seq;
  ++chain.count;
  bytes += added.counted();
  if (added.expires_ns != 0 && added.expires_ns != kNeverExpires)
    expiring_.emplace(added.expires_ns, seq);
  if (!message.id.empty()) {
    added.id = hash_id(message.id);
    ids_[added.id] = {seq, added.ts_ns};
  }
  forget_ids();

  const int64_t most = settings.max_msgs_per_subject;
  if (most > 0 && chain.count > static_cast<uint64_t>(most))
    remove(messages.find(chain.first));
  else if (too_many(settings, messages.size()))
    remove(messages.begin());
}

void MemoryStream::enforce_limits() {
  if (const int64_t most = settings.max_msgs_per_subject; most > 0) {
    std::vector<std::pair<uint64_t, uint64_t>> over;  // a subject's oldest, how many
    for (const auto& [text, chain] : subjects)
      if (chain.count > static_cast<uint64_t>(most))
        over.emplace_back(chain.first, chain.count - static_cast<uint64_t>(most));
    for (auto [seq, count] : over) {
      for (; count > 0; --count) {
        const auto oldest = messages.find(seq);
        seq = oldest->second.next;
        remove(oldest);
      }
    }
  }
  while (!messages.empty() && too_many(settings, messages.size())) remove(messages.begin());
  enforce_bytes();
}

void MemoryStream::enforce_bytes() {
  while (!messages.empty() && too_large(settings, bytes)) remove(messages.begin());
}

MemoryStream::Messages::iterator MemoryStream::remove(Messages::iterator message) {
  Message& gone = message->second;
  Subject& chain = gone.subject->second;
  (gone.prev != 0 ? messages.at(gone.prev).next : chain.first) = gone.next;
  (gone.next != 0 ? messages.at(gone.next).prev : chain.last) = gone.prev;
  bytes -= gone.counted();
  if (gone.expires_ns != 0) expiring_.erase({gone.expires_ns, message->first});
  if (gone.id) outlived_.push_back({gone.id, {message->first, gone.ts_ns}});
  if (--chain.count == 0) subjects.erase(subjects.find(gone.subject->first));
  return messages.erase(message);
}

// Ids of what was removed go when the duplicate window is over for them.
void MemoryStream::forget_ids() {
  for (; !outlived_.empty(); outlived_.pop_front()) {
    const auto& [id, remembered] = outlived_.front();
    if (remembered.ts_ns + settings.duplicate_window_ns > last_ts_ns) break;
    const auto found = ids_.find(id);
    if (found != ids_.end() && found->second.seq == remembered.seq) ids_.erase(found);
  }
}

uint64_t MemoryStream::remove(SequenceRange range) {
  uint64_t removed = 0;
  for (auto at = messages.lower_bound(range.first); at != messages.end() && at->first <= range.last;
       ++removed)
    at = remove(at);
  return removed;
}

uint64_t MemoryStream::purge(const SubjectFilter& filter, uint64_t through, uint64_t keep) {
  if (filter.literal.empty() && !filter.matches && keep == 0) return remove({0, through});
  std::vector<uint64_t> matching;
  for (auto at = next(filter, 0); at != messages.end() && at->first <= through;
       at = next(filter, at->first + 1))
    matching.push_back(at->first);
  const uint64_t removed = matching.size() - std::min<uint64_t>(matching.size(), keep);
  for (uint64_t i = 0; i < removed; ++i) remove(messages.find(matching[i]));
  return removed;
}

MemoryStream::Messages::const_iterator MemoryStream::next(const SubjectFilter& filter,
                                                          uint64_t seq) const {
  auto at = messages.lower_bound(seq);
  if (!filter.literal.empty()) {
    const auto subject = subjects.find(filter.literal);
    if (subject == subjects.end() || subject->second.last < seq) return messages.end();
    // Along the stream and along the subject, whichever comes there first.
    for (uint64_t chained = subject->second.first;; ++at) {
      if (at->second.subject == &*subject) return at;
      if (chained >= seq) return messages.find(chained);
      chained = messages.at(chained).next;
    }
  }
  std::unordered_map<const void*, bool> verdicts;
  for (; filter.matches && at != messages.end(); ++at) {
    const auto [verdict, is_new] = verdicts.try_emplace(at->second.subject);
    if (is_new) verdict->second = filter.matches(at->second.subject->first);
    if (verdict->second) break;
  }
  return at;
}

const MemoryStream::Subject* MemoryStream::find(std::string_view subject) const {
  const auto found = subjects.find(subject);
  return found == subjects.end() ? nullptr : &found->second;
}

uint64_t MemoryStream::last_of_each(const SubjectFilter& filter, uint64_t through,
                                    const std::function<void(uint64_t)>& tell) const {
  uint64_t highest = 0;
  const auto look = [&](const Subject& subject) {
    uint64_t seq = subject.last;
    while (seq > through) seq = messages.at(seq).prev;
    if (seq == 0) return;
    tell(seq);
    highest = std::max(highest, seq);
  };
  if (!filter.literal.empty()) {
    if (const Subject* const subject = find(filter.literal)) look(*subject);
    return highest;
  }
  for (const auto& [text, subject] : subjects)
    if (!filter.matches || filter.matches(text)) look(subject);
  return highest;
}

uint64_t MemoryStream::count(const SubjectFilter& filter, uint64_t from) const {
  if (filter.literal.empty() && !filter.matches) {
    if (messages.empty() || from > messages.rbegin()->first) return 0;
    if (from <= messages.begin()->first) return messages.size();
    return static_cast<uint64_t>(std::distance(messages.lower_bound(from), messages.end()));
  }
  uint64_t count = 0;
  const auto look = [&](const Subject& subject) {
    if (subject.first >= from) {
      count += subject.count;
      return;
    }
    for (uint64_t seq = subject.last; seq >= from && seq != 0; seq = messages.at(seq).prev) ++count;
  };
  if (!filter.literal.empty()) {
    if (const Subject* const subject = find(filter.literal)) look(*subject);
    return count;
  }
  for (const auto& [text, subject] : subjects)
    if (filter.matches(text)) look(subject);
  return count;
}

uint64_t MemoryStream::find_id(MessageId id, int64_t since_ns) const {
  const auto found = ids_.find(id);
  return found == ids_.end() || found->second.ts_ns < since_ns ? 0 : found->second.seq;
}

uint64_t MemoryStream::first_since(int64_t ts_ns) const {
  if (messages.empty()) return last_seq + 1;
  // By halves of the sequences.
  uint64_t low = messages.begin()->first, high = last_seq + 1;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const auto there = messages.lower_bound(middle);
    if (there != messages.end() && there->second.ts_ns < ts_ns)
      low = there->first + 1;
    else
      high = middle;
  }
  const auto found = messages.lower_bound(low);
  return found == messages.end() ? last_seq + 1 : found->first;
}

MemoryStream::Messages::const_iterator MemoryStream::first_aging() {
  auto at = messages.lower_bound(age_from_);
  while (at != messages.end() && at->second.expires_ns == kNeverExpires) ++at;
  age_from_ = at == messages.end() ? last_seq + 1 : at->first;
  return at;
}

std::vector<Due> MemoryStream::due(int64_t now_ns, size_t limit) {
  std::vector<Due> due;
  uint64_t aged_through = 0;
  if (settings.max_age_ns > 0) {
    for (auto at = first_aging(); at != messages.end() && due.size() < limit; ++at) {
      if (at->second.expires_ns == kNeverExpires) continue;
      if (at->second.ts_ns > now_ns - settings.max_age_ns) break;
      aged_through = at->first;
      due.push_back({at->first, at->second.subject->first});
    }
  }
  for (auto at = expiring_.begin();
       at != expiring_.end() && at->first <= now_ns && due.size() < limit; ++at)
    if (at->second > aged_through)
      due.push_back({at->second, messages.at(at->second).subject->first});
  std::sort(due.begin(), due.end(), [](const Due& a, const Due& b) { return a.seq < b.seq; });
  return due;
}

int64_t MemoryStream::next_due() {
  int64_t next = expiring_.empty() ? kNeverExpires : expiring_.begin()->first;
  if (settings.max_age_ns > 0)
    if (const auto aging = first_aging(); aging != messages.end())
      next = std::min(next, aging->second.ts_ns + settings.max_age_ns);
  return next == kNeverExpires ? 0 : next;
}

std::vector<SequenceRange> MemoryStream::deleted(size_t limit) const {
  std::vector<SequenceRange> gaps;
  uint64_t before = messages.empty() ? last_seq : messages.begin()->first;
  for (const auto& [seq, message] : messages) {
    if (gaps.size() == limit) return gaps;
    if (seq > before + 1) gaps.push_back({before + 1, seq - 1});
    before = seq;
  }
  if (before < last_seq && gaps.size() < limit) gaps.push_back({before + 1, last_seq});
  return gaps;
}

StoredMessage MemoryStream::stored(Messages::const_iterator message) const {
  const auto& [seq, kept] = *message;
  StoredMessage stored;
  stored.seq = seq;
  stored.ts_ns = kept.ts_ns;
  stored.subject = kept.subject->first;
  stored.headers = kept.bytes.substr(0, kept.headers_size);
  stored.payload = kept.bytes.substr(kept.headers_size);
  return stored;
}

}  // namespace pipit::js::store
