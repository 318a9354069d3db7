#include "jetstream/rfc3339.h"

#include <limits>

namespace pipit::js {
namespace {

constexpr int64_t kNanosASecond = 1'000'000'000;
constexpr int64_t kSecondsADay = 86'400;
constexpr std::string_view kLayout = "2006-01-02T15:04:05Z07:00";

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

void append_digits(std::string& out, int64_t value, int width) {
  char digits[20];
  for (int i = width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits, static_cast<size_t>(width));
}

std::string quote_time(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || byte < ' ') {
      out += "\\x";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 0xF];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

// Reads along kLayout; the first part that does not fit is the fault.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}
  std::optional<Timestamp> run();
  std::string fault;

 private:
  bool bad(std::string_view element) {
    fault = "parsing time " + quote_time(text_) + " as " + quote_time(kLayout) + ": cannot parse " +
            quote_time(rest_) + " as " + quote_time(element);
    return false;
  }
  bool wrong(const std::string& what) {
    fault = "parsing time " + quote_time(text_) + ": " + what;
    return false;
  }
  bool year();
  bool literal(std::string_view c);
  // Two digits, or one where Go takes it.
  bool two(std::string_view element, std::string_view name, int64_t low, int64_t high, int64_t& out,
           bool one_will_do = false);
  void fraction();
  bool zone();

  std::string_view text_, rest_;
  int64_t year_ = 0, nanos_ = 0, offset_s_ = 0;
};

bool Parser::year() {
  if (rest_.size() < 4 || !is_digit(rest_[0]) || !is_digit(rest_[1]) || !is_digit(rest_[2]) ||
      !is_digit(rest_[3]))
    return bad("2006");
  for (const char c : rest_.substr(0, 4)) year_ = year_ * 10 + (c - '0');
  rest_.remove_prefix(4);
  return true;
}

bool Parser::literal(std::string_view c) {
  if (!rest_.starts_with(c)) return bad(c);
  rest_.remove_prefix(1);
  return true;
}

bool Parser::two(std::string_view element, std::string_view name, int64_t low, int64_t high,
                 int64_t& out, bool one_will_do) {
  const size_t digits = rest_.size() > 1 && is_digit(rest_[1]) ? 2 : 1;
  if (rest_.empty() || !is_digit(rest_[0]) || (digits == 1 && !one_will_do)) return bad(element);
  out = 0;
  for (const char c : rest_.substr(0, digits)) out = out * 10 + (c - '0');
  rest_.remove_prefix(digits);
  if (out < low || out > high) return wrong(std::string(name) + " out of range");
  return true;
}

void Parser::fraction() {
  if (rest_.size() < 2 || (rest_[0] != '.' && rest_[0] != ',') || !is_digit(rest_[1])) return;
  rest_.remove_prefix(1);
  for (int64_t unit = kNanosASecond / 10; !rest_.empty() && is_digit(rest_[0]); unit /= 10) {
    nanos_ += (rest_[0] - '0') * unit;
    rest_.remove_prefix(1);
  }
}

bool Parser::zone() {
  constexpr std::string_view kElement = "Z07:00";
  if (rest_.starts_with('Z')) {
    rest_.remove_prefix(1);
    return true;
  }
  const auto digits = [this](size_t at) { return is_digit(rest_[at]) && is_digit(rest_[at + 1]); };
  if (rest_.size() < 6 || rest_[3] != ':' || (rest_[0] != '+' && rest_[0] != '-') || !digits(1) ||
      !digits(4))
    return bad(kElement);
  const auto value = [this](size_t at) { return (rest_[at] - '0') * 10 + (rest_[at + 1] - '0'); };
  // Go takes 24 hours and 60 minutes here, and fails when it writes them.
  if (value(1) > 23) return wrong("time zone offset hour out of range");
  if (value(4) > 59) return wrong("time zone offset minute out of range");
  offset_s_ = (value(1) * 60 + value(4)) * 60 * (rest_[0] == '-' ? -1 : 1);
  rest_.remove_prefix(6);
  return true;
}

std::optional<Timestamp> Parser::run() {
  int64_t month = 0, day = 0, hour = 0, minute = 0, second = 0;
  // The day is judged last, when the month's length is known.
  if (!year() || !literal("-") || !two("01", "month", 1, 12, month) || !literal("-") ||
      !two("02", "day", 0, 99, day) || !literal("T") || !two("15", "hour", 0, 23, hour, true) ||
      !literal(":") || !two("04", "minute", 0, 59, minute) || !literal(":") ||
      !two("05", "second", 0, 59, second))
    return std::nullopt;
  fraction();
  if (!zone()) return std::nullopt;
  if (!rest_.empty()) {
    wrong("extra text: " + quote_time(rest_));
    return std::nullopt;
  }
  if (day < 1 || day > days_in_month(year_, month)) {
    wrong("day out of range");
    return std::nullopt;
  }
  const int64_t seconds = days_from_civil(year_, month, day) * kSecondsADay + hour * 3600 +
                          minute * 60 + second - offset_s_;
  return Timestamp{seconds, static_cast<int32_t>(nanos_), static_cast<int32_t>(offset_s_)};
}

}  // namespace

