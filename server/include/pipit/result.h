// pipit/result.h -- how calls report what the world did to them.
//
// Nothing in Pipit throws. A call that can fail returns Result<T>: either a value or an Error that
// names the call, carries the OS errno (0 when there is none) and a sentence for a person. A fault
// of the program itself is an assertion (PIPIT_ASSERT), never a Result.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace pipit {

enum class Errc : uint16_t {
  ok = 0,
  invalid_argument,  // the caller asked for something that has no meaning
  invalid_config,    // the config text or Options contradict themselves; `text` lists each fault
  not_built,         // a feature that this build or version of Pipit does not have
  address,           // a listener could not be bound
  io,                // a file or socket call failed; see sys_errno
  closed,            // the server or connection is closed
  exhausted,         // a limit was reached
  denied,            // the server does not let this client do that
  slow_consumer,     // too much is under way: the same call may succeed later
  no_responders,     // nobody listens to what was requested
  timeout,           // it did not happen in time
};

struct Error {
  Errc code = Errc::ok;
  int sys_errno = 0;
  const char* where = "";  // the call that failed, a string literal
  std::string text;        // one sentence; several lines for invalid_config
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  // Requires: ok().
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  // Requires: !ok().
  const Error& error() const { return std::get<1>(state_); }
  Error take_error() { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit

  bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  const Error& error() const { return error_; }
  Error take_error() { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace pipit

// Leaves the enclosing function with the error of `expr` if it failed.
#define PIPIT_TRY(expr)                                 \
  do {                                                  \
    if (auto pipit_try_ = (expr); !pipit_try_.ok())     \
      return pipit_try_.take_error();                   \
  } while (false)
