// Proves who gets in: user and password, token, plain and bcrypt; and that slow checks run on the
// worker's thread, in order, and never call back once it has been stopped.
#include "server/auth.h"

#include <doctest/doctest.h>

#include <future>
#include <thread>
#include <vector>

#include "pipit_config.h"

using namespace pipit;

namespace {

Authorization user_rules(std::string user, std::string password) {
  Authorization rules;
  rules.user = std::move(user);
  rules.password = std::move(password);
  return rules;
}
Authorization token_rules(std::string token) {
  Authorization rules;
  rules.token = std::move(token);
  return rules;
}

// Of "s3cret" and of "tok", at the lowest cost that there is.
constexpr const char* kHashA = "$2a$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG";
constexpr const char* kHashB = "$2b$04$ABCDEFGHIJKLMNOPQRSTUuYfsk7GH.jcpMnfU0VJyivmesv85PFC.";

}  // namespace

TEST_CASE("a user gets in with both, user and password, exactly") {
  const Authorization rules = user_rules("joe", "secret");
  CHECK(credentials_match(rules, {"joe", "secret", ""}));
  CHECK(credentials_match(rules, {"joe", "secret", "a token that nobody asked for"}));
  CHECK_FALSE(credentials_match(rules, {"joe", "Secret", ""}));
  CHECK_FALSE(credentials_match(rules, {"joe", "secre", ""}));
  CHECK_FALSE(credentials_match(rules, {"joe", "secretsecret", ""}));
  CHECK_FALSE(credentials_match(rules, {"joe", "", ""}));
  CHECK_FALSE(credentials_match(rules, {"", "secret", ""}));
  CHECK_FALSE(credentials_match(rules, {"jo", "secret", ""}));
  CHECK_FALSE(credentials_match(rules, {"", "", "secret"}));
  CHECK_FALSE(credentials_match(rules, {"", "", ""}));
}

TEST_CASE("an empty password is a password") {
  const Authorization rules = user_rules("joe", "");
  CHECK(credentials_match(rules, {"joe", "", ""}));
  CHECK_FALSE(credentials_match(rules, {"joe", "x", ""}));
}

TEST_CASE("a token counts alone") {
  const Authorization rules = token_rules("tok");
  CHECK(credentials_match(rules, {"", "", "tok"}));
  CHECK(credentials_match(rules, {"anybody", "anything", "tok"}));
  CHECK_FALSE(credentials_match(rules, {"tok", "tok", ""}));
  CHECK_FALSE(credentials_match(rules, {"", "", "to"}));
  CHECK_FALSE(credentials_match(rules, {"", "", "tok2"}));
}

TEST_CASE("secrets with any byte in them are compared to their end") {
  const std::string secret("a\0b\xff", 4);
  CHECK(credentials_match(token_rules(secret), {"", "", secret}));
  CHECK_FALSE(credentials_match(token_rules(secret), {"", "", std::string("a\0c\xff", 4)}));
  CHECK_FALSE(credentials_match(token_rules(secret), {"", "", "a"}));
}

TEST_CASE("what looks like a bcrypt hash") {
  for (std::string_view hash : {"$2a$04$x", "$2b$11$x", "$2x$10$x", "$2y$10$x"})
    CHECK(is_bcrypt(hash));
  for (std::string_view other :
       {"", "$", "$2", "$2a", "$2a$", "$2c$04$x", "2a$04$x", "$1$x", "secret"})
    CHECK_FALSE(is_bcrypt(other));
  CHECK(needs_bcrypt(user_rules("joe", kHashA)));
  CHECK(needs_bcrypt(token_rules(kHashB)));
  CHECK_FALSE(needs_bcrypt(user_rules(kHashA, "plain")));
}

#if PIPIT_BCRYPT
TEST_CASE("bcrypt compares with what was hashed, never with the hash") {
  CHECK(credentials_match(user_rules("joe", kHashA), {"joe", "s3cret", ""}));
  CHECK_FALSE(credentials_match(user_rules("joe", kHashA), {"joe", "s3cre", ""}));
  CHECK_FALSE(credentials_match(user_rules("joe", kHashA), {"jim", "s3cret", ""}));
  CHECK_FALSE(credentials_match(user_rules("joe", kHashA), {"joe", kHashA, ""}));
  CHECK(credentials_match(token_rules(kHashB), {"", "", "tok"}));
  CHECK_FALSE(credentials_match(token_rules(kHashB), {"", "", ""}));
  CHECK_FALSE(credentials_match(token_rules(kHashB), {"", "", std::string("tok\0more", 8)}));
}

