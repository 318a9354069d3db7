#include "jetstream/followers.h"

#include <algorithm>

#include "jetstream/mirror.h"
#include "jetstream/source.h"

namespace pipit::js {
namespace {

// As often as nats-server's consumers say that they are there.
constexpr auto kHeartbeat = std::chrono::seconds(1);

}  // namespace

Followers::Followers(FollowerWorld world) : world_(std::move(world)) {}

void Followers::set(const SetupRef& stream) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream->name());
  const std::vector<Shared> old = found == streams_.end() ? std::vector<Shared>() : found->second;
  // One whose origin is as before goes on where it is.
  const auto kept = [&](const StreamSource& source) -> Shared {
    for (const Shared& each : old)
      if (each->source() == source) return each;
    return nullptr;
  };
  std::vector<Shared> now;
  if (const auto& mirror = stream->config.mirror) {
    const Shared same = kept(*mirror);
    now.push_back(same ? same : std::make_shared<Mirror>(world_, stream));
  }
  for (const StreamSource& source : stream->config.sources) {
    const Shared same = kept(source);
    now.push_back(same ? same : std::make_shared<Source>(world_, stream, source));
  }
  if (now.empty())
    streams_.erase(stream->name());
  else
    streams_[stream->name()] = std::move(now);
}

void Followers::drop(const StreamSetup& stream) {
  {
    const std::lock_guard lock(mutex_);
    streams_.erase(stream.name());
    wake_ = true;
    changed_.notify_all();
  }
  // The disk may have to be waited for, and reactors ask who wants their messages.
  if (world_.notes != nullptr && !stream.config.sources.empty())
    world_.notes->forget(stream.definition);
}

void Followers::wake() {
  const std::lock_guard lock(mutex_);
  wake_ = true;
  changed_.notify_all();
}

std::vector<Followers::Shared> Followers::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Shared> all;
  for (const auto& [name, followers] : streams_)
    all.insert(all.end(), followers.begin(), followers.end());
  return all;
}

bool Followers::wants(std::string_view stream, std::string_view subject) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, followers] : streams_)
    for (const Shared& each : followers)
      if (each->source().name == stream && each->takes(subject)) return true;
  return false;
}

void Followers::start() {
  thread_ = std::thread([this] { run(); });
}

void Followers::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto due = [this] { return stop_ || wake_; };
    if (streams_.empty())
      changed_.wait(lock, due);
    else
      changed_.wait_for(lock, kHeartbeat, due);
    if (stop_) return;
    wake_ = false;
    lock.unlock();
    const std::vector<Shared> followers = all();
    if (followers.empty()) progress_.rest();
    for (bool more = !followers.empty(); more;) {
      more = false;
      const Progress::News news = progress_.look();
      for (const Shared& follower : followers) more = follower->step(news) || more;
      release(followers);
      lock.lock();
      if (stop_) return;
      if (wake_) more = false;
      lock.unlock();
    }
    lock.lock();
  }
}

// What a stream keeps only until it is consumed goes when all that follow it have it safely.
void Followers::release(const std::vector<Shared>& followers) {
  std::map<std::string, std::vector<Follower::Passed>> origins;
  std::map<std::string, uint64_t> below;
  for (const Shared& follower : followers) {
    const auto origin = world_.find(follower->source().name);
    if (!origin || origin->config.retention == Retention::limits) continue;
    auto passed = follower->passed();
    const auto [entry, is_first] = below.emplace(origin->name(), passed ? passed->below : 0);
    entry->second = std::min(entry->second, passed ? passed->below : 0);
    if (passed) origins[origin->name()].push_back(std::move(*passed));
  }
  for (const auto& [name, all] : origins) {
    if (below[name] <= 1 || released_[name] == below[name]) continue;
    released_[name] = below[name];
    for (const Follower::Passed& each : all)
      (void)each.origin->store->purge(each.origin->id, each.wants, below[name], 0);
  }
  std::erase_if(released_, [&](const auto& entry) { return !origins.contains(entry.first); });
}

void Followers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Followers::write(proto::JsonWriter& json, const StreamSetup& stream) const {
  std::vector<Shared> followers;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = streams_.find(stream.name()); found != streams_.end())
      followers = found->second;
  }
  if (followers.empty()) return;
  const bool mirror = stream.config.mirror.has_value();
  json.key(mirror ? "mirror" : "sources");
  if (!mirror) json.begin_array();
  for (const Shared& follower : followers) {
    const FollowReport report = follower->report();
    const StreamSource& source = follower->source();
    json.begin_object().field("name", source.name);
    json.field("lag", report.lag).field("active", report.active_ns);
    if (report.error) write_api_error(json.key("error"), *report.error);
    // nats-server knows a mirror's filter only when it has asked for messages.
    const bool asked = !mirror || report.active_ns >= 0 || report.error;
    if (asked && !source.filter_subject.empty())
      json.field("filter_subject", source.filter_subject);
    if (!source.subject_transforms.empty()) {
      json.key("subject_transforms").begin_array();
      for (const SubjectTransformConfig& transform : source.subject_transforms)
        json.begin_object()
            .field("src", transform.source)
            .field("dest", transform.destination)
            .end_object();
      json.end_array();
    }
    json.end_object();
  }
  if (!mirror) json.end_array();
}

}  // namespace pipit::js
