// `pipit check DIR [--repair]`: looks at the streams in a folder that no server uses.
#pragma once
#include <string>
#include <vector>

namespace pipit {

// Prints what it finds. The exit code: 0 sound, or repaired; 1 messages are lost, or something
// wants repair; 2 it could not be checked.
int check_store(const std::string& program, const std::vector<std::string>& args);

}  // namespace pipit