TEST_CASE("a hash that is broken lets nobody in") {
  CHECK_FALSE(credentials_match(token_rules("$2a$04$short"), {"", "", ""}));
  CHECK_FALSE(credentials_match(token_rules("$2a$99$abcdefghijklmnopqrstuu"), {"", "", "x"}));
  CHECK_FALSE(credentials_match(token_rules("$2a$04$short"), {"", "", "$2a$04$short"}));
}
#endif

namespace {

const auto kNoDeadline = AuthWorker::Clock::time_point::max();
using Verdicts = std::vector<AuthVerdict>;
constexpr AuthVerdict kYes = AuthVerdict::accepted, kNo = AuthVerdict::denied;

AuthVerdict verdict_of(AuthWorker& worker, const Authorization& rules, Credentials given,
                       AuthWorker::Clock::time_point deadline = kNoDeadline) {
  std::promise<AuthVerdict> answer;
  worker.post(rules, std::move(given), deadline, [&](AuthVerdict v) { answer.set_value(v); });
  return answer.get_future().get();
}

}  // namespace

TEST_CASE("the worker answers in order, on a thread of its own") {
  const Authorization rules = token_rules("right");
  Verdicts verdicts;
  std::vector<std::thread::id> threads;
  AuthWorker worker;
  for (const char* token : {"right", "wrong", "right", "wrong"})
    worker.post(rules, {"", "", token}, kNoDeadline, [&](AuthVerdict verdict) {
      verdicts.push_back(verdict);
      threads.push_back(std::this_thread::get_id());
    });
  verdict_of(worker, rules, {"", "", "right"});
  CHECK(verdicts == Verdicts{kYes, kNo, kYes, kNo});
  for (const std::thread::id& id : threads) {
    CHECK(id == threads[0]);
    CHECK(id != std::this_thread::get_id());
  }
}

TEST_CASE("what was right once is known, under the same rules and to the letter") {
  const Authorization rules = user_rules("joe", "secret");
  AuthWorker worker;
  CHECK_FALSE(worker.accepted_before(rules, {"joe", "secret", ""}));
  CHECK(verdict_of(worker, rules, {"joe", "wrong", ""}) == kNo);
  CHECK_FALSE(worker.accepted_before(rules, {"joe", "wrong", ""}));
  CHECK(verdict_of(worker, rules, {"joe", "secret", ""}) == kYes);
  CHECK(worker.accepted_before(rules, {"joe", "secret", ""}));
  CHECK_FALSE(worker.accepted_before(rules, {"joe", "secre", "t"}));
  CHECK_FALSE(worker.accepted_before(rules, {"joes", "ecret", ""}));
  CHECK_FALSE(worker.accepted_before(rules, {"", "", ""}));
  CHECK_FALSE(worker.accepted_before(user_rules("joe", "other"), {"joe", "secret", ""}));
  CHECK(verdict_of(worker, rules, {"joe", "wrong", ""}) == kNo);
  CHECK(worker.accepted_before(rules, {"joe", "secret", ""}));
}

TEST_CASE("a check whose turn comes too late is not made, unless the answer is known") {
  const Authorization rules = token_rules("right");
  const auto past = AuthWorker::Clock::time_point::min();
  AuthWorker worker;
  CHECK(verdict_of(worker, rules, {"", "", "right"}, past) == AuthVerdict::late);
  CHECK(verdict_of(worker, rules, {"", "", "wrong"}, past) == AuthVerdict::late);
  CHECK(verdict_of(worker, rules, {"", "", "right"}) == kYes);
  CHECK(verdict_of(worker, rules, {"", "", "right"}, past) == kYes);
  CHECK(verdict_of(worker, rules, {"", "", "wrong"}, past) == AuthVerdict::late);
}

TEST_CASE("after stop() nobody is called any more") {
  const Authorization rules = token_rules("right");
  int called = 0;
  AuthWorker worker;
  CHECK(verdict_of(worker, rules, {"", "", "right"}) == kYes);
  worker.stop();
  worker.post(rules, {"", "", "right"}, kNoDeadline, [&](AuthVerdict) { ++called; });
  worker.stop();
  CHECK(called == 0);
}

TEST_CASE("a worker that was never asked has no thread to stop") {
  AuthWorker worker;
  worker.stop();
  worker.stop();
}
