#include "transport/loop.h"

#include <time.h>

#include <utility>

namespace pipit::net {
namespace {

template <class Handle>
uv_handle_t* as_handle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

}  // namespace

// What libuv holds on to. It goes with the close callback, which may come long after the owner
// died.
struct PollHandle::Block {
  uv_poll_t poll;
  Callback callback;
  void* context;
  int events;

  static void on_poll(uv_poll_t* handle, int status, int events) {
    auto* block = static_cast<Block*>(handle->data);
    if (status < 0) {
      // EPOLLERR: libuv has stopped watching. Whatever is wrong, the next recv() or send() says
      // what.
      block->events = 0;
      events = UV_READABLE | UV_WRITABLE;
    }
    block->callback(block->context, events);
  }
};

int PollHandle::open(uv_loop_t* loop, int fd, Callback callback, void* context) {
  close();
  auto block = std::make_unique<Block>();
  block->callback = callback;
  block->context = context;
  block->events = 0;
  if (int error = uv_poll_init(loop, &block->poll, fd); error != 0) return error;
  block_ = block.release();
  block_->poll.data = block_;
  return 0;
}

void PollHandle::set_context(Callback callback, void* context) {
  if (block_ == nullptr) return;
  block_->callback = callback;
  block_->context = context;
}

int PollHandle::watched() const { return block_ == nullptr ? 0 : block_->events; }

void PollHandle::watch(int events) {
  // uv_poll_start() costs two epoll_ctl() even when nothing changes.
  if (block_ == nullptr || block_->events == events) return;
  block_->events = events;
  if (events == 0) {
    uv_poll_stop(&block_->poll);
  } else {
    uv_poll_start(&block_->poll, events, &Block::on_poll);
  }
}

void PollHandle::close() {
  if (block_ == nullptr) return;
  uv_close(as_handle(&block_->poll),
           [](uv_handle_t* handle) { delete static_cast<Block*>(handle->data); });
  block_ = nullptr;
}

// What libuv holds on to until the close callbacks, which a host may run long after the Loop died.
struct Loop::Handles {
  uv_async_t async;
  uv_timer_t timer;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;
  Loop* loop;  // null: it died
  std::function<void()> closed;
  int open = 0;

  static Loop& loop_of(void* data) { return *static_cast<Handles*>(data)->loop; }

  // libuv runs the close callbacks of one turn last come, first served. So the idle handle waits
  // for the turn after: by then everything that was closed before close() has been let go.
  static void on_close(uv_handle_t* handle) {
    auto* self = static_cast<Handles*>(handle->data);
    if (--self->open == 1) {
      uv_close(as_handle(&self->idle), &on_close);
    } else if (self->open == 0) {
      if (self->loop != nullptr) self->loop->closing_ = nullptr;
      const std::function<void()> closed = std::move(self->closed);
      delete self;
      if (closed) closed();
    }
  }
};

Loop::Loop(uv_loop_t* host) : uv_(host == nullptr ? &own_ : host) {
  if (host == nullptr) status_ = uv_loop_init(&own_);
  if (status_ != 0) return;
  status_ = open();
  if (status_ != 0 && host == nullptr) uv_loop_close(&own_);
}

int Loop::open() {
  auto handles = std::make_unique<Handles>();
  const int status = uv_async_init(uv_, &handles->async, [](uv_async_t* handle) {
    if (auto& on_wake = Handles::loop_of(handle->data).on_wake_) on_wake();
  });
  if (status != 0) return status;
  uv_timer_init(uv_, &handles->timer);
  uv_prepare_init(uv_, &handles->prepare);
  uv_check_init(uv_, &handles->check);
  uv_idle_init(uv_, &handles->idle);
  handles->loop = this;
  handles->async.data = handles->timer.data = handles->prepare.data = handles->check.data =
      handles->idle.data = handles.get();
  handles_ = handles.release();
  return 0;
}

void Loop::close(std::function<void()> closed) {
  if (closing_ != nullptr) closing_->closed = std::move(closed);
  if (handles_ == nullptr) return;
  {
    const std::lock_guard lock(wake_mutex_);
    closing_ = std::exchange(handles_, nullptr);
  }
  closing_->closed = std::move(closed);
  closing_->open = 5;
  uv_handle_t* first[] = {as_handle(&closing_->async), as_handle(&closing_->timer),
                          as_handle(&closing_->prepare), as_handle(&closing_->check)};
  for (uv_handle_t* handle : first) uv_close(handle, &Handles::on_close);
}

Loop::~Loop() {
  if (status_ != 0) return;
  if (handles_ != nullptr) close(nullptr);
  if (uv_ == &own_) {
    do {
      uv_run(uv_, UV_RUN_DEFAULT);  // the close callbacks, ours and those of handles closed before
    } while (uv_loop_close(uv_) == UV_EBUSY);
  } else if (closing_ != nullptr) {
    closing_->loop = nullptr;
  }
}

void Loop::set_phases(std::function<void()> before_poll, std::function<void()> after_poll) {
  before_poll_ = std::move(before_poll);
  after_poll_ = std::move(after_poll);
  if (before_poll_) {
    uv_prepare_start(&handles_->prepare, [](uv_prepare_t* handle) {
      Handles::loop_of(handle->data).before_poll_();
    });
  } else {
    uv_prepare_stop(&handles_->prepare);
  }
  if (after_poll_) {
    uv_check_start(&handles_->check,
                   [](uv_check_t* handle) { Handles::loop_of(handle->data).after_poll_(); });
  } else {
    uv_check_stop(&handles_->check);
  }
}

void Loop::set_wake(std::function<void()> on_wake) { on_wake_ = std::move(on_wake); }
void Loop::set_timer(std::function<void()> on_timer) { on_timer_ = std::move(on_timer); }

void Loop::arm_timer(int64_t delay_ms) {
  if (handles_ == nullptr) return;
  if (delay_ms < 0) {
    uv_timer_stop(&handles_->timer);
    return;
  }
  // libuv counts from the time it cached at the start of the turn, which may be long ago.
  uv_update_time(uv_);
  uv_timer_start(
      &handles_->timer,
      [](uv_timer_t* handle) {
        if (auto& on_timer = Handles::loop_of(handle->data).on_timer_) on_timer();
      },
      static_cast<uint64_t>(delay_ms), 0);
}

void Loop::do_not_sleep(bool busy) {
  if (handles_ == nullptr) return;
  // An active idle handle makes libuv poll with a timeout of zero; asked after the prepare phase.
  if (busy) {
    uv_idle_start(&handles_->idle, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&handles_->idle);
  }
}

void Loop::run() { uv_run(uv_, UV_RUN_DEFAULT); }
void Loop::stop() { uv_stop(uv_); }
void Loop::turn() { uv_run(uv_, UV_RUN_NOWAIT); }
int Loop::backend_fd() const { return uv_backend_fd(uv_); }
// What is watched anew reaches the kernel in a turn's poll.
bool Loop::must_turn() const { return uv_backend_timeout(uv_) == 0; }

void Loop::wake() {
  const std::lock_guard lock(wake_mutex_);
  if (handles_ != nullptr) uv_async_send(&handles_->async);
}

int64_t Loop::now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace pipit::net