// Counted in eras of 400 years that begin in March, so that the leap day is the last of its year.
int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  const int64_t from_march = (month + 9) % 12;
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = floor_div(y, 400);
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CivilDate civil_from_days(int64_t days) {
  const int64_t shifted = days + 719'468;
  const int64_t era = floor_div(shifted, 146'097);
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t from_march = (5 * day_of_year + 2) / 153;
  const int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return {year, month, day_of_year - (153 * from_march + 2) / 5 + 1};
}

int64_t days_in_month(int64_t year, int64_t month) {
  return month == 12 ? 31 : days_from_civil(year, month + 1, 1) - days_from_civil(year, month, 1);
}

int64_t Timestamp::unix_ns() const {
  int64_t ns = 0;
  if (__builtin_mul_overflow(seconds, kNanosASecond, &ns) ||
      __builtin_add_overflow(ns, int64_t{nanos}, &ns))
    return seconds < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  return ns;
}

Timestamp timestamp_utc(int64_t unix_ns) {
  const int64_t rest = unix_ns % kNanosASecond;  // seconds times a second may not fit
  return {floor_div(unix_ns, kNanosASecond),
          static_cast<int32_t>(rest < 0 ? rest + kNanosASecond : rest), 0};
}

std::string format_rfc3339(const Timestamp& time) {
  const int64_t local = time.seconds + time.utc_offset_s;
  const int64_t days = floor_div(local, kSecondsADay);
  const int64_t second_of_day = local - days * kSecondsADay;
  const CivilDate date = civil_from_days(days);
  std::string out;
  out.reserve(sizeof "2006-01-02T15:04:05.999999999+00:00");
  append_digits(out, date.year, 4);
  out += '-';
  append_digits(out, date.month, 2);
  out += '-';
  append_digits(out, date.day, 2);
  out += 'T';
  append_digits(out, second_of_day / 3600, 2);
  out += ':';
  append_digits(out, second_of_day / 60 % 60, 2);
  out += ':';
  append_digits(out, second_of_day % 60, 2);
  if (time.nanos != 0) {
    out += '.';
    append_digits(out, time.nanos, 9);
    while (out.back() == '0') out.pop_back();
  }
  if (time.utc_offset_s == 0) {
    out += 'Z';
    return out;
  }
  const int64_t minutes = (time.utc_offset_s < 0 ? -time.utc_offset_s : time.utc_offset_s) / 60;
  out += time.utc_offset_s < 0 ? '-' : '+';
  append_digits(out, minutes / 60, 2);
  out += ':';
  append_digits(out, minutes % 60, 2);
  return out;
}

std::string format_unix_ns(int64_t unix_ns) {
  return unix_ns == 0 ? std::string(kZeroTime) : format_rfc3339(timestamp_utc(unix_ns));
}

std::optional<Timestamp> parse_rfc3339(std::string_view text, std::string& fault) {
  Parser parser(text);
  const std::optional<Timestamp> time = parser.run();
  fault = std::move(parser.fault);
  return time;
}

}  // namespace pipit::js
