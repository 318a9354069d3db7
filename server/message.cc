// What pipit/message.h promises: looking into headers, keeping messages, building headers.
#include "pipit/message.h"

#include "protocol/headers.h"
#include "server/text_cursor.h"
#include "transport/slab.h"

namespace pipit {

std::optional<std::string_view> MessageView::header(std::string_view key) const noexcept {
  return proto::header_value(headers, key);
}
std::string_view MessageView::status() const noexcept { return proto::header_status(headers); }

Message MessageView::retain() const {
  Message kept;
  kept.view_ = *this;
  if (slab_ != nullptr) {
    kept.slab_ = net::SlabRef::share(static_cast<net::Slab*>(slab_)).detach();
    kept.view_.slab_ = kept.slab_;
    return kept;
  }
  net::SlabRef own = net::make_slab(
      static_cast<uint32_t>(subject.size() + reply.size() + headers.size() + payload.size()));
  TextCursor at{reinterpret_cast<char*>(own.bytes())};
  kept.view_.subject = at.put(subject);
  kept.view_.reply = at.put(reply);
  kept.view_.headers = at.put(headers);
  kept.view_.payload = at.put(payload);
  kept.slab_ = own.detach();
  kept.view_.slab_ = kept.slab_;
  return kept;
}

Message& Message::operator=(Message&& other) noexcept {
  Message old(std::move(*this));
  view_ = other.view_;
  slab_ = std::exchange(other.slab_, nullptr);
  other.view_ = {};
  return *this;
}

Message::~Message() { net::SlabRef(static_cast<net::Slab*>(slab_)).reset(); }

Result<Headers> Headers::parse(std::string_view block) noexcept {
  if (!block.empty() && !proto::is_header_block(block))
    return Error{Errc::invalid_argument, 0, "Headers::parse", "not a block of headers"};
  Headers headers;
  headers.block_ = block;
  return headers;
}

Result<void> Headers::add(std::string_view name, std::string_view value) noexcept {
  constexpr const char* kWhere = "Headers::add";
  if (!proto::is_header_name(name))
    return Error{Errc::invalid_argument, 0, kWhere, "not a name of a header"};
  if (!proto::is_header_value(value))
    return Error{Errc::invalid_argument, 0, kWhere, "a header's value is one line"};
  if (block_.empty()) block_ = proto::kHeaderBegin;
  block_.resize(block_.size() - proto::kHeaderEnd.size());
  block_.append(name).append(": ").append(value).append("\r\n").append(proto::kHeaderEnd);
  return {};
}

}  // namespace pipit
