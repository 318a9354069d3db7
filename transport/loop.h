// Loop: one uv_loop_t and what a reactor needs of it: fds, one wake, one timer, turn phases.
//
// The uv_loop_t is its own, or the host program's. A Loop lives on the thread that runs it; only
// wake() may be called from elsewhere. Sockets are
// watched with uv_poll and read and written by their streams themselves: the buffers stay ours, a
// short write needs no request object, and an idle connection costs one uv_poll_t.
#pragma once
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace pipit::net {

// A handle whose memory lives until libuv's close callback, however its owner dies. The only place
// that casts uv's `data`.
class PollHandle {
 public:
  using Callback = void (*)(void* context, int events);  // events: UV_READABLE | UV_WRITABLE

  PollHandle() = default;
  ~PollHandle() { close(); }
  PollHandle(const PollHandle&) = delete;
  // Watches `fd`, which must be non-blocking and stays the caller's.
  int open(uv_loop_t* loop, int fd, Callback callback, void* context);
  void set_context(Callback callback, void* context);
  // 0: stop watching. Cheap when nothing changes.
  void watch(int events);
  // The events watched now. After an error on the fd it is 0, and the callback was told of both.
  int watched() const;
  // No callback after this. The fd may be closed right away.
  void close();

 private:
  struct Block;
  Block* block_ = nullptr;
};

class Loop {
 public:
  // A guest on `host`, who runs it and outlives us; null: has a uv_loop_t of its own.
  explicit Loop(uv_loop_t* host = nullptr);
  // Requires: every PollHandle on it is closed. Runs a loop of its own until libuv let go of them;
  // a host's loop lets go as its host runs it: what libuv needs until then is not in this object.
  ~Loop();
  Loop(const Loop&) = delete;
  // 0, or the negative errno that the constructor met (no descriptors left): then use nothing else.
  int status() const { return status_; }

  uv_loop_t* uv() { return uv_; }
  // Called in every turn before poll (last: what is done here is not delayed by sleeping) and after
  // the events of poll were handled.
  void set_phases(std::function<void()> before_poll, std::function<void()> after_poll);
  void set_wake(std::function<void()> on_wake);
  void set_timer(std::function<void()> on_timer);
  // One-shot, replaces the last one; negative: off. Milliseconds from now.
  void arm_timer(int64_t delay_ms);
  // [loop's thread] There is still work: no poll sleeps, until before_poll says otherwise.
  void do_not_sleep(bool busy);

  // Of a loop of its own:
  void run();              // until stop()
  void stop();             // [loop's thread]
  void turn();             // one turn without sleeping
  int backend_fd() const;  // readable when there is something for turn()
  bool must_turn() const;  // there is work that backend_fd() does not know of
  // [loop's thread] Lets go of the uv_loop_t: no phase, timer or wake after this. `closed` is called
  // by the loop when the close callbacks of this and of every handle closed before have run, even if
  // the Loop is gone by then. Again: replaces `closed`.
  void close(std::function<void()> closed);

  void wake();  // [any thread] on_wake runs soon; many calls may become one; nothing once closed
  // Monotonic, read from the clock at the call.
  static int64_t now_ns();

 private:
  struct Handles;
  int open();

  uv_loop_t own_;
  uv_loop_t* uv_;
  Handles* handles_ = nullptr;  // until closed; then the loop's
  Handles* closing_ = nullptr;  // closed, and libuv has not let go of them
  std::mutex wake_mutex_;       // wake() against close()
  std::function<void()> before_poll_, after_poll_, on_wake_, on_timer_;
  int status_ = 0;
};

}  // namespace pipit::net
