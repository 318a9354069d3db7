#include "bench/load_peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "bench/load_meter.h"
#include "bench/load_report.h"

namespace pipit::load {
namespace {

constexpr size_t kReadSize = 256 * 1024;
constexpr int kHandshakeMs = 10'000;
constexpr uint64_t kFenceNs = 120'000'000'000;  // a million SUBs come before some

constexpr std::string_view kConnect =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"pipit_load\",\"version\":\"1\","
    "\"protocol\":1,\"headers\":true,\"no_responders\":true,\"echo\":true}\r\nPING\r\n";
constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: cGlwaXQgbG9hZCBrZXkgIQ==\r\nSec-WebSocket-Version: 13\r\n";
constexpr std::string_view kOfferDeflate =
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
    "client_no_context_takeover\r\n";

char* read_buffer() {
  static std::array<char, kReadSize> buffer;
  return buffer.data();
}

size_t number_of(std::string_view digits) {
  size_t number = 0;
  for (const char digit : digits) number = number * 10 + static_cast<size_t>(digit - '0');
  return number;
}

int connect_to(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail(std::string("socket: ") + std::strerror(errno));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail(std::string("connect: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) fail("epoll_create1");
}

Loop::~Loop() { close(epoll_); }

void Loop::watch(Peer& peer) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &peer;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.fd_, &event) != 0) fail("epoll_ctl");
}

void Loop::forget(Peer& peer) { std::erase(speakers_, &peer); }

void Loop::speak_soon(Peer& peer) { speakers_.push_back(&peer); }

void Loop::speak() {
  if (!speakers_.empty()) std::erase_if(speakers_, [](Peer* peer) { return peer->speak(); });
}

void Loop::turn(int timeout_ms) {
  speak();
  std::array<epoll_event, 256> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    auto& peer = *static_cast<Peer*>(event.data.ptr);
    if (event.events & EPOLLOUT) peer.on_writable();
    if (event.events & ~static_cast<uint32_t>(EPOLLOUT)) peer.on_readable();
  }
  speak();
}

Peer::Peer(Loop& loop, const Target& target, const Plan& plan) : loop_(loop) {
  fd_ = connect_to(plan.websocket ? target.websocket_port : target.port);
  if (plan.websocket) upgrade(plan.deflate);
  shake_hands();
  loop_.watch(*this);
}

Peer::~Peer() {
  loop_.forget(*this);
  close(fd_);
}

void Peer::upgrade(bool deflate) {
  wire_.append(kUpgrade).append(deflate ? kOfferDeflate : "").append("\r\n");
  speak();
  const std::string answer = handshake_until("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 101")) fail("upgrade refused: " + answer.substr(0, 40));
  if (deflate && answer.find("permessage-deflate") == std::string::npos)
    fail("the server does not compress");
  websocket_ = true;
  deflate_ = deflate;
  frames_ = std::make_unique<FrameReader>();
  frames_->on_data = [this](std::string_view data) { take(data); };
  frames_->on_control = [this](uint8_t opcode, std::string_view payload) {
    if (opcode == kClose) fail("the server closed the WebSocket");
    if (opcode != kPing) return;
    append_frame(wire_, payload, false, kPongFrame);
    say({});
  };
  // INFO may have come behind the answer.
  frames_->feed(std::exchange(handshake_, {}));
}

void Peer::shake_hands() {
  if (!handshake_until("\r\n").starts_with("INFO ")) fail("no INFO from the server");
  text_ = kConnect;
  speak();
  std::string line;
  while (!(line = handshake_until("\r\n")).starts_with("PONG"))
    if (line.starts_with("-ERR")) fail(line);
  shaking_hands_ = false;
  const std::string early = std::exchange(handshake_, {});
  for (size_t at = 0, end; (end = early.find("\r\n", at)) != std::string::npos; at = end + 2)
    control(std::string_view(early).substr(at, end - at));
}

// Blocks; a connection has nothing else to do yet.
std::string Peer::handshake_until(std::string_view end) {
  for (;;) {
    if (const size_t at = handshake_.find(end); at != std::string::npos) {
      std::string found = handshake_.substr(0, at + end.size());
      handshake_.erase(0, at + end.size());
      return found;
    }
    wait_for(POLLIN);
    const ssize_t count = recv(fd_, read_buffer(), kReadSize, 0);
    if (count <= 0) fail("the server closed during the handshake");
    const std::string_view bytes(read_buffer(), static_cast<size_t>(count));
    if (websocket_)
      frames_->feed(bytes);
    else
      take(bytes);
  }
}

void Peer::wait_for(short events) const {
  pollfd descriptor{fd_, events, 0};
  if (poll(&descriptor, 1, kHandshakeMs) <= 0) fail("the handshake takes too long");
}

