#include "jetstream/direct_get.h"

#include <algorithm>
#include <charconv>

#include "jetstream/message_lookup.h"
#include "jetstream/settings.h"
#include "jetstream/shard.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

constexpr size_t kSubjectsMax = 1024;
constexpr uint64_t kDefaultMaxBytes = 64u << 20;
constexpr std::string_view kDirectGet = "DIRECT.GET.";

using Send = std::function<void(DirectGetReply&&)>;

void send_status(const Send& send, std::string_view status) {
  send({"NATS/1.0 " + std::string(status) + "\r\n\r\n", {}});
}

// Where a message of a batch stands in it.
struct Place {
  uint64_t pending, before;
};

DirectGetReply reply_of(const StreamSetup& stream, store::StoredMessage&& message,
                        const Place* place) {
  DirectGetReply reply;
  reply.payload = std::move(message.payload);
  std::string& headers = reply.headers;
  headers = message.headers.empty() ? std::string("NATS/1.0\r\n\r\n") : std::move(message.headers);
  headers.resize(headers.size() - 2);  // the empty line
  const auto add = [&headers](std::string_view name, std::string_view value) {
    headers.append(name).append(": ").append(value).append("\r\n");
  };
  add("Nats-Stream", stream.name());
  add("Nats-Subject", message.subject);
  add("Nats-Sequence", std::to_string(message.seq));
  add("Nats-Time-Stamp", format_unix_ns(message.ts_ns));
  if (place != nullptr) {
    add("Nats-Num-Pending", std::to_string(place->pending));
    add("Nats-Last-Sequence", std::to_string(place->before));
  }
  headers += "\r\n";
  return reply;
}

void send_end(const Send& send, uint64_t pending, uint64_t last, uint64_t up_to = 0) {
  std::string headers = "NATS/1.0 204 EOB\r\nNats-Num-Pending: " + std::to_string(pending) +
                        "\r\nNats-Last-Sequence: " + std::to_string(last) + "\r\n";
  if (up_to > 0) headers += "Nats-UpTo-Sequence: " + std::to_string(up_to) + "\r\n";
  send({headers + "\r\n", {}});
}

uint64_t weight(const store::StoredMessage& message) {
  return message.subject.size() + message.headers.size() + message.payload.size();
}

uint64_t max_bytes_of(const MessageGetRequest& request) {
  return request.max_bytes > 0 ? static_cast<uint64_t>(request.max_bytes) : kDefaultMaxBytes;
}

void get_batch(const StreamSetup& stream, const MessageGetRequest& request, const Send& send) {
  auto found = look_up_from(stream, request);
  if (!found) return send_status(send, "404 Message Not Found");
  const store::SubjectFilter filter = filter_of(request.next_by_subject);
  uint64_t pending = count_from(stream, filter, found.value().seq);
  uint64_t last = 0, bytes = 0;
  const uint64_t max_bytes = max_bytes_of(request);
  for (int64_t left = request.batch; left > 0 && found && bytes < max_bytes; --left) {
    const uint64_t seq = found.value().seq;
    bytes += weight(found.value());
    if (request.no_headers) {
      send({{}, std::move(found.value().payload)});
    } else {
      pending -= std::min<uint64_t>(pending, 1);
      const Place place{pending, last};
      send(reply_of(stream, std::move(found).value(), &place));
    }
    last = seq;
    if (left > 1) found = stream.store->next(stream.id, filter, seq + 1);
  }
  send_end(send, pending, last);
}

void get_multi(const StreamSetup& stream, const MessageGetRequest& request, const Send& send) {
  const auto state = stream.store->state(stream.id);
  if (!state || state.value().messages == 0) return send_status(send, "404 No Results");
  uint64_t up_to = request.up_to_seq > 0 ? request.up_to_seq : state.value().last_seq;
  if (request.up_to_time) {
    const auto first = stream.store->first_since(stream.id, request.up_to_time->unix_ns());
    up_to = first ? first.value() - 1 : 0;
  }
  std::vector<uint64_t> seqs;
  if (!last_of_each(stream, request.multi_last, request.seq, up_to, kSubjectsMax, seqs))
    return send_status(send, "413 Too Many Results");
  if (seqs.empty()) return send_status(send, "404 No Results");
  std::sort(seqs.begin(), seqs.end());
  uint64_t pending = seqs.size(), last = 0, bytes = 0;
  const uint64_t max_bytes = max_bytes_of(request);
  const size_t batch = request.batch > 0 ? static_cast<size_t>(request.batch) : seqs.size();
  for (size_t i = 0; i < std::min(batch, seqs.size()) && bytes < max_bytes; ++i) {
    auto message = stream.store->read(stream.id, seqs[i]);
    --pending;
    if (!message) continue;  // deleted meanwhile
    bytes += weight(message.value());
    const Place place{pending, last};
    send(reply_of(stream, std::move(message).value(), &place));
    last = seqs[i];
  }
  send_end(send, pending, last, up_to);
}

