// Auth: may this CONNECT in? One user and password, or one token; plain or bcrypt.
//
// A bcrypt check takes tens of milliseconds by design, so it never runs on a reactor: AuthWorker
// has a thread for it, started with the first such check.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "pipit/options.h"
#include "protocol/connect_info.h"

namespace pipit {

// Is this a bcrypt hash ("$2a$", "$2b$", "$2x$", "$2y$")?
bool is_bcrypt(std::string_view text);
// Does checking anything against `rules` need bcrypt?
bool needs_bcrypt(const Authorization& rules);

struct Credentials {
  std::string user, password, token;
};
// Whole check; slow if needs_bcrypt(). Compares in constant time.
bool credentials_match(const Authorization& rules, const Credentials& given);

// One thread that checks in order. post() from any thread; stop() before destruction of what the
// callbacks use.
class AuthWorker {
 public:
  AuthWorker() = default;
  ~AuthWorker() { stop(); }
  AuthWorker(const AuthWorker&) = delete;
  // `done` is called on the worker's thread. `rules` must outlive it.
  void post(const Authorization& rules, Credentials given, std::function<void(bool ok)> done);
  void stop();

 private:
  struct Job {
    const Authorization* rules;
    Credentials given;
    std::function<void(bool)> done;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::thread thread_;
  bool stopping_ = false;
};

}  // namespace pipit
