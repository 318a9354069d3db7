#include "bench/load_publisher.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "bench/load_report.h"

namespace pipit::load {
namespace {

constexpr size_t kImageBytes = 256 * 1024;  // stays in the cache
constexpr size_t kWriteBytes = 64 * 1024;
constexpr uint32_t kLeastMessages = 8;
constexpr size_t kFileFrom = 16 * 1024;  // payloads from here on are sent from a memory file

int memory_file_of(const std::string& bytes) {
  const int fd = memfd_create("pipit_load", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create");
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = write(fd, bytes.data() + done, bytes.size() - done);
    if (count <= 0) fail("write to a memory file");
    done += static_cast<size_t>(count);
  }
  return fd;
}

}  // namespace

std::string stamped_payload(size_t size, Stamp stamp) {
  std::string payload(sizeof stamp, '\0');
  std::memcpy(payload.data(), &stamp, sizeof stamp);
  // Text as events carry it: like the one before but for a few digits, so it compresses well.
  while (payload.size() < size)
    payload += R"({"sensor":"boiler-)" + std::to_string(stamp.publisher) +
               R"(","unit":"celsius","value":)" + std::to_string(stamp.number % 100) + "},";
  payload.resize(size);
  return payload;
}

std::string publish_line(std::string_view subject, std::string_view reply, size_t payload_bytes) {
  std::string line = "PUB ";
  line.append(subject).append(" ").append(reply).append(reply.empty() ? "" : " ");
  return line + std::to_string(payload_bytes) + "\r\n";
}

Image::Image(const Plan& plan, uint32_t least,
             const std::function<std::string(uint32_t)>& message) {
  messages_per_unit = plan.messages_per_frame;
  const auto fitting = static_cast<uint32_t>(kImageBytes / message(0).size());
  messages = std::max({fitting, least, kLeastMessages, 4 * messages_per_unit});
  messages -= messages % messages_per_unit;
  std::string unit;
  for (uint32_t i = 0; i < messages; ++i) {
    unit += message(i);
    if ((i + 1) % messages_per_unit != 0) continue;
    if (plan.websocket)
      append_frame(bytes, unit, plan.deflate);
    else
      bytes += unit;
    unit_ends.push_back(bytes.size());
    unit.clear();
  }
  if (!plan.websocket && plan.payload_bytes >= kFileFrom) memory_file = memory_file_of(bytes);
}

Image::~Image() {
  if (memory_file >= 0) close(memory_file);
}

Publisher::Publisher(Loop& loop, const Target& target, const Plan& plan, const Image& image)
    : MessagePeer(loop, target, plan), image_(image), single_writes_(plan.single_writes) {}

bool Publisher::push() {
  if (!writable() || stopped()) return false;
  size_t size = std::min(image_.bytes.size() - offset_, kWriteBytes);
  size = static_cast<size_t>(std::min<uint64_t>(size, stop_at_ - sent_));
  if (single_writes_) size = image_.unit_ends[unit_] - offset_;
  if (has_text()) {
    // A PONG is due: it goes out between two messages.
    if (may_speak() && !speak()) return false;
    if (has_text()) size = image_.unit_ends[unit_] - offset_;
  }
  const size_t done = image_.memory_file >= 0
                          ? send_file(image_.memory_file, offset_, size)
                          : send_some(std::string_view(image_.bytes).substr(offset_, size));
  offset_ += done;
  sent_ += done;
  while (unit_ < image_.unit_ends.size() && image_.unit_ends[unit_] <= offset_) ++unit_;
  if (offset_ == image_.bytes.size()) {
    offset_ = unit_ = 0;
    ++laps_;
  }
  return done > 0;
}

void Publisher::stop() {
  stop_at_ = sent_ + (may_speak() ? 0 : image_.unit_ends[unit_] - offset_);
}

}  // namespace pipit::load
