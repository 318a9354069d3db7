// The golden harness itself: that it fails where it must. A pattern matches what it says and
// nothing else; a transcript with a mistake in it is refused; a player complains about a server
// that says too much, too little, the wrong thing, or stays when it should go. The server here is a
// script.
#include <doctest/doctest.h>

#include <deque>

#include "tests/golden/player.h"
#include "tests/support/ws_frame.h"

using namespace pipit;
using namespace pipit::golden;

namespace {

using Verdict = Pattern::Verdict;

Verdict match(std::string_view pattern, std::string_view input, size_t* length = nullptr) {
  Pattern compiled;
  REQUIRE(compiled.compile(pattern, true) == "");
  Pattern::Outcome outcome = compiled.match(input);
  if (length) *length = outcome.length;
  return outcome.verdict;
}

// Answers the n-th send with the n-th script; then says nothing, or hangs up after the last one.
class ScriptedWire final : public Wire {
 public:
  ScriptedWire(std::deque<std::string> answers, bool hangs_up)
      : answers_(std::move(answers)), hangs_up_(hangs_up) {
    pending_ = "INFO {\"port\":1,\"id\":\"Nabc\"} \r\n";
  }
  void send(std::string_view) override {
    if (answers_.empty()) return;
    pending_ += answers_.front();
    answers_.pop_front();
  }
  Got receive(std::string& into, test::Deadline) override {
    if (pending_.empty()) return hangs_up_ && answers_.empty() ? Got::closed : Got::nothing;
    into += pending_.front();  // one byte at a time: nothing may depend on how bytes arrive
    pending_.erase(0, 1);
    return Got::bytes;
  }
  void hang_up() override {}
  uint16_t server_port() const override { return 1; }

 private:
  std::deque<std::string> answers_;
  std::string pending_;
  bool hangs_up_;
};

class ScriptedPeer final : public Peer {
 public:
  ScriptedPeer(std::deque<std::string> answers, bool hangs_up)
      : answers_(std::move(answers)), hangs_up_(hangs_up) {}
  const Tags& tags() const override { return tags_; }
  bool can_run(const Transcript&) const override { return true; }
  std::string start(const Transcript&, test::Deadline) override { return {}; }
  std::unique_ptr<Wire> dial_client(test::Deadline) override {
    return std::make_unique<ScriptedWire>(answers_, hangs_up_);
  }
  std::unique_ptr<Wire> dial_websocket(test::Deadline) override { return nullptr; }
  void lame_duck() override {}
  std::string stop(test::Deadline) override { return {}; }

 private:
  Tags tags_{"pipit", "2.14", "tcp"};
  std::deque<std::string> answers_;
  bool hangs_up_;
};

std::string play(std::string_view text, std::deque<std::string> answers, bool hangs_up = false) {
  Transcript transcript;
  REQUIRE(transcript.parse("t", text) == "");
  ScriptedPeer peer(std::move(answers), hangs_up);
  return Player(peer, test::Deadline(std::chrono::seconds(10))).play(transcript);
}

const std::string kPong = "PONG\r\n";

}  // namespace

TEST_CASE("a pattern matches its bytes exactly and says where it ends") {
  size_t length = 0;
  CHECK(match("MSG a 1", "MSG a 1 rest", &length) == Verdict::match);
  CHECK(length == 7);
  CHECK(match("MSG a 1", "MSG a") == Verdict::incomplete);
  CHECK(match("MSG a 1", "MSG b") == Verdict::differs);
  CHECK(match("\\x00\\r\\n\\~\\\\", std::string_view("\0\r\n~\\", 5)) == Verdict::match);
  CHECK(match("~fill:3:a.", "aaa.") == Verdict::match);
  CHECK(match("~fill:3:a.", "aa.") == Verdict::differs);
}

TEST_CASE("placeholders take what they are for and wait for its end") {
  CHECK(match("~num x", "123 x") == Verdict::match);
  CHECK(match("~num x", "123") == Verdict::incomplete);
  CHECK(match("~num x", "a x") == Verdict::differs);
  CHECK(match("~token x", "a.b x") == Verdict::match);
  CHECK(match("~token x", " x") == Verdict::differs);
  CHECK(match("~bytes:3!", "\r\n !") == Verdict::match);
  CHECK(match("~bytes:3!", "ab") == Verdict::incomplete);
  CHECK(match("~json!", "{\"a\":{\"}\":\"\\\"}\"}}!") == Verdict::match);
  CHECK(match("~json!", "{\"a\":{}") == Verdict::incomplete);
  CHECK(match("~json!", "[]") == Verdict::differs);
}

