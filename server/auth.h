// Auth: may this CONNECT in? One user and password, or one token; plain or bcrypt.
//
// A bcrypt check takes tens of milliseconds by design, so it never runs on a reactor: AuthWorker
// has a thread for it, started with the first such check. Who floods it with wrong passwords makes
// others wait, but not for long: no check waits past its deadline, and what was right once is known.
#pragma once
#include <array>
#include <chrono>
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

enum class AuthVerdict : uint8_t { denied, accepted, late };

// One thread that checks in order. Any thread calls; stop() before destruction of what the callbacks
// use. The caller bounds how many wait: a connection has one at most.
class AuthWorker {
 public:
  using Clock = std::chrono::steady_clock;
  using Done = std::function<void(AuthVerdict)>;

  AuthWorker();
  ~AuthWorker() { stop(); }
  AuthWorker(const AuthWorker&) = delete;
  // Were the last ones accepted under these rules the same? So thousands who come back at once wait
  // for one check. Kept as a digest with a secret of this process.
  bool accepted_before(const Authorization& rules, const Credentials& given);
  // `done` is called on the worker's thread: `late`, and nothing is checked, if the turn comes
  // after `deadline`.
  void post(Authorization rules, Credentials given, Clock::time_point deadline, Done done);
  void stop();

 private:
  struct Job {
    Authorization rules;
    Credentials given;
    Clock::time_point deadline;
    Done done;
  };
  void run();
  AuthVerdict check(const Job& job);
  std::string digest(const Authorization& rules, const Credentials& given) const;

  std::array<char, 32> secret_;
  std::mutex mutex_;
  std::string accepted_;  // empty: none yet
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::thread thread_;
  bool stopping_ = false;
};

}  // namespace pipit
