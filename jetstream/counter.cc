#include "jetstream/counter.h"

#include <algorithm>

#include "protocol/json_reader.h"
#include "protocol/json_writer.h"

namespace pipit::js {
namespace {

std::string without_leading_zeros(std::string digits) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return digits;
}

bool is_smaller(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// `larger` plus or minus `smaller`, digit by digit from the end. Requires: not is_smaller(larger,
// smaller).
std::string combine(const std::string& larger, const std::string& smaller, int sign) {
  std::string out = larger;
  int carry = 0;
  for (size_t i = 0; i < larger.size(); ++i) {
    char& digit = out[larger.size() - 1 - i];
    const int other = i < smaller.size() ? smaller[smaller.size() - 1 - i] - '0' : 0;
    const int sum = (digit - '0') + sign * other + carry;
    carry = sum < 0 ? -1 : sum / 10;
    digit = static_cast<char>('0' + sum - carry * 10);
  }
  if (carry > 0) out.insert(out.begin(), '1');
  return without_leading_zeros(std::move(out));
}

struct CounterBody {
  std::string value;
};
constexpr proto::JsonField<CounterBody> kBodyFields[] = {
    {"val", [](proto::JsonReader& json, CounterBody& body) { json.read(body.value); }},
};
constexpr proto::JsonShape<CounterBody> kBody{"CounterValue", kBodyFields};

}  // namespace

std::optional<BigDecimal> BigDecimal::parse(std::string_view text) {
  BigDecimal number;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  number.digits_ = without_leading_zeros(std::string(text));
  number.negative_ = negative && number.digits_ != "0";
  return number;
}

BigDecimal BigDecimal::operator-() const {
  BigDecimal out = *this;
  out.negative_ = !negative_ && digits_ != "0";
  return out;
}

BigDecimal BigDecimal::operator+(const BigDecimal& other) const {
  const bool swap = is_smaller(digits_, other.digits_);
  const BigDecimal& larger = swap ? other : *this;
  const BigDecimal& smaller = swap ? *this : other;
  BigDecimal sum;
  sum.digits_ = combine(larger.digits_, smaller.digits_, negative_ == other.negative_ ? 1 : -1);
  sum.negative_ = larger.negative_ && sum.digits_ != "0";
  return sum;
}

std::string write_counter(const BigDecimal& value) { return "{\"val\":\"" + value.str() + "\"}"; }

std::optional<BigDecimal> read_counter(std::string_view body) {
  const proto::JsonScan scan = proto::scan_json(body);
  if (scan.end != proto::JsonScan::End::value ||
      !std::ranges::all_of(body.substr(scan.size), proto::is_json_blank))
    return std::nullopt;
  CounterBody counter;
  proto::JsonReader reader(body.substr(0, scan.size), false);
  reader.read(counter, kBody);
  if (!reader.fault().empty()) return std::nullopt;
  return BigDecimal::parse(counter.value).value_or(BigDecimal());
}

std::string write_counter_sources(const CounterSources& sources) {
  std::string out;
  proto::JsonWriter json(out);
  json.begin_object();
  for (const auto& [stream, subjects] : sources) {
    json.key(stream).begin_object();
    for (const auto& [subject, value] : subjects) json.field(subject, value);
    json.end_object();
  }
  json.end_object();
  return out;
}

std::optional<CounterSources> read_counter_sources(std::string_view value) {
  const proto::JsonScan scan = proto::scan_json(value);
  if (scan.end != proto::JsonScan::End::value || scan.size != value.size()) return std::nullopt;
  CounterSources sources;
  proto::JsonReader reader(value, false);
  reader.read(sources);
  if (!reader.fault().empty()) return std::nullopt;
  return sources;
}

}  // namespace pipit::js