TEST_CASE("a pattern that means nothing is refused") {
  for (const char* text : {"~", "~what", "\\q", "\\x1", "~fill::a", "~fill:3"})
    CHECK(Pattern().compile(text, true) != "");
  CHECK(Pattern().compile("~num", false) != "");
}

TEST_CASE("a transcript with a mistake is refused with its line") {
  for (const char* text :
       {"C1 fly", "C1", "C1 open sesame", "C1% x", "[2.9 C1 open", "C1> ~num", "W1>> odd: x",
        "W1>> binary strange: x", "W1>> binary", "total x C1< y", "# nothing but this"})
    CHECK(Transcript().parse("t", text) != "");
  CHECK(Transcript().parse("t", "C1 open\nC1 fly").starts_with("line 2:"));
}

TEST_CASE("conditions hold back lines of the transcript and of the configuration") {
  Transcript t;
  REQUIRE(t.parse("t", "[2.9] | old\n| always\n[!ws,2.14] | new\nwebsocket| inner\nC1 open") == "");
  std::string config = t.config_text({"2.14", "tcp"}, 3, false);
  CHECK(config.find("old") == std::string::npos);
  CHECK(config.find("always\nnew\nwebsocket {") != std::string::npos);
  CHECK(config.find("  inner\n}") != std::string::npos);
  CHECK(config.find("reactors: 3") != std::string::npos);
  CHECK(t.config_text({"2.14", "ws"}, 0, false).find("new") == std::string::npos);
  CHECK(play("C1 open\n[genuine] C1< never\nC1 close", {}) == "");
}

TEST_CASE("a server that says what is expected passes") {
  CHECK(play("C1 open\nC1? port = 1\nC1? id string 4 N\nC1? x absent\nC1> SUB\nC1< hi\nC1 fence",
             {"hi\r\n", kPong, kPong, kPong, kPong}) == "");
}

TEST_CASE("a server that says something else fails in that line") {
  CHECK(play("C1 open\nC1> a\nC1< hi\nC1 close", {"ho\r\n"}).starts_with("t.nats:3: "));
  CHECK(play("C1 open\nC1? port = 2\nC1 close", {}) != "");
  CHECK(play("C1 open\nC1? port absent\nC1 close", {}) != "");
  CHECK(play("C1 open\nC1? x present\nC1 close", {}) != "");
  CHECK(play("C1 open\nC1? id string 5 N\nC1 close", {}) != "");
}

TEST_CASE("a server that says too little fails") {
  CHECK(play("C1 open\nC1> a\nC1< hi\nC1 close", {"h"}) != "");
  CHECK(play("C1 open\nC1> a\nC1< hi\nC1 close", {}, true) != "");
}

TEST_CASE("a fence finds what came too much, before either PONG") {
  CHECK(play("C1 open\nC1 fence\nC1 close", {"MSG\r\n" + kPong, kPong}) != "");
  CHECK(play("C1 open\nC1 fence\nC1 close", {kPong, "MSG\r\n" + kPong}) != "");
  CHECK(play("C1 open", {kPong, "MSG\r\n" + kPong}) != "");  // at the end, unasked
}

TEST_CASE("a connection that stays open, or talks before it closes, is found") {
  CHECK(play("C1 open\nC1> a\nC1!", {""}, true) == "");
  CHECK(play("C1 open\nC1> a\nC1!", {""}, false) != "");
  CHECK(play("C1 open\nC1> a\nC1!", {"-ERR\r\n"}, true) != "");
}

TEST_CASE("a total counts over all clients and takes nothing else") {
  const char* text = "C1 open\nC2 open\ntotal 2 C1,C2< MSG ~num\nC1 close\nC2 close";
  CHECK(play(text, {"MSG 1\r\n" + kPong, kPong}) == "");
  CHECK(play(text, {"MSG 1\r\nMSG 2\r\n" + kPong, kPong}) != "");
  CHECK(play(text, {kPong, kPong}) != "");
  CHECK(play(text, {"MSG x\r\n" + kPong, kPong}) != "");
}

TEST_CASE("frames survive being built and taken apart at every split") {
  for (size_t size : {0, 1, 125, 126, 65535, 65536}) {
    test::WsFrame frame;
    frame.payload.assign(size, 'x');
    frame.masked = false;
    std::string whole = frame.bytes(), part = whole.substr(0, whole.size() - 1);
    CHECK_FALSE(test::take_frame(part));
    auto back = test::take_frame(whole);
    REQUIRE(back);
    CHECK(back->payload == frame.payload);
    CHECK(whole.empty());
  }
  CHECK(test::inflate_message(test::deflate_message("abcabcabc")) == "abcabcabc");
}
