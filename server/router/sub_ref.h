// SubRef: where a subscription lives. A handle, never a pointer: the owner checks the generation
// at delivery, so a SubRef that outlived its subscription delivers nothing.
#pragma once
#include <cstdint>

namespace pipit::router {

struct SubRef {
  uint32_t connection = 0;  // slot in its reactor's connection table
  uint32_t sub = 0;         // slot in its connection's subscription table
  uint32_t generation = 0;  // of the subscription; unique within the connection slot
  uint16_t reactor = 0;
  uint16_t unused = 0;

  friend bool operator==(const SubRef&, const SubRef&) = default;
};
static_assert(sizeof(SubRef) == 16);

}  // namespace pipit::router
