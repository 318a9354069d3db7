#include "protocol/header_edit.h"

#include "protocol/headers.h"

namespace pipit::proto {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// The line that begins at `at`, with its end; npos and 0 if there is none.
struct Line {
  size_t at = std::string::npos, size = 0;
};

// The first line from `from` on that begins with `name` and, if `whole`, a colon behind it.
Line find_line(std::string_view block, std::string_view name, bool whole, size_t from = 0) {
  for (size_t end = block.find(kLineEnd, from); end != block.npos;) {
    const size_t at = end + kLineEnd.size();
    end = block.find(kLineEnd, at);
    if (end == block.npos || end == at) return {};
    const std::string_view line = block.substr(at, end - at);
    if (line.starts_with(name) && (!whole || line.substr(name.size()).starts_with(':')))
      return {at, end + kLineEnd.size() - at};
  }
  return {};
}

void remove_lines(std::string& block, std::string_view name, bool whole) {
  size_t from = 0;
  for (;;) {
    const Line line = find_line(block, name, whole, from);
    if (line.at == block.npos) break;
    block.erase(line.at, line.size);
    from = line.at - kLineEnd.size();  // the end of the line before it
  }
  if (block.size() <= kHeaderBegin.size()) block.clear();
}

}  // namespace

void append_header(std::string& block, std::string_view name, std::string_view value) {
  if (block.empty()) block = kHeaderBegin;
  block.resize(block.size() - kHeaderEnd.size());
  block.append(name).append(": ").append(value).append(kLineEnd).append(kHeaderEnd);
}

void set_header(std::string& block, std::string_view name, std::string_view value) {
  const Line line = find_line(block, name, true);
  if (line.at == block.npos) return append_header(block, name, value);
  size_t begin = line.at + name.size() + 1;
  if (block[begin] == ' ') ++begin;
  block.replace(begin, line.at + line.size - kLineEnd.size() - begin, value);
}

void remove_header(std::string& block, std::string_view name) { remove_lines(block, name, true); }

void remove_headers_beginning(std::string& block, std::string_view prefix) {
  remove_lines(block, prefix, false);
}

}  // namespace pipit::proto