bool level_is_there(std::string_view headers) {
  const auto level = proto::header_value(headers, "Nats-Required-Api-Level");
  if (!level) return true;
  int wants = 0;
  const auto [end, status] = std::from_chars(level->data(), level->data() + level->size(), wants);
  return status == std::errc() && end == level->data() + level->size() && wants <= kApiLevel;
}

}  // namespace

void direct_get(const DirectGetRequest& request, const Send& send) {
  const StreamSetup& stream = *request.stream;
  if (!level_is_there(request.headers)) return send_status(send, "412 Required Api Level");
  MessageGetRequest get;
  const bool by_subject = !request.subject.empty();
  if (request.body.empty() && !by_subject) return send_status(send, "408 Empty Request");
  // Unknown members are no fault here.
  if (!request.body.empty() && !read_body(request.body, false, get).empty())
    return send_status(send, "408 Malformed Request");
  if (by_subject) {
    if (get.seq > 0 || get.batch != 0 || get.start_time || !get.last_by_subject.empty() ||
        !get.next_by_subject.empty() || !get.multi_last.empty())
      return send_status(send, "408 Bad Request");
    get.last_by_subject = request.subject;
  }
  if (!get.multi_last.empty()) {
    if (!get.last_by_subject.empty() || !get.next_by_subject.empty() || get.start_time ||
        (get.up_to_seq > 0 && get.up_to_time))
      return send_status(send, "408 Bad Request");
    return get_multi(stream, get, send);
  }
  if (get.seq == 0 && get.last_by_subject.empty() && get.next_by_subject.empty() && !get.start_time)
    return send_status(send, "408 Empty Request");
  if (!is_lookup(get) || (get.batch != 0 && !get.last_by_subject.empty()))
    return send_status(send, "408 Bad Request");
  if (get.batch != 0) return get_batch(stream, get, send);
  auto found = look_up(stream, get);
  if (!found) return send_status(send, "404 Message Not Found");
  if (get.no_headers) return send({{}, std::move(found.value().payload)});
  send(reply_of(stream, std::move(found).value(), nullptr));
}

Reader::Reader(size_t limit, std::function<void(size_t, Answers&&)> publish)
    : limit_(limit), publish_(std::move(publish)) {}

void Reader::start() {
  thread_ = std::thread([this] { run(); });
}

bool Reader::push(DirectGetRequest request) {
  const std::lock_guard lock(mutex_);
  if (stop_ || queue_.size() >= limit_) return false;
  queue_.push_back(std::move(request));
  if (queue_.size() == 1) wake_.notify_one();
  return true;
}

void Reader::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    const std::deque<DirectGetRequest> requests = std::exchange(queue_, {});
    lock.unlock();
    execute(requests);
    lock.lock();
  }
}

// Answers for the same reactor go together, as far as they are not large.
void Reader::execute(const std::deque<DirectGetRequest>& requests) {
  constexpr size_t kTogether = 256 * 1024;
  Answers answers;
  size_t bytes = 0, home = 0;
  const auto flush = [&] {
    if (!answers.empty()) publish_(home, std::exchange(answers, {}));
    bytes = 0;
  };
  for (const DirectGetRequest& request : requests) {
    if (request.home != home) flush();
    home = request.home;
    direct_get(request, [&](DirectGetReply&& reply) {
      bytes += reply.headers.size() + reply.payload.size();
      answers.emplace_back(request.reply, std::move(reply));
      if (bytes >= kTogether) flush();
    });
  }
  flush();
}

void Reader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    queue_.clear();
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

std::string DirectGetInlet::subject(std::string_view prefix, const std::string& stream) {
  return std::string(prefix) + std::string(kDirectGet) + stream;
}

bool DirectGetInlet::receive(const HostMessage& message) {
  if (message.reply.empty()) return true;
  DirectGetRequest request;
  request.stream = stream_;
  request.home = shard_.home();
  request.reply = message.reply;
  request.headers = message.headers;
  request.body = message.payload;
  // What stands behind the stream's name, which has no dot in it.
  const size_t name = message.subject.find(kDirectGet) + kDirectGet.size();
  if (const size_t dot = message.subject.find('.', name); dot != std::string_view::npos)
    request.subject = message.subject.substr(dot + 1);
  shard_.reader().push(std::move(request));
  return true;
}

}  // namespace pipit::js
