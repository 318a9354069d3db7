#include "tests/sim/sim_vfs.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pipit::sim {
namespace {

constexpr uint64_t kPage = 4096;  // a kill cuts a write between two of them

}  // namespace

class SimVfs::SimFile final : public File {
 public:
  SimFile(SimVfs& vfs, std::shared_ptr<Node> node)
      : vfs_(vfs), node_(std::move(node)), life_(vfs.life_) {}

  Result<size_t> read(std::span<std::byte> into, uint64_t offset) override {
    const Fault fault = meet(Call::read);
    if (fault != Fault::none && fault != Fault::short_write)
      return vfs_.fail(fault, "read").take_error();
    if (offset >= node_->seen.size()) return size_t{0};
    size_t n = std::min<uint64_t>(into.size(), node_->seen.size() - offset);
    if (fault == Fault::short_write) n = (n + 1) / 2;
    std::memcpy(into.data(), node_->seen.data() + offset, n);
    return n;
  }

  Result<size_t> read_now(std::span<std::byte> into, uint64_t offset) override {
    if (vfs_.cold) return Error{Errc::timeout, EAGAIN, "read_now", "not in memory"};
    return read(into, offset);
  }

  Result<size_t> write(std::span<const std::byte> bytes, uint64_t offset) override {
    const Fault fault = meet(Call::write);
    if (fault == Fault::killed) {
      const uint64_t pages = (offset + bytes.size()) / kPage - offset / kPage;
      const uint64_t end = (offset / kPage + vfs_.random_() % (pages + 1)) * kPage;
      if (end > offset)
        change({Operation::Kind::write, offset,
                std::string(reinterpret_cast<const char*>(bytes.data()), end - offset)});
      return vfs_.fail(fault, "write").take_error();
    }
    if (fault != Fault::none && fault != Fault::short_write)
      return vfs_.fail(fault, "write").take_error();
    size_t n = bytes.size();
    if (fault == Fault::short_write) n = (n + 1) / 2;
    if (offset + n > node_->seen.size()) {
      const uint64_t room = vfs_.capacity - std::min(vfs_.capacity, vfs_.used());
      const uint64_t most = node_->seen.size() + room;
      if (most <= offset) return error(ENOSPC, "write");
      n = std::min<uint64_t>(n, most - offset);
    }
    change({Operation::Kind::write, offset,
            std::string(reinterpret_cast<const char*>(bytes.data()), n)});
    return n;
  }

  Result<void> sync() override {
    const Fault fault = meet(Call::sync);
    if (fault == Fault::lost_sync) {
      node_->unsynced.clear();  // the kernel calls its pages clean
      return error(EIO, "fdatasync");
    }
    if (fault != Fault::none && fault != Fault::short_write) return vfs_.fail(fault, "fdatasync");
    ++vfs_.syncs_;
    if (vfs_.lie == Lie::no_sync) return {};
    if (vfs_.lie == Lie::late_sync)
      vfs_.late_.push_back(node_);
    else
      vfs_.make_durable(*node_);
    return {};
  }

  Result<void> allocate(uint64_t size) override {
    const Fault fault = meet(Call::other);
    if (fault != Fault::none && fault != Fault::short_write) return vfs_.fail(fault, "allocate");
    if (size <= node_->seen.size()) return {};
    if (vfs_.used() + size - node_->seen.size() > vfs_.capacity) return error(ENOSPC, "allocate");
    change({Operation::Kind::extend, size, {}});
    return {};
  }

  Result<void> truncate(uint64_t size) override {
    const Fault fault = meet(Call::other);
    if (fault != Fault::none && fault != Fault::short_write) return vfs_.fail(fault, "truncate");
    change({Operation::Kind::truncate, size, {}});
    return {};
  }

  Result<uint64_t> size() override { return uint64_t{node_->seen.size()}; }

 private:
  Fault meet(Call call) { return life_ == vfs_.life_ ? vfs_.meet(call) : Fault::off; }
  void change(Operation operation) {
    vfs_.apply(node_->seen, operation);
    node_->unsynced.push_back(std::move(operation));
  }

  SimVfs& vfs_;
  const std::shared_ptr<Node> node_;
  const uint64_t life_;
};

Error SimVfs::error(int number, const char* where) {
  return {Errc::io, number, where, std::string(where) + ": " + std::strerror(number)};
}

Result<void> SimVfs::fail(Fault fault, const char* where) {
  return error(fault == Fault::full ? ENOSPC : EIO, where);
}

SimVfs::Fault SimVfs::meet(Call call) {
  settle_lies();
  if (off_) return Fault::off;
  if (++calls_ != strike_at_) return Fault::none;
  if (fault_ == Fault::off || (fault_ == Fault::killed && call == Call::write)) off_ = true;
  if ((fault_ == Fault::lost_sync && call != Call::sync) ||
      (fault_ == Fault::killed && call != Call::write) ||
      ((fault_ == Fault::io || fault_ == Fault::full) && call == Call::read)) {
    ++strike_at_;  // the next call of the kind, then
    return Fault::none;
  }
  return fault_;
}

