// Header blocks as they are changed: what is taken out, put in, and what stays as it was.
#include "protocol/header_edit.h"

#include <doctest/doctest.h>

#include "protocol/headers.h"

namespace {

using namespace pipit::proto;

TEST_CASE("a header is put behind the others, and begins a block where there is none") {
  std::string block;
  append_header(block, "A", "1");
  CHECK(block == "NATS/1.0\r\nA: 1\r\n\r\n");
  append_header(block, "B", "two words");
  CHECK(block == "NATS/1.0\r\nA: 1\r\nB: two words\r\n\r\n");
  CHECK(is_header_block(block));
}

TEST_CASE("a header that is set takes the first one's place") {
  std::string block = "NATS/1.0\r\nA: 1\r\nB:2\r\nA: 3\r\n\r\n";
  set_header(block, "A", "longer");
  CHECK(block == "NATS/1.0\r\nA: longer\r\nB:2\r\nA: 3\r\n\r\n");
  set_header(block, "B", "");
  CHECK(block == "NATS/1.0\r\nA: longer\r\nB:\r\nA: 3\r\n\r\n");
  set_header(block, "C", "4");
  CHECK(block == "NATS/1.0\r\nA: longer\r\nB:\r\nA: 3\r\nC: 4\r\n\r\n");
}

TEST_CASE("all headers of a name are removed, and none that only begins so") {
  std::string block = "NATS/1.0\r\nA: 1\r\nA: 2\r\nAb: A: 3\r\nA: 4\r\n\r\n";
  remove_header(block, "A");
  CHECK(block == "NATS/1.0\r\nAb: A: 3\r\n\r\n");
  remove_header(block, "a");
  CHECK(block == "NATS/1.0\r\nAb: A: 3\r\n\r\n");
}

TEST_CASE("headers are removed by what their names begin with") {
  std::string block =
      "NATS/1.0\r\nNats-Schedule: x\r\nKeep: Nats-Schedule\r\n"
      "Nats-Schedule-TTL: 1\r\nNats-Scheduler: s\r\n\r\n";
  remove_headers_beginning(block, "Nats-Schedule");
  CHECK(block == "NATS/1.0\r\nKeep: Nats-Schedule\r\n\r\n");
}

TEST_CASE("a block without a header left is empty") {
  std::string block = "NATS/1.0\r\nA: 1\r\n\r\n";
  remove_header(block, "A");
  CHECK(block.empty());
  remove_header(block, "A");
  remove_headers_beginning(block, "A");
  CHECK(block.empty());
}

}  // namespace
