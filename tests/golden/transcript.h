// Transcript: a golden file in memory. README.md in this folder describes the format.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/golden/pattern.h"

namespace pipit::golden {

// What a line's [condition] is judged by: "2.9" or "2.14", "genuine" or "pipit", one of "tcp", "ws"
// and "memory", and what README.md names besides.
using Tags = std::set<std::string, std::less<>>;

// "[2.14,!ws]": every tag named holds, every tag after a ! does not.
struct Condition {
  std::vector<std::string> wanted, unwanted;
  bool holds(const Tags& tags) const;
};

// What a frame line says beside its payload.
struct FrameSpec {
  uint8_t op = 0;
  uint8_t rsv = 0;
  bool fin = true, masked = true, deflated = false;
  std::optional<uint64_t> length;
  std::optional<size_t> pieces;  // expected in several frames of at most so many bytes
};

struct Step {
  enum class Kind {
    open,            // NAME open            a connection, its INFO read and kept
    open_raw,        // NAME open raw        the same, INFO left to the transcript
    open_websocket,  // NAME open websocket  a TCP connection to the WebSocket port, nothing sent
    ready,           // NAME ready [json]    open, then CONNECT with verbose and pedantic off
    upgrade,         // NAME upgrade [path] [| header]...
    refused,         // NAME refused         cannot connect
    fence,           // NAME fence           nothing has arrived
    close,           // NAME close           the client hangs up
    send,            // NAME> bytes
    expect,          // NAME< pattern
    closed,          // NAME! [code text]    the server closes, nothing comes before
    check,           // NAME? field = json | field absent | field string N prefix
    send_frame,      // NAME>> frame: bytes
    expect_frame,    // NAME<< frame: pattern
    response,        // NAME response 400 Bad Request
    total,           // total N NAME,NAME< pattern
    lame_duck,       // server lame-duck
  };
  int line = 0;
  Kind kind{};
  std::vector<std::string> clients;
  std::string text;  // the line's own words, where they are neither bytes nor a pattern
  Pattern pattern;
  FrameSpec frame;
  size_t count = 0;
  Condition condition;
};

struct Transcript {
  std::string name;  // the file's, without folder and suffix
  Condition only;    // of the whole file
  std::vector<std::pair<Condition, std::string>> config, websocket_config;
  std::vector<Step> steps;
  bool uses_websocket_port = false;

  // Returns what is wrong ("line 7: unknown escape"), or nothing.
  std::string parse(std::string_view file_name, std::string_view text);
  // Its server's configuration: loopback, ports of the kernel's choice, and the lines that hold.
  // `reactors` 0: nothing about them, the genuine server has none. `tls`: the block, or nothing.
  std::string config_text(const Tags& tags, int reactors, bool compression,
                          const std::string& tls = {}) const;
};

}  // namespace pipit::golden
