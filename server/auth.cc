#include "server/auth.h"

#include <utility>

#include "pipit_config.h"
#include "server/identity.h"
#include "server/sha256.h"
#if PIPIT_BCRYPT
#include <crypt.h>

#include <cstring>
#endif

namespace pipit {
namespace {

// Takes as long for a wrong first byte as for a wrong last one.
bool equal_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < b.size(); ++i)
    difference |= static_cast<unsigned char>(b[i]) ^
                  static_cast<unsigned char>(a.empty() ? 0 : a[i % a.size()]);
  return difference == 0;
}

bool secret_matches(const std::string& expected, const std::string& given) {
  if (!is_bcrypt(expected)) return equal_constant_time(expected, given);
#if PIPIT_BCRYPT
  // An embedded NUL would make crypt compare a prefix only.
  if (given.find('\0') != std::string::npos) return false;
  crypt_data data;
  std::memset(&data, 0, sizeof data);
  // Not crypt_r: that one's failures are strings, and the sanitizers' stand-in for it is broken.
  const char* hash = crypt_rn(given.c_str(), expected.c_str(), &data, sizeof data);
  return hash != nullptr && equal_constant_time(expected, hash);
#else
  return false;
#endif
}

}  // namespace

bool is_bcrypt(std::string_view text) {
  return text.size() > 4 && text.substr(0, 2) == "$2" && text[3] == '$' &&
         (text[2] == 'a' || text[2] == 'b' || text[2] == 'x' || text[2] == 'y');
}

bool needs_bcrypt(const Authorization& rules) {
  return is_bcrypt(rules.password) || is_bcrypt(rules.token);
}

bool credentials_match(const Authorization& rules, const Credentials& given) {
  if (!rules.token.empty()) return secret_matches(rules.token, given.token);
  if (rules.user.empty()) return rules.password.empty();
  const bool user_ok = equal_constant_time(rules.user, given.user);
  const bool password_ok = secret_matches(rules.password, given.password);
  return user_ok && password_ok;
}

AuthWorker::AuthWorker() { fill_random(secret_.data(), secret_.size()); }

std::string AuthWorker::digest(const Authorization& rules, const Credentials& given) const {
  std::string text(secret_.data(), secret_.size());
  for (const std::string* part : {&rules.user, &rules.password, &rules.token, &given.user,
                                  &given.password, &given.token})
    text.append(std::to_string(part->size())).append(":").append(*part);
  return sha256_hex(text);
}

bool AuthWorker::accepted_before(const Authorization& rules, const Credentials& given) {
  {
    const std::lock_guard lock(mutex_);
    if (accepted_.empty()) return false;
  }
  const std::string wanted = digest(rules, given);
  const std::lock_guard lock(mutex_);
  return equal_constant_time(accepted_, wanted);
}

void AuthWorker::post(Authorization rules, Credentials given, Clock::time_point deadline,
                      Done done) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  jobs_.push_back({std::move(rules), std::move(given), deadline, std::move(done)});
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_one();
}

void AuthWorker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void AuthWorker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.done(check(job));
    lock.lock();
  }
}

AuthVerdict AuthWorker::check(const Job& job) {
  if (accepted_before(job.rules, job.given)) return AuthVerdict::accepted;
  if (Clock::now() > job.deadline) return AuthVerdict::late;
  if (!credentials_match(job.rules, job.given)) return AuthVerdict::denied;
  std::string accepted = digest(job.rules, job.given);
  const std::lock_guard lock(mutex_);
  accepted_ = std::move(accepted);
  return AuthVerdict::accepted;
}

}  // namespace pipit
