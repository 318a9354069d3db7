// What the two halves of the C interface share: handles, errors, contexts.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "pipit/pipit.h"
#include "pipit/server.h"

struct pipit_server {
  std::unique_ptr<pipit::Server> server;
  pipit_hooks run_mode;  // of the hooks only that
};
struct pipit_client {
  std::unique_ptr<pipit::Client> client;
};
struct pipit_sub {
  pipit::Subscription sub;
};
struct pipit_kept {
  pipit::Message message;
  pipit_msg msg;
};

namespace pipit::c {

inline std::string_view view(pipit_str text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.len);
}
inline pipit_str str(std::string_view text) { return {text.data(), text.size()}; }
// A length without bytes.
inline bool broken(pipit_str text) { return text.data == nullptr && text.len > 0; }
inline bool broken(const pipit_msg& msg) {
  return broken(msg.subject) || broken(msg.reply) || broken(msg.headers) || broken(msg.payload);
}
inline pipit_msg msg_of(const MessageView& view) {
  return {str(view.subject), str(view.reply), str(view.headers), str(view.payload), &view};
}

// Says what failed in which call, and returns the code.
int fail(pipit_error* err, const char* call, const Error& error);
int invalid(pipit_error* err, const char* call, const char* text);
template <class T>
int answer(pipit_error* err, const char* call, const Result<T>& result) {
  return result.ok() ? 0 : fail(err, call, result.error());
}
inline constexpr const char* kNullHandle = "a handle is null";
inline constexpr const char* kNullOut = "the place for the result is null";
inline constexpr const char* kBroken = "a text has a length and no bytes";

// A context of the program's: released once, with the last copy.
class Context {
 public:
  Context(void* ctx, pipit_release release) : held_(std::make_shared<Held>(ctx, release)) {}
  void* get() const { return held_->ctx; }

 private:
  struct Held {
    Held(void* given, pipit_release call) : ctx(given), release(call) {}
    Held(const Held&) = delete;
    ~Held() {
      if (release != nullptr) release(ctx);
    }
    void* const ctx;
    const pipit_release release;
  };
  std::shared_ptr<Held> held_;
};

}  // namespace pipit::c
