#include "jetstream/store/sequence_set.h"

#include <algorithm>
#include <bit>

namespace pipit::js::store {
namespace {

constexpr size_t kFewRuns = 64;
constexpr uint64_t kMostBits = 1u << 23;  // a megabyte; no part has more messages

}  // namespace

// The first run that ends at `seq` or behind it.
std::vector<SequenceRange>::const_iterator SequenceSet::run_at(uint64_t seq) const {
  return std::lower_bound(runs_.begin(), runs_.end(), seq,
                          [](SequenceRange run, uint64_t value) { return run.last < value; });
}

bool SequenceSet::contains(uint64_t seq) const {
  if (!words_.empty()) {
    const uint64_t bit = seq - base_;
    return seq >= base_ && bit / 64 < words_.size() && (words_[bit / 64] >> (bit % 64) & 1) != 0;
  }
  const auto run = run_at(seq);
  return run != runs_.end() && run->first <= seq;
}

uint64_t SequenceSet::next_absent(uint64_t seq) const {
  if (words_.empty()) {
    const auto run = run_at(seq);
    return run != runs_.end() && run->first <= seq ? run->last + 1 : seq;
  }
  if (seq < base_) return seq;
  for (uint64_t bit = seq - base_; bit / 64 < words_.size();) {
    const uint64_t rest = ~words_[bit / 64] >> (bit % 64);
    if (rest != 0) return base_ + bit + static_cast<uint64_t>(std::countr_zero(rest));
    bit = (bit / 64 + 1) * 64;
  }
  return std::max(seq, base_ + words_.size() * 64);
}

uint64_t SequenceSet::next_present(uint64_t seq) const {
  if (words_.empty()) {
    const auto run = run_at(seq);
    return run != runs_.end() ? std::max(seq, run->first) : ~uint64_t{0};
  }
  for (uint64_t bit = seq < base_ ? 0 : seq - base_; bit / 64 < words_.size();) {
    const uint64_t rest = words_[bit / 64] >> (bit % 64);
    if (rest != 0) return base_ + bit + static_cast<uint64_t>(std::countr_zero(rest));
    bit = (bit / 64 + 1) * 64;
  }
  return ~uint64_t{0};
}

void SequenceSet::set_bits(SequenceRange range) {
  for (uint64_t bit = range.first - base_; bit <= range.last - base_;) {
    const uint64_t in_word = bit % 64, count = std::min(64 - in_word, range.last - base_ - bit + 1);
    words_[bit / 64] |= (count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << in_word;
    bit += count;
  }
}

void SequenceSet::insert(SequenceRange range) {
  if (!words_.empty()) {
    const uint64_t first = std::min(range.first, base_) / 64 * 64;
    const uint64_t last = std::max(range.last, base_ + words_.size() * 64 - 1);
    if (last - first < kMostBits) {
      words_.insert(words_.begin(), (base_ - first) / 64, 0);
      base_ = first;
      words_.resize((last - first) / 64 + 1);
      set_bits(range);
      return;
    }
    // Too far apart for bits.
    const std::vector<uint64_t> words = std::move(words_);
    const uint64_t base = base_;
    words_.clear();
    for (uint64_t bit = 0; bit < words.size() * 64; ++bit)
      if ((words[bit / 64] >> (bit % 64) & 1) != 0) {
        if (!runs_.empty() && runs_.back().last + 1 == base + bit)
          ++runs_.back().last;
        else
          runs_.push_back({base + bit, base + bit});
      }
  }
  // All that it touches becomes one.
  const auto first =
      runs_.begin() + (run_at(range.first == 0 ? 0 : range.first - 1) - runs_.begin());
  auto last = first;
  for (; last != runs_.end() && (range.last == ~uint64_t{0} || last->first <= range.last + 1);
       ++last)
    range = {std::min(range.first, last->first), std::max(range.last, last->last)};
  runs_.insert(runs_.erase(first, last), range);
  choose_form();
}

void SequenceSet::erase(uint64_t seq) {
  if (!contains(seq)) return;
  if (!words_.empty()) {
    words_[(seq - base_) / 64] &= ~(uint64_t{1} << ((seq - base_) % 64));
    return;
  }
  const auto at = runs_.begin() + (run_at(seq) - runs_.begin());
  const SequenceRange run = *at;
  if (run.first == run.last) {
    runs_.erase(at);
  } else if (seq == run.first) {
    ++at->first;
  } else if (seq == run.last) {
    --at->last;
  } else {
    at->last = seq - 1;
    runs_.insert(at + 1, {seq + 1, run.last});
    choose_form();
  }
}

void SequenceSet::erase_through(uint64_t seq) {
  if (words_.empty()) {
    runs_.erase(runs_.begin(), runs_.begin() + (run_at(seq) - runs_.begin()));
    if (!runs_.empty() && runs_.front().first <= seq) {
      if (runs_.front().last == seq)
        runs_.erase(runs_.begin());
      else
        runs_.front().first = seq + 1;
    }
    return;
  }
  if (seq < base_) return;
  const uint64_t bit = seq - base_, whole = std::min<uint64_t>(bit / 64, words_.size());
  std::fill_n(words_.begin(), whole, 0);
  if (whole < words_.size()) words_[whole] &= bit % 64 == 63 ? 0 : ~uint64_t{0} << (bit % 64 + 1);
  if (std::all_of(words_.begin(), words_.end(), [](uint64_t word) { return word == 0; }))
    words_ = {};
}

void SequenceSet::choose_form() {
  if (runs_.size() < kFewRuns) return;
  const uint64_t base = runs_.front().first / 64 * 64, span = runs_.back().last - base;
  if (span >= kMostBits || span / 8 > runs_.size() * sizeof(SequenceRange) / 2) return;
  base_ = base;
  words_.assign(span / 64 + 1, 0);
  for (const SequenceRange run : runs_) set_bits(run);
  runs_ = {};
}

bool SequenceSet::assign(std::vector<SequenceRange> runs, uint64_t base,
                         std::vector<uint64_t> words) {
  if (!words.empty() && (!runs.empty() || base % 64 != 0 || words.size() > kMostBits / 64 ||
                         base > ~uint64_t{0} - kMostBits))
    return false;
  for (size_t i = 0; i < runs.size(); ++i)
    if (runs[i].first > runs[i].last || (i > 0 && runs[i].first <= runs[i - 1].last)) return false;
  runs_ = std::move(runs);
  words_ = std::move(words);
  base_ = words_.empty() ? 0 : base;
  return true;
}

}  // namespace pipit::js::store
