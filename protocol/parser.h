// Parser: the client protocol, bytes in, events out.
//
// It owns no memory and never allocates: the caller keeps the bytes and shows them from the first
// unconsumed one on, contiguous. The same bytes give the same events however they are split, and
// what is wrong is told at its first byte: a verb, a line too long, a payload's end. Views in
// `args()` point into the caller's bytes and live until the caller moves them or calls next()
// again. Speed: a PUB or HPUB in the usual form is read in one pass; other lines by verb, memchr
// for the line end (no byte is searched twice) and split.
//
// Source of behaviour: nats-server's client protocol; spec in docs/ARCHITECTURE.md, "The wire".
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/message.h"

namespace pipit::proto {

enum class Event : uint8_t {
  need_more,        // nothing complete: bring more bytes after those not consumed
  payload_pending,  // the line of a PUB or HPUB is complete and in args(), its payload is not:
                    // missing() more bytes are needed. The views of args() are still in `bytes`.
  connect,          // args().json
  info,             // args().json
  pub,              // args().subject reply size_text size payload
  hpub,             // the same with header_size; payload holds the header block and the body
  sub,              // args().subject queue sid
  unsub,            // args().sid max has_max
  ping,
  pong,
  ok,
  err,    // args().text: what stood after -ERR
  fault,  // fault() says what; the connection is done
};

enum class Fault : uint8_t {
  none,
  unknown_operation,      // -ERR 'Unknown Protocol Operation', close
  control_line_exceeded,  // -ERR 'maximum control line exceeded', close
  bad_arguments,          // closed without -ERR, reason Protocol Violation
};

// Of pub and hpub it is the Message, so that routing one copies nothing.
struct Args : Message {
  uint32_t size = 0;  // of payload, header block included
  std::string_view queue;
  std::string_view sid;
  std::string_view json;
  std::string_view text;
  uint64_t max = 0;
  bool has_max = false;
};

class Parser {
 public:
  explicit Parser(uint32_t max_control_line = 4096) : max_control_line_(max_control_line) {}

  // Takes the next event from the front of `bytes` and drops what it used up. After `fault` every
  // call says `fault`. On need_more and payload_pending the caller keeps what is left of `bytes`
  // and calls again with the same bytes and more behind them.
  Event next(std::string_view& bytes);

  // Of the last event; fields that it does not name above are not defined. After a fault in the
  // CRLF behind a payload they are those of its line (its size may be the first thing wrong with
  // it), after any other fault they are empty.
  const Args& args() const { return args_; }
  Fault fault() const { return fault_; }
  // After payload_pending: how many bytes are missing until the payload and its CRLF are complete.
  size_t missing() const { return missing_; }
  // After payload_pending: bytes of the whole operation, from the front of `bytes` to the CRLF
  // after the payload.
  size_t operation_size() const { return operation_size_; }

  // The next byte to show begins an operation: nothing of one was used up.
  bool between_operations() const { return verb_ == Event::need_more && operation_size_ == 0; }

  void set_max_control_line(uint32_t n) { max_control_line_ = n; }

 private:
  size_t read_publish(std::string_view bytes);
  Event read_verb(std::string_view& bytes);
  Event skip_line(std::string_view& bytes);
  Event read_line(std::string_view& bytes);
  bool read_arguments(Event verb, std::string_view text);
  Event take_payload(std::string_view& bytes, size_t line_size);
  Event resume_payload(std::string_view& bytes);
  Event fail(Fault fault);
  Event fail_payload();

  Args args_;
  size_t scanned_ = 0;  // bytes of the pending line's arguments searched for '\n'
  size_t missing_ = 0;
  size_t operation_size_ = 0;   // not 0: the line is in args_, we wait for the payload
  const char* base_ = nullptr;  // where the bytes began then
  uint32_t max_control_line_;
  Event verb_ = Event::need_more;  // of the line begun; need_more: between two operations
  Fault fault_ = Fault::none;
};

}  // namespace pipit::proto
