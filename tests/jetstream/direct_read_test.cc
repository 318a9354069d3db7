// A direct get of many messages comes in pieces that are small, complete and in order, whatever is
// deleted meanwhile; and what it counts is what it sends.
#include "jetstream/direct_read.h"

#include <doctest/doctest.h>

#include "jetstream/store/memory_store.h"

using namespace pipit;
using namespace pipit::js;

namespace {

struct StillClock final : store::Clock {
  int64_t wall_ns() override { return 1'000'000'000; }
  int64_t monotonic_ns() override { return 1; }
};

struct Fixture {
  StillClock clock;
  store::MemoryStore memory{clock};
  SetupRef stream;

  Fixture() {
    auto setup = std::make_shared<StreamSetup>();
    setup->config.name = "S";
    setup->config.storage = StorageKind::memory;
    setup->store = &memory;
    REQUIRE(memory.create_stream("S", {}, 1, setup->id).ok());
    stream = std::move(setup);
  }
  void add(const std::string& subject, size_t size) {
    REQUIRE(memory.append(stream->id, {subject, {}, std::string(size, 'x')}).ok());
  }
  // Every piece, with what there is to do between them.
  std::vector<std::vector<DirectAnswer>> pieces(MessageGetRequest request,
                                                const std::function<void()>& between = {}) {
    const auto read = direct_read(stream, std::move(request), 64 << 20);
    std::vector<std::vector<DirectAnswer>> all;
    for (bool more = true; more;) {
      more = read->read(all.emplace_back());
      if (between) between();
    }
    return all;
  }
};

std::vector<DirectAnswer> joined(const std::vector<std::vector<DirectAnswer>>& pieces) {
  std::vector<DirectAnswer> all;
  for (const auto& piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

bool says(const DirectAnswer& answer, std::string_view line) {
  return answer.headers.find(std::string(line) + "\r\n") != std::string::npos;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a batch comes in pieces, each of some messages") {
  for (int i = 0; i < 1000; ++i) add("a", 10);
  const auto pieces = this->pieces({.seq = 1, .batch = 2000});
  CHECK(pieces.size() >= 4);
  for (const auto& piece : pieces) CHECK(piece.size() <= 257);
  const auto all = joined(pieces);
  REQUIRE(all.size() == 1001);
  for (size_t i = 0; i < 1000; ++i) {
    CHECK(says(all[i], "Nats-Sequence: " + std::to_string(i + 1)));
    CHECK(says(all[i], "Nats-Num-Pending: " + std::to_string(999 - i)));
    CHECK(says(all[i], "Nats-Last-Sequence: " + std::to_string(i)));
  }
  CHECK(all.back().headers ==
        "NATS/1.0 204 EOB\r\nNats-Num-Pending: 0\r\nNats-Last-Sequence: 1000\r\n\r\n");
}

TEST_CASE_FIXTURE(Fixture, "or of one that is large") {
  for (int i = 0; i < 5; ++i) add("a", 100'000);
  const auto pieces = this->pieces({.seq = 1, .batch = 3});
  CHECK(pieces.size() == 4);
  CHECK(joined(pieces).size() == 4);
  CHECK(says(joined(pieces).back(), "Nats-Num-Pending: 2"));
}

TEST_CASE_FIXTURE(Fixture, "what is deleted between two pieces is passed over") {
  for (int i = 0; i < 600; ++i) add("a." + std::to_string(i), 10);
  const auto remove_some = [this] { (void)memory.remove(stream->id, {300, 400}, false); };
  SUBCASE("in a batch") {
    const auto all = joined(pieces({.seq = 1, .batch = 1000}, remove_some));
    CHECK(all.size() == 600 - 101 + 1);
    CHECK(says(all[299], "Nats-Sequence: 401"));
    CHECK(says(all[299], "Nats-Last-Sequence: 299"));
  }
  SUBCASE("and of many subjects") {
    MessageGetRequest request;
    request.multi_last = {"a.*"};
    const auto all = joined(pieces(request, remove_some));
    CHECK(all.size() == 600 - 101 + 1);
    CHECK(says(all[299], "Nats-Sequence: 401"));
    CHECK(says(all.back(), "Nats-Num-Pending: 0"));
    CHECK(says(all.back(), "Nats-UpTo-Sequence: 600"));
  }
}

TEST_CASE_FIXTURE(Fixture, "no more than 1,024 subjects, named or found") {
  MessageGetRequest named, found;
  found.multi_last = {"a.*"};
  for (int i = 0; i < 1024; ++i) {
    add("a." + std::to_string(i), 1);
    named.multi_last.push_back("a." + std::to_string(i));
  }
  CHECK(joined(pieces(named)).size() == 1025);
  CHECK(joined(pieces(found)).size() == 1025);
  add("a.1024", 1);
  named.multi_last.push_back("a.1024");
  for (const MessageGetRequest& request : {named, found}) {
    const auto all = joined(pieces(request));
    REQUIRE(all.size() == 1);
    CHECK(all[0].headers == "NATS/1.0 413 Too Many Results\r\n\r\n");
  }
}
