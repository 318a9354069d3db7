// Plays every golden transcript against one server by one transport and reports in TAP, a line a
// transcript. Each transcript has a server of its own, so that none meets what another left behind;
// several run at a time, most of it is waiting for processes.
//
//   golden --folder DIR [--only NAME] --server genuine
//   golden --folder DIR [--only NAME] --server FILE [--reactors N]
//          [--transport tcp|split|ws|ws-deflate|tls|wss]
//   golden --folder DIR [--only NAME] --server memory [--reactors N] [--transport tcp|split]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pipit_config.h"
#include "tests/golden/memory_peer.h"
#include "tests/golden/player.h"
#include "tests/golden/process_peer.h"
#if PIPIT_TLS
#include "tests/golden/tls_wire.h"
#endif

namespace pipit::golden {
namespace {

// Generous: it only ends what would otherwise hang.
constexpr std::chrono::seconds kTimeLimit{30};
constexpr unsigned kAtATime = 8;

struct Arguments {
  std::string folder, only, server, transport = "tcp";
  int reactors = 0;
};

bool parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string key = argv[i], value = argv[i + 1];
    if (key == "--folder")
      out.folder = value;
    else if (key == "--only")
      out.only = value;
    else if (key == "--server")
      out.server = value;
    else if (key == "--transport")
      out.transport = value;
    else if (key == "--reactors")
      out.reactors = std::atoi(value.c_str());
    else
      return false;
  }
  return argc % 2 == 1 && !out.folder.empty() && !out.server.empty();
}

bool load(const Arguments& arguments, std::vector<Transcript>& out) {
  bool ok = true;
  for (const auto& entry : std::filesystem::directory_iterator(arguments.folder)) {
    std::filesystem::path file = entry.path();
    if (file.extension() != ".nats") continue;
    if (!arguments.only.empty() && file.stem() != arguments.only) continue;
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    std::string fault = out.emplace_back().parse(file.stem().string(), text);
    if (fault.empty()) continue;
    std::printf("Bail out! %s: %s\n", file.c_str(), fault.c_str());
    ok = false;
  }
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return ok;
}

// False: this build has no TLS.
bool secure([[maybe_unused]] ProcessSetup& setup) {
#if PIPIT_TLS
  const auto identity = std::make_shared<TlsIdentity>();
  setup.tls_config = identity->config();
  setup.secure = [identity](std::unique_ptr<Wire> raw, bool after_info, test::Deadline deadline) {
    return tls_wire(std::move(raw), *identity, after_info, deadline);
  };
#endif
  return PIPIT_TLS;
}

// False: no such transport.
bool prepare(const Arguments& arguments, ProcessSetup& setup) {
  bool genuine = arguments.server == "genuine";
  setup.binary = genuine ? test::genuine_server() : arguments.server;
  setup.reactors = arguments.reactors;
  setup.tags = {genuine ? "genuine" : "pipit"};
  bool old = genuine && test::version_of(setup.binary).starts_with("2.9.");
  setup.tags.insert(old ? "2.9" : "2.14");
  using enum ProcessSetup::Transport;
  const std::string& transport = arguments.transport;
  setup.split = transport == "split";
  if (transport == "ws")
    setup.transport = websocket;
  else if (transport == "ws-deflate")
    setup.transport = compressed_websocket;
  else if (transport == "tls" || transport == "wss") {
    if (!secure(setup)) return false;
    if (transport == "wss") setup.transport = websocket;
  } else if (transport != "tcp" && transport != "split")
    return false;
  setup.tags.insert(setup.transport == tcp ? "tcp" : "ws");
  if (setup.secure) setup.tags.insert("tls");
  if (setup.split) setup.tags.insert("split");
  if (setup.transport == compressed_websocket) setup.tags.insert("deflate");
  // The genuine 2.14 over WebSocket takes a parse error for a read error and may drop the -ERR.
  if (genuine && !old && setup.transport != tcp) setup.tags.insert("swallows");
  return true;
}

bool prepare(const Arguments& arguments, MemorySetup& setup) {
  setup.reactors = std::max(arguments.reactors, 1);
  setup.split = arguments.transport == "split";
  setup.tags = {"pipit", "2.14", "memory"};
  if (setup.split) setup.tags.insert("split");
  return setup.split || arguments.transport == "tcp";
}

using MakePeer = std::function<std::unique_ptr<Peer>()>;

struct Verdict {
  bool skipped = false;
  std::string failure;
};

Verdict run(Peer& peer, const Transcript& transcript) {
  if (!transcript.only.holds(peer.tags()) || !peer.can_run(transcript)) return {true, {}};
  test::Deadline deadline(kTimeLimit);
  std::string failure = peer.start(transcript, deadline);
  if (failure.empty()) failure = Player(peer, deadline).play(transcript);
  std::string at_the_end = peer.stop(test::Deadline(kTimeLimit));
  if (failure.empty()) failure = at_the_end;
  return {false, failure};
}

std::string commented(std::string text) {
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3)
    text.replace(at, 1, "\n# ");
  return "# " + text;
}

int play_all(const MakePeer& make_peer, const std::vector<Transcript>& transcripts) {
  std::printf("1..%zu\n", transcripts.size());
  std::atomic<size_t> next = 0;
  size_t done = 0;  // TAP counts in the order of the lines
  std::atomic<bool> failed = false;
  std::mutex output;
  auto work = [&] {
    for (size_t i; (i = next++) < transcripts.size();) {
      std::unique_ptr<Peer> peer = make_peer();
      Verdict verdict = run(*peer, transcripts[i]);
      std::lock_guard lock(output);
      bool ok = verdict.failure.empty();
      std::printf("%sok %zu - %s%s\n", ok ? "" : "not ", ++done, transcripts[i].name.c_str(),
                  verdict.skipped ? " # SKIP not for this server or transport" : "");
      if (!ok) std::printf("%s\n", commented(verdict.failure).c_str());
      if (!ok) failed = true;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kAtATime; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace pipit::golden

int main(int argc, char** argv) {
  using namespace pipit::golden;
  Arguments arguments;
  ProcessSetup process;
  MemorySetup memory;
  bool understood = parse(argc, argv, arguments);
  bool in_memory = arguments.server == "memory";
  understood &= in_memory ? prepare(arguments, memory) : prepare(arguments, process);
  if (!understood) {
    std::fprintf(stderr, "what the arguments are stands at the top of tests/golden/main.cc\n");
    return 2;
  }
  if (!in_memory && process.binary.empty()) {
    std::printf("1..0 # SKIP no genuine server: set NATS_SERVER or put nats-server on PATH\n");
    return 0;
  }
  std::vector<Transcript> transcripts;
  if (!load(arguments, transcripts)) return 1;
  if (transcripts.empty()) {
    std::printf("Bail out! no transcripts in %s\n", arguments.folder.c_str());
    return 1;
  }
  return play_all(
      [&]() -> std::unique_ptr<Peer> {
        if (in_memory) return std::make_unique<MemoryPeer>(memory);
        return std::make_unique<ProcessPeer>(process);
      },
      transcripts);
}
