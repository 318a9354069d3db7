#include "transport/loop.h"

#include <time.h>

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

Loop::Loop() {
  status_ = uv_loop_init(&loop_);
  if (status_ != 0) return;
  status_ = uv_async_init(&loop_, &async_, [](uv_async_t* handle) {
    if (auto& on_wake = static_cast<Loop*>(handle->data)->on_wake_) on_wake();
  });
  if (status_ != 0) {
    uv_loop_close(&loop_);
    return;
  }
  uv_timer_init(&loop_, &timer_);
  uv_prepare_init(&loop_, &prepare_);
  uv_check_init(&loop_, &check_);
  uv_idle_init(&loop_, &idle_);
  async_.data = timer_.data = prepare_.data = check_.data = this;
}

Loop::~Loop() {
  if (status_ != 0) return;
  uv_handle_t* own[] = {as_handle(&async_), as_handle(&timer_), as_handle(&prepare_),
                        as_handle(&check_), as_handle(&idle_)};
  for (uv_handle_t* handle : own) uv_close(handle, nullptr);
  do {
    uv_run(&loop_, UV_RUN_DEFAULT);  // the close callbacks, ours and those of handles closed before
  } while (uv_loop_close(&loop_) == UV_EBUSY);
}

void Loop::set_phases(std::function<void()> before_poll, std::function<void()> after_poll) {
  before_poll_ = std::move(before_poll);
  after_poll_ = std::move(after_poll);
  if (before_poll_) {
    uv_prepare_start(
        &prepare_, [](uv_prepare_t* handle) { static_cast<Loop*>(handle->data)->before_poll_(); });
  } else {
    uv_prepare_stop(&prepare_);
  }
  if (after_poll_) {
    uv_check_start(&check_,
                   [](uv_check_t* handle) { static_cast<Loop*>(handle->data)->after_poll_(); });
  } else {
    uv_check_stop(&check_);
  }
}

void Loop::set_wake(std::function<void()> on_wake) { on_wake_ = std::move(on_wake); }
void Loop::set_timer(std::function<void()> on_timer) { on_timer_ = std::move(on_timer); }

void Loop::arm_timer(int64_t delay_ms) {
  if (delay_ms < 0) {
    uv_timer_stop(&timer_);
    return;
  }
  // libuv counts from the time it cached at the start of the turn, which may be long ago.
  uv_update_time(&loop_);
  uv_timer_start(
      &timer_,
      [](uv_timer_t* handle) {
        if (auto& on_timer = static_cast<Loop*>(handle->data)->on_timer_) on_timer();
      },
      static_cast<uint64_t>(delay_ms), 0);
}

void Loop::do_not_sleep(bool busy) {
  // An active idle handle makes libuv poll with a timeout of zero; asked after the prepare phase.
  if (busy) {
    uv_idle_start(&idle_, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&idle_);
  }
}

void Loop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }
void Loop::stop() { uv_stop(&loop_); }
void Loop::wake() { uv_async_send(&async_); }

int64_t Loop::now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace pipit::net
