// pipit/message.h -- messages as a program inside the process meets them.
#pragma once
#include <pipit/export.h>
#include <pipit/result.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pipit {

class Message;

// A message while its callback runs. The views end with the callback; retain() keeps them.
class PIPIT_API MessageView {
 public:
  std::string_view subject;
  std::string_view reply;    // empty: no answer is asked for
  std::string_view headers;  // the block as it was published, "NATS/1.0\r\n...\r\n\r\n"; or empty
  std::string_view payload;

  // The value of the first header called `key` (case matters), blanks around it dropped.
  std::optional<std::string_view> header(std::string_view key) const noexcept;
  // Of the block's first line: "503" says that nobody listens to what was requested. Often empty.
  std::string_view status() const noexcept;
  // Large payloads (above 2 KiB) are kept by one count, and with them whatever they were received
  // with, 64 KiB at most; small messages are copied.
  Message retain() const;

 private:
  friend class Message;
  friend class InprocClient;
  void* slab_ = nullptr;  // that the views lie in; null: memory that ends with the callback
};

// A message that was kept. Move-only; any thread.
class PIPIT_API Message {
 public:
  Message() noexcept = default;
  Message(Message&& other) noexcept
      : view_(other.view_), slab_(std::exchange(other.slab_, nullptr)) {
    other.view_ = {};
  }
  Message& operator=(Message&& other) noexcept;
  ~Message();

  const MessageView* operator->() const noexcept { return &view_; }
  const MessageView& operator*() const noexcept { return view_; }

 private:
  friend class MessageView;
  MessageView view_;
  void* slab_ = nullptr;  // one reference
};

// Builds a header block. Names and values are taken as they are, in order; a name may come again.
class PIPIT_API Headers {
 public:
  // A block that is there already, to add to; empty: none. Errc::invalid_argument: it is no block.
  static Result<Headers> parse(std::string_view block) noexcept;
  // Errc::invalid_argument: an empty name, one with a colon, blank or control character, or a value
  // with a line end. The headers are as before then.
  Result<void> add(std::string_view name, std::string_view value) noexcept;
  // Empty while nothing was added.
  std::string_view block() const noexcept { return block_; }

 private:
  std::string block_;
};

}  // namespace pipit
