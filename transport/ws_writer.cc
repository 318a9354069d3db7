#include "transport/ws_writer.h"

#include <algorithm>

#include "transport/ws_frame.h"

namespace pipit::net {
namespace {

// nats-server's figures.
constexpr size_t kBrowserFrame = 4096;
constexpr size_t kCompressAbove = 64;
// Input of one compressed message at most: what the stream has to hold for a slow reader is bounded.
constexpr size_t kCompressAtOnce = 256 * 1024;
// In front of shared frames so much goes out plain, with them; more is compressed first.
constexpr size_t kPlainLead = 512;
// Control frames that wait for a slow reader.
constexpr size_t kControlMax = 4096;

iovec part_of(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

void drop_front(std::string& bytes, size_t count) {
  if (count < bytes.size())
    bytes.erase(0, count);
  else
    bytes = std::string();  // an idle stream holds no buffer
}

}  // namespace

// Walks over a caller's parts.
struct WsWriter::Cursor {
  std::span<const iovec> parts;
  size_t offset = 0;  // into parts[0]

  // Appends the next `count` bytes to `out`. Requires: there are as many.
  void take(size_t count, std::vector<iovec>& out) {
    while (count > 0) {
      const iovec& part = parts.front();
      size_t size = std::min(count, part.iov_len - offset);
      if (size > 0) out.push_back({static_cast<char*>(part.iov_base) + offset, size});
      skip(size);
      count -= size;
    }
  }
  void skip(size_t count) {
    offset += count;
    while (!parts.empty() && offset >= parts.front().iov_len) {
      offset -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
  }
};

size_t WsWriter::frame_limit() const { return rules_.browser ? kBrowserFrame : SIZE_MAX; }

size_t WsWriter::write(std::span<const iovec> parts) {
  const size_t total = size_of(parts);
  if (total == 0) return 0;
  if (!rules_.compression) return write_plain(parts, total);
  Cursor cursor{parts};
  return write_compressed(cursor, total);
}

size_t WsWriter::write_shared(std::span<const iovec> text, std::string_view frames) {
  size_t total = size_of(text);
  if (total == 0 && frame_left_ > 0) {
    const iovec rest = part_of(frames);
    return write_plain({&rest, 1}, frames.size());
  }
  if (total <= kPlainLead && !tail_) return write_plain(text, total, frames);
  const size_t done = write(text);
  return done < total ? done : done + write_plain({}, 0, frames);
}

size_t WsWriter::write_plain(std::span<const iovec> parts, size_t total, std::string_view frames) {
  std::vector<iovec>& out = scratch_.parts;
  std::string& heads = scratch_.heads;
  out.clear();
  heads.clear();
  if (!owed_.empty()) out.push_back(part_of(owed_));

  Cursor cursor{parts};
  size_t rest = total;
  if (frame_left_ > 0) {
    size_t size = static_cast<size_t>(std::min<uint64_t>(frame_left_, rest));
    cursor.take(size, out);
    rest -= size;
  }
  if (frame_left_ <= total && !control_.empty()) out.push_back(part_of(control_));
  const size_t limit = frame_limit();
  heads.reserve((rest / limit + 1) * 10);  // iovecs point into it
  while (rest > 0) {
    size_t size = std::min(rest, limit);
    char* head = heads.data() + heads.size();
    heads.resize(heads.size() + 10);
    size_t head_size = write_ws_head(head, kWsFin | kWsBinary, size);
    out.push_back({head, head_size});
    cursor.take(size, out);
    rest -= size;
  }
  if (!frames.empty()) out.push_back(part_of(frames));
  return account(below_.write(out), total, frames.size());
}

// What `taken` bytes of the plan of write_plain() mean: how many of them were the caller's.
size_t WsWriter::account(size_t taken, size_t total, size_t frames) {
  size_t count = std::min(taken, owed_.size());
  drop_front(owed_, count);
  taken -= count;
  if (!owed_.empty()) return 0;

  size_t done = static_cast<size_t>(std::min<uint64_t>({taken, frame_left_, total}));
  frame_left_ -= done;
  taken -= done;
  if (frame_left_ > 0) return done;

  count = std::min(taken, control_.size());
  if (count > 0) {
    if (count < control_.size()) owed_ = control_.substr(count);
    control_ = std::string();
    taken -= count;
  }
  while (taken > 0 && done < total) {
    size_t size = std::min(total - done, frame_limit());
    char head[10];
    size_t head_size = write_ws_head(head, kWsFin | kWsBinary, size);
    count = std::min(taken, head_size);
    owed_.assign(head + count, head_size - count);
    taken -= count;
    count = std::min(taken, size);
    frame_left_ = size - count;
    taken -= count;
    done += count;
  }
  if (taken == 0) return done;
  frame_left_ = frames - taken;
  return done + taken;
}

size_t WsWriter::write_compressed(Cursor& cursor, size_t total) {
  size_t done = 0;
  if (frame_left_ > 0) {
    std::vector<iovec>& first = scratch_.message_parts;
    first.clear();
    size_t size = static_cast<size_t>(std::min<uint64_t>(frame_left_, total));
    cursor.take(size, first);
    done = write_plain(first, size);
    if (done < size) return done;
  }
  if (!owed_.empty() && !flush()) return done;
  if (tail_) {
    tail_ = false;
    cursor.skip(1);
    ++done;
  }
  while (done < total) {
    size_t size = std::min(total - done, kCompressAtOnce);
    std::vector<iovec>& message = scratch_.message_parts;
    message.clear();
    cursor.take(size, message);
    if (size <= kCompressAbove) {
      size_t count = write_plain(message, size);
      return done + count;
    }
    frame_compressed();
    size_t whole = control_.size() + scratch_.compressed.size();
    iovec out[] = {part_of(control_), part_of(scratch_.compressed)};
    size_t taken = below_.write(out);
    if (taken < whole) {
      owed_ = std::move(control_);
      owed_ += scratch_.compressed;
      control_ = std::string();
      drop_front(owed_, taken);
      tail_ = true;
      return done + size - 1;
    }
    control_ = std::string();
    done += size;
  }
  return done;
}

// Fills scratch_.compressed with the frames of the message in scratch_.message_parts.
void WsWriter::frame_compressed() {
  std::string& out = scratch_.compressed;
  if (out.capacity() > WsScratch::Impl::kBufferKept) out = std::string();
  out.assign(10, '\0');  // room for the head of the usual, only frame
  scratch_.deflater(rules_.window_bits).run(scratch_.message_parts, out);
  size_t size = out.size() - 10;
  char head[10];
  ++scratch_.deflated;
  if (!in_pieces() || size <= kBrowserFrame) {
    size_t head_size = write_ws_head(head, kWsFin | kWsRsv1 | kWsBinary, size);
    out.replace(0, 10, head, head_size);
    return;
  }
  std::string frames;
  frames.reserve(size + (size / kBrowserFrame + 1) * 4);
  for (size_t at = 0; at < size; at += kBrowserFrame) {
    size_t length = std::min(size - at, kBrowserFrame);
    int first = at == 0 ? kWsRsv1 | kWsBinary : kWsContinuation;
    if (at + length == size) first |= kWsFin;
    frames.append(head, write_ws_head(head, static_cast<uint8_t>(first), length));
    frames.append(out, 10 + at, length);
  }
  out = std::move(frames);
}

SharedFrames WsWriter::share(const SlabRef& slab, std::string_view payload,
                             std::string_view suffix) {
  const WsShared::Key key{payload.data(), payload.size(), rules_.window_bits, in_pieces()};
  if (const WsShared::Entry* found = scratch_.shared.find(key))
    return {found->frames.share(), found->bytes};
  scratch_.message_parts = {part_of(payload), part_of(suffix)};
  frame_compressed();
  return scratch_.shared.add(key, slab, scratch_.compressed);
}

void WsWriter::write_raw(std::string_view bytes) {
  iovec part = part_of(bytes);
  owed_ = bytes.substr(below_.write({&part, 1}));
}

void WsWriter::control(std::string_view frame) {
  if (control_.size() + frame.size() > kControlMax) {
    flush();
    if (control_.size() + frame.size() > kControlMax) control_ = std::string();
  }
  control_.append(frame);
}

bool WsWriter::flush() {
  bool between = frame_left_ == 0;
  if (owed_.empty() && (control_.empty() || !between)) return owed_.empty();
  iovec parts[] = {part_of(owed_), part_of(between ? control_ : std::string_view())};
  size_t taken = below_.write(parts);
  size_t count = std::min(taken, owed_.size());
  drop_front(owed_, count);
  taken -= count;
  if (!owed_.empty()) return false;
  if (!between || control_.empty()) return true;
  if (taken == 0) return false;
  if (taken < control_.size()) owed_ = control_.substr(taken);
  control_ = std::string();
  return owed_.empty();
}

void WsWriter::close(std::string_view payload) {
  if (frame_left_ > 0) return;
  char head[10];
  std::string frame(head, write_ws_head(head, kWsFin | kWsClose, payload.size()));
  frame.append(payload);
  iovec parts[] = {part_of(owed_), part_of(control_), part_of(frame)};
  below_.write(parts);
  owed_ = control_ = std::string();
}

}  // namespace pipit::net
