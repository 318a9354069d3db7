// Counters that any number of streams add up to (ADR-49): whole numbers of any size in decimal, and
// what the body and the header Nats-Counter-Sources of a counter's message hold. Pure; any thread.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace pipit::js {

// A whole number of any size. The cost of everything grows with its digits alone.
class BigDecimal {
 public:
  BigDecimal() = default;
  // A sign or none and digits; nothing if there is anything else.
  static std::optional<BigDecimal> parse(std::string_view text);

  BigDecimal operator+(const BigDecimal& other) const;
  BigDecimal operator-() const;
  BigDecimal operator-(const BigDecimal& other) const { return *this + -other; }
  // Without leading zeros, and without a sign for zero and above.
  std::string str() const { return negative_ ? "-" + digits_ : digits_; }
  bool operator==(const BigDecimal&) const = default;

 private:
  bool negative_ = false;  // never for zero
  std::string digits_ = "0";
};

// The body of a counter's message: {"val":"123"}.
std::string write_counter(const BigDecimal& value);
// Nothing if the body is no such object: the counter is broken. A value that is no number is zero,
// as in nats-server.
std::optional<BigDecimal> read_counter(std::string_view body);

// The last total seen of each origin: stream -> subject -> value.
using CounterSources = std::map<std::string, std::map<std::string, std::string>>;
std::string write_counter_sources(const CounterSources& sources);
// Nothing if the header's value is no such object.
std::optional<CounterSources> read_counter_sources(std::string_view value);

}  // namespace pipit::js
