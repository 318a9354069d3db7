// Proves that a mirror and a source bring over everything, once and in order, on the file store
// over a simulated disk: also when the disk takes back what was under way, when the server starts
// again, and when limits refuse for a while. No thread runs but the test's: the store is turned and
// the followers are stepped as a seed, or the case, wants it.
#include <doctest/doctest.h>

#include <random>

#include "jetstream/direct_reader.h"
#include "jetstream/mirror.h"
#include "jetstream/shard.h"
#include "jetstream/source.h"
#include "jetstream/store/file_store.h"
#include "protocol/headers.h"
#include "tests/sim/sim_vfs.h"

namespace {

using namespace pipit;
using namespace pipit::js;

struct NoHost final : Host {
  void publish(const HostMessage&) override {}
  bool has_interest(std::string_view) override { return false; }
  Subscription subscribe(std::string_view, std::string_view, Receiver&) override { return 1; }
  void unsubscribe(Subscription) override {}
  void wake_at(int64_t) override {}
};

struct Listener final : store::StoreListener {
  Progress followers;
  Progress* shard = nullptr;
  void written(store::Ticket through) override {
    followers.written(through);
    shard->written(through);
  }
  void durable(store::Ticket through) override {
    followers.durable(through);
    shard->durable(through);
  }
  void failed(store::Ticket from, store::Ticket through, const Error& error) override {
    followers.failed({from, through, error});
    shard->failed({from, through, error});
  }
  void lost(store::StreamId, store::SequenceRange) override {}
};

// What runs between two starts.
struct Server {
  Settings settings;
  JsClock clock;
  Homes homes;
  DirectReader reader{homes};
  Shard shard{settings, clock, reader, 0};
  NoHost host;
  Listener listener;
  std::unique_ptr<store::FileStore> files;
  Quota quota{UINT64_MAX, [] { return uint64_t{0}; }};
  std::map<std::string, SetupRef, std::less<>> streams;
  FollowerWorld world{[this](std::string_view name) { return streams.find(name)->second; }, homes,
                      clock, settings};
  std::vector<std::shared_ptr<Follower>> followers;
  std::unique_ptr<SourceNotes> notes;

  Server(store::Vfs& vfs, store::Clock& system) : clock(system) {
    settings.log = [](Settings::Say, const std::string&) {};
    shard.move_in(host);
    homes.add(shard, {});
    listener.shard = &shard.progress();
    store::FileStoreOptions options;
    options.segment_bytes = 64u << 10;
    auto opened = store::FileStore::open(vfs, clock, listener, options);
    REQUIRE(opened.ok());
    files = std::move(opened).value();
    notes = std::make_unique<SourceNotes>(*files);
    world.notes = notes.get();
    world.note_every = 7;
  }
  ~Server() { followers.clear(); }

