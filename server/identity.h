// Identities: the one place that makes names nobody else has.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace pipit {

// A server id in the form of an nkey: 56 characters of base32, first 'N', with its checksum. It is
// random and has no private key behind it; nothing of the client protocol asks for one.
std::string make_server_id();

// 22 letters and digits, as clients name their requests and servers their advisories. Any thread.
std::string make_unique_id();

// From the kernel, for secrets too.
void fill_random(void* out, size_t size);

// xoshiro256**, seeded from the kernel or, in a simulation, by hand. One thread.
class Random {
 public:
  Random();
  explicit Random(uint64_t seed);
  uint64_t next();
  // 0 <= result < bound, evenly. Requires: bound > 0.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  uint64_t state_[4];
};

}  // namespace pipit
