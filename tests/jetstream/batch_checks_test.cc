// What messages of a batch may not ask for because of each other. (The whole conversation with
// nats-server 2.14.5's answers is tests/jetstream/api/edge_cases/atomic_batches_checks.)
#include "jetstream/batch_checks.h"

#include <doctest/doctest.h>

using namespace pipit::js;

namespace {

std::string fault(const BatchSoFar& batch, std::string_view lines, std::string_view subject = "a") {
  const std::string block = "NATS/1.0\r\n" + std::string(lines) + "\r\n";
  const auto error = batch.before(PublishHeaders(block), subject, 7);
  return error ? std::to_string(error->err_code) + " " + error->description : "";
}

Publish publish(std::string_view subject, std::string_view id = {},
                Publish::Rollup rollup = Publish::Rollup::none) {
  Publish out;
  out.subject = subject;
  out.id = id;
  out.rollup = rollup;
  return out;
}

}  // namespace

TEST_CASE("the first message may expect anything, but a message's id") {
  const BatchSoFar batch;
  CHECK(fault(batch, "") == "");
  CHECK(fault(batch, "Nats-Expected-Last-Sequence: 99\r\n") == "");
  CHECK(fault(batch, "Nats-Expected-Last-Subject-Sequence: 3\r\n") == "");
  CHECK(fault(batch, "Nats-Expected-Last-Msg-Id: x\r\n") ==
        "10177 atomic publish unsupported header used: Nats-Expected-Last-Msg-Id");
}

TEST_CASE("later ones may not expect the stream's last sequence") {
  BatchSoFar batch;
  CHECK_FALSE(batch.after(publish("a")));
  CHECK(fault(batch, "Nats-Expected-Last-Sequence: 7\r\n") == "10071 wrong last sequence: 8");
  CHECK(fault(batch, "Nats-Expected-Last-Sequence: 8\r\n") == "10164 wrong last sequence");
  CHECK(fault(batch, "Nats-Expected-Last-Sequence: x\r\n") == "10071 wrong last sequence: 8");
}

TEST_CASE("nobody may expect anything of a subject that the batch has written") {
  BatchSoFar batch;
  CHECK_FALSE(batch.after(publish("a")));
  CHECK(fault(batch, "Nats-Expected-Last-Subject-Sequence: 0\r\n") == "10164 wrong last sequence");
  CHECK(fault(batch, "Nats-Expected-Last-Subject-Sequence: 0\r\n", "b") == "");
  const std::string other =
      "Nats-Expected-Last-Subject-Sequence: 0\r\nNats-Expected-Last-Subject-Sequence-Subject: ";
  CHECK(fault(batch, other + "a\r\n", "b") == "10164 wrong last sequence");
  CHECK(fault(batch, other + "c\r\n", "a") == "");
}

TEST_CASE("an id comes once") {
  BatchSoFar batch;
  CHECK_FALSE(batch.after(publish("a", "m")));
  CHECK(fault(batch, "Nats-Msg-Id: m\r\n") ==
        "10201 atomic publish batch contains duplicate message id");
  CHECK(fault(batch, "Nats-Msg-Id: n\r\n") == "");
  CHECK_FALSE(batch.after(publish("a")));
  CHECK(fault(batch, "") == "");
}

TEST_CASE("roll-ups come first") {
  BatchSoFar batch;
  CHECK_FALSE(batch.after(publish("a", "", Publish::Rollup::all)));
  CHECK_FALSE(batch.after(publish("b", "", Publish::Rollup::subject)));
  CHECK(batch.after(publish("a", "", Publish::Rollup::subject))->description ==
        "batch rollup sub invalid");
  CHECK(batch.after(publish("c", "", Publish::Rollup::all))->description ==
        "batch rollup all invalid");
}