  // Makes it, or finds it in the store.
  void stream(StreamConfig config, store::StreamSettings limits = {}) {
    auto setup = std::make_shared<StreamSetup>();
    setup->config = std::move(config);
    setup->config.max_msg_size = -1;
    setup->store = files.get();
    setup->quota = &quota;
    for (const auto& [id, name] : files->streams())
      if (name == setup->name()) setup->id = id;
    if (setup->id == 0) {
      limits.duplicate_window_ns = setup->config.duplicate_window_ns;
      REQUIRE(files->create_stream(setup->name(), limits, 1, setup->id).ok());
      settle();
    }
    REQUIRE(shard.open(setup));
    streams[setup->name()] = setup;
    if (setup->config.mirror) followers.push_back(std::make_shared<Mirror>(world, setup));
    for (const StreamSource& source : setup->config.sources)
      followers.push_back(std::make_shared<Source>(world, setup, source));
  }
  void settle() {
    while (files->turn()) {
    }
  }
  void step() {
    const Progress::News news = listener.followers.look();
    for (const auto& follower : followers) follower->step(news);
  }
  // Until nothing is left to do; time goes on, so that what is tried again is.
  void finish(sim::SimClock& system) {
    for (int i = 0; i < 400; ++i) {
      step();
      settle();
      system.wall += Follower::kRetryNs / 4;
      system.monotonic += Follower::kRetryNs / 4;
    }
  }
  bool publish(const std::string& stream, std::string_view subject, std::string_view payload,
               std::string_view headers = {}) {
    store::NewMessage message{subject, headers, payload};
    return files->append(streams.at(stream)->id, message).ok();
  }
  std::vector<store::StoredMessage> all(const std::string& stream) {
    std::vector<store::StoredMessage> all;
    const store::StreamId id = streams.at(stream)->id;
    for (uint64_t seq = 0;;) {
      auto message = files->next(id, {}, seq);
      if (!message) return all;
      seq = message.value().seq + 1;
      all.push_back(std::move(message).value());
    }
  }
  // The origin's sequences of what `source` has brought to the stream.
  std::vector<uint64_t> brought(const std::string& stream, const StreamSource& source) {
    std::vector<uint64_t> seqs;
    for (const auto& message : all(stream))
      if (const auto header = proto::header_value(message.headers, kStreamSource))
        if (const auto seq = source_seq(*header, source_key(source))) seqs.push_back(*seq);
    return seqs;
  }
};

StreamConfig plain(std::string name) {
  StreamConfig config;
  config.name = std::move(name);
  return config;
}
StreamSource from(std::string name) {
  StreamSource source;
  source.name = std::move(name);
  return source;
}
StreamConfig mirror_of(const StreamSource& source, std::string name = "M") {
  StreamConfig config = plain(std::move(name));
  config.mirror = source;
  return config;
}
StreamConfig gathers(std::vector<StreamSource> sources, std::string name = "T") {
  StreamConfig config = plain(std::move(name));
  config.sources = std::move(sources);
  return config;
}

struct Fixture {
  sim::SimVfs vfs{5};
  sim::SimClock system;
  std::unique_ptr<Server> server = std::make_unique<Server>(vfs, system);
  void restart() {
    server.reset();
    vfs.kill();
    server = std::make_unique<Server>(vfs, system);
  }
};

std::vector<uint64_t> sequences(const std::vector<store::StoredMessage>& messages) {
  std::vector<uint64_t> seqs;
  for (const auto& message : messages) seqs.push_back(message.seq);
  return seqs;
}

TEST_CASE("a mirror has its origin's sequences, times, headers and gaps") {
  Fixture f;
  Server& server = *f.server;
  server.stream(plain("S"));
  for (int i = 1; i <= 1500; ++i)
    server.publish("S", "s", std::to_string(i),
                   i % 7 == 0 ? "NATS/1.0\r\nNats-Expected-Last-Sequence: 6\r\nA: b\r\n\r\n" : "");
  server.settle();
  REQUIRE(server.files->remove(server.streams["S"]->id, {1, 9}, false).ok());
  REQUIRE(server.files->remove(server.streams["S"]->id, {700, 799}, false).ok());
  server.settle();
  server.stream(mirror_of(from("S")));
  server.finish(f.system);
  const auto origin = server.all("S"), mirror = server.all("M");
  REQUIRE(sequences(origin) == sequences(mirror));
  CHECK(mirror.size() == 1391);
  for (size_t i = 0; i < mirror.size(); ++i) {
    CHECK(mirror[i].ts_ns == origin[i].ts_ns);
    CHECK(mirror[i].payload == origin[i].payload);
    CHECK(mirror[i].headers == (origin[i].headers.empty() ? "" : "NATS/1.0\r\nA: b\r\n\r\n"));
  }
  CHECK(server.followers[0]->report().lag == 0);
}

TEST_CASE("one batch is under way at most, until it is on the disk") {
  Fixture f;
  Server& server = *f.server;
  server.stream(plain("S"));
  server.stream(mirror_of(from("S")));
  for (size_t i = 0; i < 3 * Follower::kBatchMessages; ++i) server.publish("S", "s", "x");
  server.settle();
  const auto copied = [&] { return server.files->state(server.streams["M"]->id).value().last_seq; };
  for (int i = 0; i < 5; ++i) server.step();
  CHECK(copied() == Follower::kBatchMessages);
  CHECK(server.followers[0]->report().lag == 2 * Follower::kBatchMessages);
  server.settle();
  server.step();
  CHECK(copied() == 2 * Follower::kBatchMessages);
}

TEST_CASE("a source goes on behind what it has brought, after a start and local messages") {
  Fixture f;
  const StreamSource source = from("S");
  for (uint64_t round = 0; round < 3; ++round) {
    Server& server = *f.server;
    server.stream(plain("S"));
    server.stream(gathers({source}));
    for (int i = 0; i < 20; ++i) server.publish("S", "s", "x");
    server.settle();
    server.finish(f.system);
    for (int i = 0; i < 7; ++i) server.publish("T", "local", "x");
    server.settle();
    CHECK(server.brought("T", source).size() == (round + 1) * 20);
    CHECK(server.brought("T", source) == sequences(server.all("S")));
    f.restart();
  }
}

TEST_CASE("a source notes how far it is, and looks only behind its note after a start") {
  Fixture f;
  const StreamSource source = from("S"), idle = from("I");
  const auto open = [&] {
    f.server->stream(plain("S"));
    f.server->stream(plain("I"));
    f.server->stream(gathers({source, idle}));
  };
  open();
  for (int i = 0; i < 20; ++i) f.server->publish("S", "s", "x");
  f.server->settle();
  f.server->finish(f.system);
  for (int i = 0; i < 500; ++i) f.server->publish("T", "local", "x");
  f.server->settle();
  f.server->finish(f.system);
  const store::StreamId id = f.server->streams["T"]->id;
  const auto note = f.server->notes->find(id, source_key(source));
  REQUIRE(note);
  CHECK(note->stream_seq == 520);
  CHECK(note->next == 21);
  CHECK(f.server->notes->find(id, source_key(idle))->next == 1);
  CHECK_FALSE(f.server->notes->find(id + 1, source_key(source)));
  // What it brought is gone, and it goes on all the same.
  REQUIRE(f.server->files->purge(id, {}, 300, 0).ok());
  f.server->publish("S", "s", "x");
  f.server->settle();
  f.restart();
  open();
  f.server->finish(f.system);
  CHECK(f.server->brought("T", source) == std::vector<uint64_t>{21});
  f.server->notes->forget(id);
  f.server->settle();
  CHECK_FALSE(f.server->notes->find(id, source_key(source)));
}

TEST_CASE("a source that takes another one's place waits for what that one has under way") {
  Fixture f;
  Server& server = *f.server;
  const StreamSource source = from("S");
  server.stream(plain("S"));
  for (int i = 0; i < 20; ++i) server.publish("S", "s", "x");
  server.settle();
  server.stream(gathers({source}));
  server.step();  // 20 messages are on their way
  server.followers = {std::make_shared<Source>(server.world, server.streams["T"], source)};
  server.step();
  server.publish("S", "s", "x");
  server.settle();
  server.finish(f.system);
  CHECK(server.brought("T", source) == sequences(server.all("S")));
}

TEST_CASE("messages that are there by their id are passed over, also twice in a batch") {
  Fixture f;
  Server& server = *f.server;
  StreamConfig config = gathers({from("A"), from("B")});
  config.duplicate_window_ns = 120'000'000'000;
  server.stream(plain("A"));
  server.stream(plain("B"));
  const auto id = [](int i) {
    return "NATS/1.0\r\nNats-Msg-Id: " + std::to_string(i) + "\r\n\r\n";
  };
  for (int i = 0; i < 10; ++i) server.publish("A", "a", "x", id(i / 2));
  for (int i = 0; i < 10; ++i) server.publish("B", "b", "x", id(i));
  server.settle();
  server.stream(config);
  server.finish(f.system);
  CHECK(server.all("T").size() == 10);
  CHECK(server.followers[1]->report().lag == 0);
}

TEST_CASE("what a limit refuses is tried again, and nothing is passed over") {
  Fixture f;
  Server& server = *f.server;
  const StreamSource source = from("S");
  server.stream(plain("S"));
  server.stream(gathers({source}), {.max_msgs = 5, .discard_new = true});
  server.stream(mirror_of(source), {.max_msgs = 5, .discard_new = true});
  for (int i = 0; i < 12; ++i) server.publish("S", "s", "x");
  server.settle();
  std::vector<uint64_t> brought, mirrored;
  for (int i = 0; i < 4; ++i) {
    server.finish(f.system);
    for (const uint64_t seq : server.brought("T", source)) brought.push_back(seq);
    for (const auto& message : server.all("M")) mirrored.push_back(message.seq);
    CHECK(server.all("M").size() <= 5);
    for (const auto& name : {"T", "M"})
      REQUIRE(server.files->purge(server.streams[name]->id, {}, 0, 0).ok());
  }
  CHECK(brought == sequences(server.all("S")));
  CHECK(mirrored == sequences(server.all("S")));
}

// A publish, a step, a turn of the store or a fault, in any order.
TEST_CASE("nothing is missed and nothing comes twice when the disk fails in between") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Fixture f;
    std::mt19937_64 random(seed);
    const StreamSource source = from("S"), chained = from("T");
    for (int life = 0; life < 2; ++life) {
      Server& server = *f.server;
      server.stream(plain("S"));
      server.stream(mirror_of(source));
      server.stream(gathers({source}));
      server.stream(gathers({chained}, "U"));
      for (int i = 0; i < 300; ++i) {
        const uint64_t what = random() % 100;
        if (what < 30)
          server.publish("S", "s", "x");
        else if (what < 40)
          server.publish("T", "local", "x");
        else if (what < 70)
          server.step();
        else if (what < 95)
          server.files->turn();
        else if (what < 98)
          f.vfs.strike(f.vfs.calls() + random() % 4, sim::SimVfs::Fault::full);
        else
          f.vfs.strike(f.vfs.calls() + random() % 4, sim::SimVfs::Fault::lost_sync);
        f.system.wall += 50'000'000;
        f.system.monotonic += 50'000'000;
      }
      server.finish(f.system);
      const auto origin = server.all("S");
      REQUIRE(origin.size() > 5);
      CHECK(sequences(server.all("M")) == sequences(origin));
      CHECK(server.brought("T", source) == sequences(origin));
      CHECK(server.brought("U", chained) == sequences(server.all("T")));
      f.restart();
    }
  }
}

}  // namespace
