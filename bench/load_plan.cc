#include "bench/load_plan.h"

namespace pipit::load {
namespace {

constexpr size_t kKilo = 1024;

Plan publish(std::string name, size_t bytes) {
  Plan plan;
  plan.name = std::move(name);
  plan.payload_bytes = bytes;
  plan.subscribers = 0;
  return plan;
}

Plan fan(std::string name, size_t bytes, uint32_t subscribers) {
  Plan plan = publish(std::move(name), bytes);
  plan.subscribers = subscribers;
  return plan;
}

Plan pairs(std::string name, size_t bytes, uint32_t count) {
  Plan plan = fan(std::move(name), bytes, count);
  plan.publishers = plan.subjects = count;
  return plan;
}

Plan requests(std::string name, size_t bytes, uint32_t outstanding) {
  Plan plan = fan(std::move(name), bytes, 1);
  plan.kind = Kind::kRequest;
  plan.outstanding = outstanding;
  return plan;
}

Plan counted(std::string name, Kind kind, uint32_t count) {
  Plan plan = fan(std::move(name), 16, 1);
  plan.kind = kind;
  plan.count = count;
  return plan;
}

Plan stream(std::string name, size_t bytes, uint32_t outstanding, uint32_t keys = 0) {
  Plan plan = requests(std::move(name), bytes, outstanding);
  plan.kind = Kind::kStream;
  plan.keys = keys;
  return plan;
}

Plan over_websocket(Plan plan) {
  plan.websocket = true;
  return plan;
}

std::vector<Plan> all_plans() {
  std::vector<Plan> plans = {
      publish("pub-16", 16),
      publish("pub-128", 128),
      fan("pubsub-16", 16, 1),
      fan("pubsub-128", 128, 1),
      fan("pubsub-1k", kKilo, 1),
      fan("pubsub-64k", 64 * kKilo, 1),
      pairs("nn4-16", 16, 4),
      pairs("nn4-128", 128, 4),
      fan("fan10-16", 16, 10),
      fan("fan10-128", 128, 10),
      fan("fan10-1k", kKilo, 10),
      fan("fan10-64k", 64 * kKilo, 10),
      fan("fan100-128", 128, 100),
      fan("queue4-128", 128, 4),
      requests("rr1-16", 16, 1),
      requests("rr64-16", 16, 64),
      pairs("pubsub-small-writes-128", 128, 4),
      counted("subs-100k-mix", Kind::kInterest, 100'000),
      counted("subs-1M-mix", Kind::kInterest, 1'000'000),
      over_websocket(fan("ws-pubsub-16", 16, 1)),
      over_websocket(fan("ws-pubsub-128", 128, 1)),
      over_websocket(fan("ws-pubsub-1k", kKilo, 1)),
      over_websocket(fan("ws-fan10-128", 128, 10)),
      over_websocket(requests("ws-rr64-128", 128, 64)),
      over_websocket(fan("wsz-pubsub-b64-128", 128, 1)),
      stream("js-pub1000-128", 128, 1000),
      stream("js-pub256-128", 128, 256),
      stream("js-pub256-1k", kKilo, 256),
      stream("js-pub256-64k", 64 * kKilo, 256),
      stream("js-sync-128", 128, 1),
      stream("js-sync2m-128", 128, 1),
      stream("js-kv-put", 128, 256, 1'000),
      stream("js-direct-get", 128, 256, 1'000),
      stream("js-direct-get-1M", 128, 256, 1'000'000),
      counted("idle", Kind::kIdle, 5'000),
      over_websocket(counted("ws-idle", Kind::kIdle, 5'000)),
  };
  for (Plan& plan : plans) {
    if (plan.name.starts_with("js-direct-get")) plan.reads = true;
    if (plan.name == "queue4-128") plan.queue_group = true;
    if (plan.name == "pubsub-small-writes-128") plan.single_writes = true;
    if (plan.name == "fan100-128") plan.window_bytes = size_t{1} << 20;
    if (plan.name == "wsz-pubsub-b64-128") {
      plan.deflate = true;
      plan.messages_per_frame = 64;
      plan.window_bytes = size_t{1} << 20;
    }
  }
  return plans;
}

}  // namespace

std::optional<Plan> find_plan(std::string_view name) {
  for (Plan& plan : all_plans())
    if (plan.name == name) return std::move(plan);
  return std::nullopt;
}

std::vector<std::string> plan_names() {
  std::vector<std::string> names;
  for (Plan& plan : all_plans()) names.push_back(std::move(plan.name));
  return names;
}

}  // namespace pipit::load
