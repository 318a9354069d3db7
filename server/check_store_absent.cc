// A build without JetStream has no store to check.
#include <cstdio>

#include "server/check_store.h"

namespace pipit {

int check_store(const std::string& program, const std::vector<std::string>&) {
  std::fprintf(stderr, "%s: jetstream is left out of this build\n", program.c_str());
  return 2;
}

}  // namespace pipit
