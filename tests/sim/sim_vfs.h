// SimVfs: a disk in memory that forgets what was not synced. Each file has the bytes that the
// program sees and those that the disk has, and between them the operations that no sync has
// covered; names have the same. power_cut() makes the disk that survives: any part of those
// operations in any order, writes cut at any byte. Faults strike at a chosen call.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <random>

#include "jetstream/store/vfs.h"

namespace pipit::sim {

using js::store::Clock;
using js::store::File;
using js::store::Vfs;

class SimClock final : public Clock {
 public:
  int64_t wall_ns() override { return wall; }
  int64_t monotonic_ns() override { return monotonic; }
  int64_t wall = 1'700'000'000'000'000'000, monotonic = 1;
};

class SimVfs final : public Vfs {
 public:
  enum class Fault : uint8_t {
    none,
    off,          // the power is gone: this call and all after it fail
    io,           // EIO, once
    full,         // ENOSPC, once
    short_write,  // half of it is written, or read
    lost_sync,    // sync fails, and what it should have saved is dropped
    killed,       // the process dies in a write: some pages are written, and all calls fail
  };
  // Faults of the disk itself that the tests must notice.
  enum class Lie : uint8_t {
    none,
    no_sync,    // sync does nothing and says that it did
    late_sync,  // sync is done at the next call: as if acknowledged before
  };

  explicit SimVfs(uint64_t seed) : random_(seed) {}

  Result<std::shared_ptr<File>> open(std::string_view name, Mode mode) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<std::vector<std::string>> list() override;
  Result<void> sync_names() override;
  Result<uint64_t> free_bytes() override;
  uint64_t random() override { return random_(); }
  uint64_t boot() override { return boot_; }

  void strike(uint64_t call, Fault fault) {
    strike_at_ = call;
    fault_ = fault;
  }
  uint64_t calls() const { return calls_; }
  uint64_t syncs() const { return syncs_; }
  void power_cut();           // the power comes back; open Files belong to the past
  void kill() { past(); }     // the process died; the kernel kept everything
  void reboot() { ++boot_; }  // after a kill: with nothing lost
  bool is_off() const { return off_; }

  uint64_t capacity = ~uint64_t{0};  // of the disk, in bytes
  Lie lie = Lie::none;
  bool spares = true;  // false: nothing is written over what a file was before
  bool cold = false;   // read_now() finds nothing in memory
  // What is there, to look at and to damage. Requires: the file exists.
  std::string& bytes(const std::string& name);
  std::vector<std::string> names() const;

 private:
  struct Operation {
    enum class Kind : uint8_t { write, truncate, extend } kind;
    uint64_t offset = 0;
    std::string bytes;
  };
  struct Node {
    std::string seen, durable;
    std::deque<Operation> unsynced;
  };
  struct NameOperation {
    std::string add, remove;
    std::shared_ptr<Node> node;
  };
  class SimFile;
  enum class Call : uint8_t { read, write, sync, other };

  // What the call that is made now meets.
  Fault meet(Call call);
  static Error error(int number, const char* where);
  Result<void> fail(Fault fault, const char* where);
  uint64_t used() const;
  void apply(std::string& bytes, const Operation& operation);
  void make_durable(Node& node);
  void settle_lies();
  void past();

  std::mt19937_64 random_;
  std::map<std::string, std::shared_ptr<Node>> seen_, durable_;
  std::vector<NameOperation> unsynced_;
  std::vector<std::shared_ptr<Node>> late_;
  uint64_t calls_ = 0, syncs_ = 0, strike_at_ = ~uint64_t{0};
  uint64_t boot_ = 1;
  uint64_t life_ = 0;  // Files of an earlier one fail
  Fault fault_ = Fault::none;
  bool off_ = false;
};

}  // namespace pipit::sim
