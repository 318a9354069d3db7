// One client connection of the generator, and the loop that all of them share. One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load_frame.h"
#include "bench/load_plan.h"

namespace pipit::load {

class Peer;

struct Target {
  uint16_t port = 0;
  uint16_t websocket_port = 0;
  int pid = 0;  // of the server
};

// Edge-triggered: a peer is registered once, for reading and writing.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;

  // One look at the kernel; waits at most timeout_ms if nothing is ready.
  void turn(int timeout_ms);
  void watch(Peer& peer);
  void forget(Peer& peer);
  void speak_soon(Peer& peer);

 private:
  void speak();

  int epoll_ = -1;
  std::vector<Peer*> speakers_;
};

class Peer {
 public:
  // Connects and shakes hands, and waits for it.
  Peer(Loop& loop, const Target& target, const Plan& plan);
  virtual ~Peer();
  Peer(const Peer&) = delete;

  // Queues protocol text; what is queued within a loop turn goes out together.
  void say(std::string_view text);
  // Turns the loop until the server has answered a PING that follows all that was said.
  void fence();

  uint64_t pongs() const { return pongs_; }
  void on_readable();
  void on_writable();
  // False while text has to wait, and then it is to be called again.
  bool speak();

 protected:
  // Protocol bytes from the server, split anywhere.
  virtual void receive(std::string_view bytes) = 0;
  // False when other bytes are half sent, so that text must wait.
  virtual bool may_speak() const { return true; }
  // Bytes that need not be looked at, if they come next; told with skipped() once they have gone.
  virtual size_t skippable() const { return 0; }
  virtual void skipped(size_t) {}

  // Any line but a message.
  void control(std::string_view line);
  bool has_text() const { return !text_.empty() || sent_ < wire_.size(); }
  // What went out, 0 if nothing can at the moment. A memory file is sent without a copy.
  size_t send_some(std::string_view bytes);
  size_t send_file(int memory_file, size_t offset, size_t size);
  bool writable() const { return writable_; }

  Loop& loop_;

 private:
  void shake_hands();
  void upgrade(bool deflate);
  std::string handshake_until(std::string_view end);
  void take(std::string_view bytes);
  void wait_for(short events) const;
  size_t sent_or_fail(ssize_t count);

  int fd_ = -1;
  bool writable_ = true, waiting_to_speak_ = false;
  bool websocket_ = false, deflate_ = false;
  bool shaking_hands_ = true;
  std::string handshake_;
  std::unique_ptr<FrameReader> frames_;
  std::string text_;  // not yet framed
  std::string wire_;  // framed
  size_t sent_ = 0;   // of wire_
  uint64_t pongs_ = 0;
  friend class Loop;
};

// A peer that sees whole messages, without their headers.
class MessagePeer : public Peer {
 public:
  using Peer::Peer;

 protected:
  virtual void on_message(std::string_view, std::string_view, std::string_view, std::string_view) {}
  //                      subject           sid               reply             payload

 private:
  void receive(std::string_view bytes) override;
  size_t read_messages(std::string_view bytes);
  std::string rest_;
};

}  // namespace pipit::load
