// Proves that each line is written byte for byte as nats-server writes it, in no more room than its
// *_size() function said.
#include "protocol/writer.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>

using namespace pipit::proto;

namespace {

// What `write` appends, in a block of exactly `room` bytes: a byte more is found by ASan.
template <class Write>
std::string written(size_t room, const Write& write) {
  const auto block = std::make_unique<char[]>(room);
  const char* const end = write(block.get());
  const auto size = static_cast<size_t>(end - block.get());
  CHECK(size <= room);
  return std::string(block.get(), size);
}

std::string msg(std::string_view subject, std::string_view sid, std::string_view reply,
                std::string_view size) {
  return written(msg_line_size(subject, sid, reply, size),
                 [&](char* out) { return write_msg_line(out, subject, sid, reply, size); });
}

std::string hmsg(std::string_view subject, std::string_view sid, std::string_view reply,
                 std::string_view header_size, std::string_view size) {
  return written(hmsg_line_size(subject, sid, reply, header_size, size), [&](char* out) {
    return write_hmsg_line(out, subject, sid, reply, header_size, size);
  });
}

}  // namespace

TEST_CASE("MSG names subject, sid, reply and size, and leaves out an empty reply") {
  CHECK(msg("foo", "1", "", "5") == "MSG foo 1 5\r\n");
  CHECK(msg("foo", "1", "bar", "5") == "MSG foo 1 bar 5\r\n");
  CHECK(msg("foo", "sid", "", "007") == "MSG foo sid 007\r\n");
}

TEST_CASE("HMSG names both sizes") {
  CHECK(hmsg("foo", "1", "", "12", "17") == "HMSG foo 1 12 17\r\n");
  CHECK(hmsg("foo", "1", "bar", "12", "17") == "HMSG foo 1 bar 12 17\r\n");
}

TEST_CASE("arguments of every length are copied whole") {
  for (size_t n = 1; n <= 70; ++n) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += static_cast<char>('!' + i);
    CAPTURE(n);
    CHECK(msg(text, "1", "", "5") == "MSG " + text + " 1 5\r\n");
    CHECK(msg("a", text, text, "5") == "MSG a " + text + " " + text + " 5\r\n");
    CHECK(hmsg("a", "1", text, "1", "2") == "HMSG a 1 " + text + " 1 2\r\n");
  }
}

TEST_CASE("-ERR quotes its text") {
  const auto err = [](std::string_view text) {
    return written(err_size(text), [&](char* out) { return write_err(out, text); });
  };
  CHECK(err("Invalid Subject") == "-ERR 'Invalid Subject'\r\n");
  CHECK(err("") == "-ERR ''\r\n");
}

TEST_CASE("no responders is a message with status 503 that names the subject") {
  const auto no_responders = [](std::string_view reply, std::string_view sid,
                                std::string_view subject) {
    return written(no_responders_size(reply, sid, subject),
                   [&](char* out) { return write_no_responders(out, reply, sid, subject); });
  };
  CHECK(no_responders("inbox.1", "7", "foo") ==
        "HMSG inbox.1 7 35 35\r\nNATS/1.0 503\r\nNats-Subject: foo\r\n\r\n\r\n");
  const std::string subject(1000, 's');
  CHECK(no_responders("r", "1", subject) ==
        "HMSG r 1 1032 1032\r\nNATS/1.0 503\r\nNats-Subject: " + subject + "\r\n\r\n\r\n");
}

TEST_CASE("numbers are written in decimal") {
  for (const uint64_t n : {uint64_t{0}, uint64_t{9}, uint64_t{10}, uint64_t{1048576}, UINT64_MAX}) {
    CHECK(written(20, [&](char* out) { return write_uint(out, n); }) == std::to_string(n));
  }
}