Result<std::shared_ptr<File>> SimVfs::open(std::string_view name, Mode mode) {
  // An index may be made in passing by who only reads.
  const bool writes = mode == Mode::create && !name.ends_with(".idx");
  if (const Fault fault = meet(writes ? Call::other : Call::read);
      fault != Fault::none && fault != Fault::short_write)
    return fail(fault, "open").take_error();
  std::shared_ptr<Node>& node = seen_[std::string(name)];
  if (!node) {
    if (mode == Mode::existing) {
      seen_.erase(std::string(name));
      return error(ENOENT, "open");
    }
    node = std::make_shared<Node>();
    unsynced_.push_back({std::string(name), {}, node});
  }
  return std::shared_ptr<File>(std::make_shared<SimFile>(*this, node));
}

Result<void> SimVfs::rename(std::string_view from, std::string_view to) {
  if (const Fault fault = meet(Call::other); fault != Fault::none && fault != Fault::short_write)
    return fail(fault, "rename");
  const auto found = seen_.find(std::string(from));
  if (found == seen_.end() || (!spares && from == "spare")) return error(ENOENT, "rename");
  const std::shared_ptr<Node> node = found->second;
  seen_.erase(found);
  seen_[std::string(to)] = node;
  unsynced_.push_back({std::string(to), std::string(from), node});
  return {};
}

Result<void> SimVfs::remove(std::string_view name) {
  if (const Fault fault = meet(Call::other); fault != Fault::none && fault != Fault::short_write)
    return fail(fault, "remove");
  if (seen_.erase(std::string(name)) == 0) return error(ENOENT, "remove");
  unsynced_.push_back({{}, std::string(name), nullptr});
  return {};
}

Result<std::vector<std::string>> SimVfs::list() {
  if (const Fault fault = meet(Call::other); fault != Fault::none && fault != Fault::short_write)
    return fail(fault, "list").take_error();
  return names();
}

std::vector<std::string> SimVfs::names() const {
  std::vector<std::string> names;
  for (const auto& [name, node] : seen_) names.push_back(name);
  return names;
}

Result<void> SimVfs::sync_names() {
  const Fault fault = meet(Call::sync);
  if (fault != Fault::none && fault != Fault::short_write) return fail(fault, "fsync");
  ++syncs_;
  if (lie == Lie::no_sync) return {};
  durable_ = seen_;
  unsynced_.clear();
  return {};
}

Result<uint64_t> SimVfs::free_bytes() { return capacity - std::min(capacity, used()); }

std::string& SimVfs::bytes(const std::string& name) { return seen_.at(name)->seen; }

uint64_t SimVfs::used() const {
  uint64_t sum = 0;
  for (const auto& [name, node] : seen_) sum += node->seen.size();
  return sum;
}

void SimVfs::apply(std::string& bytes, const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::truncate:
      bytes.resize(operation.offset);
      break;
    case Operation::Kind::extend:
      bytes.resize(std::max<uint64_t>(bytes.size(), operation.offset));
      break;
    case Operation::Kind::write:
      bytes.resize(std::max<uint64_t>(bytes.size(), operation.offset + operation.bytes.size()));
      bytes.replace(operation.offset, operation.bytes.size(), operation.bytes);
  }
}

void SimVfs::make_durable(Node& node) {
  node.unsynced.clear();
  node.durable = node.seen;
}

void SimVfs::settle_lies() {
  if (!off_)
    for (const auto& node : late_) make_durable(*node);
  late_.clear();
}

void SimVfs::past() {
  ++life_;
  late_.clear();
  off_ = false;
  strike_at_ = ~uint64_t{0};
}

void SimVfs::power_cut() {
  ++boot_;
  // Lies die with the power.
  late_.clear();
  for (const NameOperation& operation : unsynced_) {
    if (random_() % 2 == 0) continue;
    if (!operation.remove.empty()) durable_.erase(operation.remove);
    if (operation.node) durable_[operation.add] = operation.node;
  }
  unsynced_.clear();
  std::vector<Node*> nodes;
  for (const auto& [name, node] : durable_) nodes.push_back(node.get());
  for (Node* node : nodes) {
    std::vector<Operation> survivors;
    const bool none = random_() % 4 == 0, all = random_() % 4 == 0;
    for (Operation& operation : node->unsynced) {
      if (none || (!all && random_() % 2 == 0)) continue;
      if (!all && operation.kind == Operation::Kind::write && random_() % 2 == 0) {
        // Cut at any byte, in front or behind; or a hole of some sectors.
        const size_t at = random_() % (operation.bytes.size() + 1);
        switch (random_() % 3) {
          case 0:
            operation.bytes.resize(at);
            break;
          case 1:
            operation.offset += at;
            operation.bytes.erase(0, at);
            break;
          default: {
            Operation rest = operation;
            const size_t skip = std::min<size_t>(operation.bytes.size(), at + 512);
            rest.offset += skip;
            rest.bytes.erase(0, skip);
            survivors.push_back(std::move(rest));
            operation.bytes.resize(at);
          }
        }
      }
      survivors.push_back(std::move(operation));
    }
    if (random_() % 2 == 0) std::shuffle(survivors.begin(), survivors.end(), random_);
    for (const Operation& operation : survivors) apply(node->durable, operation);
    node->unsynced.clear();
    node->seen = node->durable;
  }
  seen_ = durable_;
  past();
}

}  // namespace pipit::sim