void Peer::take(std::string_view bytes) {
  if (shaking_hands_)
    handshake_ += bytes;
  else
    receive(bytes);
}

void Peer::on_readable() {
  // Until a short read: the next edge comes with the next bytes. The window bounds it.
  for (;;) {
    const size_t skip = websocket_ ? 0 : skippable();
    const size_t want = skip > 0 ? skip : kReadSize;
    const ssize_t count = recv(fd_, read_buffer(), want, skip > 0 ? MSG_TRUNC : 0);
    if (count == 0) fail("the server closed the connection");
    if (count < 0) {
      if (errno == EAGAIN) return;
      if (errno == EINTR) continue;
      fail(std::string("recv: ") + std::strerror(errno));
    }
    const auto size = static_cast<size_t>(count);
    if (skip > 0)
      skipped(size);
    else if (websocket_)
      frames_->feed({read_buffer(), size});
    else
      take({read_buffer(), size});
    if (size < want) return;
  }
}

void Peer::on_writable() { writable_ = true; }

void Peer::say(std::string_view text) {
  text_ += text;
  if (waiting_to_speak_) return;
  waiting_to_speak_ = true;
  loop_.speak_soon(*this);
}

bool Peer::speak() {
  if (!may_speak()) return false;
  if (!text_.empty()) {
    if (websocket_)
      append_frame(wire_, text_, deflate_);
    else if (wire_.empty())
      wire_.swap(text_);
    else
      wire_ += text_;
    text_.clear();
  }
  while (sent_ < wire_.size()) {
    if (!writable_ && !shaking_hands_) return false;
    if (shaking_hands_) wait_for(POLLOUT);
    sent_ += send_some(std::string_view(wire_).substr(sent_));
  }
  wire_.clear();
  sent_ = 0;
  waiting_to_speak_ = false;
  return true;
}

size_t Peer::send_some(std::string_view bytes) {
  return sent_or_fail(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

size_t Peer::send_file(int memory_file, size_t offset, size_t size) {
  auto at = static_cast<off_t>(offset);
  return sent_or_fail(sendfile(fd_, memory_file, &at, size));
}

size_t Peer::sent_or_fail(ssize_t count) {
  if (count >= 0) return static_cast<size_t>(count);
  if (errno == EAGAIN)
    writable_ = false;
  else if (errno != EINTR)
    fail(std::string("send: ") + std::strerror(errno));
  return 0;
}

void Peer::fence() {
  const uint64_t wanted = pongs_ + 1, deadline = now_ns() + kFenceNs;
  say("PING\r\n");
  while (pongs_ < wanted) {
    loop_.turn(100);
    if (now_ns() > deadline) fail("no PONG");
  }
}

void Peer::control(std::string_view line) {
  if (line.starts_with("PONG"))
    ++pongs_;
  else if (line.starts_with("PING"))
    say("PONG\r\n");
  else if (line.starts_with("-ERR"))
    fail(line);
}

void MessagePeer::receive(std::string_view bytes) {
  if (!rest_.empty()) {
    rest_ += bytes;
    rest_.erase(0, read_messages(rest_));
  } else if (const size_t used = read_messages(bytes); used < bytes.size()) {
    rest_ = bytes.substr(used);
  }
}

size_t MessagePeer::read_messages(std::string_view bytes) {
  size_t used = 0;
  for (size_t end; (end = bytes.find("\r\n", used)) != std::string_view::npos;) {
    const std::string_view line = bytes.substr(used, end - used);
    const bool headers = line.starts_with("HMSG ");
    if (!headers && !line.starts_with("MSG ")) {
      control(line);
      used = end + 2;
      continue;
    }
    std::array<std::string_view, 5> words;
    size_t count = 0;
    for (size_t at = headers ? 5 : 4; at <= line.size() && count < words.size(); ++count) {
      const size_t blank = std::min(line.find(' ', at), line.size());
      words[count] = line.substr(at, blank - at);
      at = blank + 1;
    }
    // subject, sid, perhaps a reply, the size of the headers if there are any, that of everything.
    const size_t sizes = headers ? 2 : 1;
    if (count < 2 + sizes) fail("a broken MSG line");
    const size_t size = number_of(words[count - 1]);
    const size_t headers_size = headers ? number_of(words[count - 2]) : 0;
    if (headers_size > size) fail("a broken HMSG line");
    if (end + 2 + size + 2 > bytes.size()) break;
    on_message(words[0], words[1], count == 3 + sizes ? words[2] : "",
               bytes.substr(end + 2 + headers_size, size - headers_size));
    used = end + 2 + size + 2;
  }
  return used;
}

}  // namespace pipit::load
