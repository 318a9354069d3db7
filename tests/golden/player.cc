#include "tests/golden/player.h"

#include <simdjson.h>

#include <chrono>
#include <utility>

#include "tests/support/ws_frame.h"

namespace pipit::golden {

using test::WsFrame;

namespace {

using Kind = Step::Kind;

std::string value_of(std::string_view words, size_t from) {
  return std::string(words.substr(std::min(from, words.size())));
}

}  // namespace

Player::Failure Player::differs(std::string_view wanted, std::string_view got) {
  return "expected  " + visible(wanted) + "\n      got       " + visible(got.substr(0, 2000));
}

std::string Player::play(const Transcript& transcript) {
  auto failed = [&](int line, const Failure& what) {
    return transcript.name + ".nats:" + std::to_string(line) + ": " + what;
  };
  for (const Step& step : transcript.steps) {
    if (!step.condition.holds(peer_.tags())) continue;
    if (Failure what = perform(step); !what.empty()) return failed(step.line, what);
  }
  for (auto& [name, client] : clients_) {
    if (!client.open) continue;
    Failure what = silent(client);
    if (!what.empty()) return failed(transcript.steps.back().line, name + " at the end: " + what);
  }
  return {};
}

Player::Failure Player::perform(const Step& step) {
  switch (step.kind) {
    case Kind::lame_duck:
      peer_.lame_duck();
      return {};
    case Kind::refused:
      return peer_.dial_client(deadline_) ? "somebody listens" : "";
    case Kind::total:
      return total(step);
    case Kind::open:
    case Kind::open_raw:
    case Kind::open_websocket:
    case Kind::ready:
      return open(step);
    default:
      break;
  }
  auto client = clients_.find(step.clients.front());
  if (client == clients_.end()) return "no such client: " + step.clients.front();
  return perform_for(client->second, step);
}

Player::Failure Player::perform_for(Client& client, const Step& step) {
  switch (step.kind) {
    case Kind::upgrade:
      return upgrade(client, step);
    case Kind::fence:
      return silent(client);
    case Kind::close:
      client.wire->hang_up();
      client.open = false;
      return {};
    case Kind::send:
      client.wire->send(step.pattern.bytes());
      return {};
    case Kind::expect:
      return expect(client, step.pattern);
    case Kind::closed:
      return expect_closed(client, step.text);
    case Kind::check:
      return check(client, step.text);
    case Kind::expect_frame:
      return expect_frame(client, step);
    case Kind::response:
      return expect_response(client, step.text);
    case Kind::send_frame:
      send_frame(client, step);
      return {};
    default:
      return "this step is no client's";
  }
}

Player::Failure Player::open(const Step& step) {
  Client& client = clients_[step.clients.front()];
  client = Client{};
  bool raw_port = step.kind == Kind::open_websocket;
  client.wire = raw_port ? peer_.dial_websocket(deadline_) : peer_.dial_client(deadline_);
  if (!client.wire) {
    client.open = false;
    return "cannot connect";
  }
  if (raw_port || step.kind == Kind::open_raw) return {};
  Pattern info;
  info.compile("INFO ~json \\r\\n", true);
  Failure what = expect(client, info);
  if (!what.empty() || step.kind == Kind::open) return what;
  std::string connect = "CONNECT {\"verbose\":false,\"pedantic\":false";
  if (!step.text.empty()) connect += "," + step.text;
  client.wire->send(connect + "}\r\n");
  return {};
}

Player::Failure Player::more(Client& client, const std::string& wanted) {
  switch (client.wire->receive(client.in, deadline_)) {
    case Wire::Got::bytes:
      return {};
    case Wire::Got::closed:
      return differs(wanted, client.in) + " and then the connection was closed";
    case Wire::Got::nothing:
      break;
  }
  return differs(wanted, client.in) + " and then nothing more";
}

// About 2 s after CONNECT servers send a PING of their own to measure the way; on a machine so slow
// that a transcript sees it, it means nothing.
bool Player::drop_rtt_ping(Client& client) {
  constexpr std::string_view kPing = "PING\r\n";
  if (test::Deadline::Clock::now() - client.since < std::chrono::milliseconds(1500)) return false;
  if (!client.in.starts_with(kPing)) return false;
  client.in.erase(0, kPing.size());
  return true;
}

Player::Failure Player::expect(Client& client, const Pattern& pattern) {
  for (;;) {
    Pattern::Outcome outcome = pattern.match(client.in);
    if (outcome.verdict == Pattern::Verdict::match) {
      if (!outcome.json.empty()) client.json = outcome.json;
      client.in.erase(0, outcome.length);
      return {};
    }
    if (outcome.verdict == Pattern::Verdict::differs) {
      if (drop_rtt_ping(client)) continue;
      return differs(pattern.source(), client.in);
    }
    if (Failure what = more(client, pattern.source()); !what.empty()) return what;
  }
}

Player::Failure Player::expect_closed(Client& client, const std::string& goodbye) {
  client.open = false;
  Wire::Got got;
  do {
    if (client.framed || client.in.empty() || drop_rtt_ping(client)) continue;
    return differs("the end of the connection", client.in);
  } while ((got = client.wire->receive(client.in, deadline_)) == Wire::Got::bytes);
  if (got != Wire::Got::closed) return "the connection stays open";
  auto said = client.wire->goodbye();
  if (Failure what = take_close_frame(client, said); !what.empty()) return what;
  if (goodbye.empty()) return {};
  // The genuine server loses some of its good-byes to the closing of the connection.
  bool owed = peer_.tags().contains("pipit") && (client.framed || !peer_.tags().contains("tcp"));
  if (!said) return owed ? "closed without " + goodbye : "";
  std::string heard = std::to_string(said->code) + " " + said->text;
  return heard == goodbye ? "" : differs(goodbye, heard);
}

// "FIELD = JSON", "FIELD present", "FIELD absent", "FIELD string 56 N": of the last JSON object.
// "header NAME = TEXT", "header NAME absent", "body = BYTES": of the last HTTP response. @port is
// the server's port.
Player::Failure Player::check(const Client& client, const std::string& claim) {
  size_t skip = claim.starts_with("header ") ? 7 : 0;
  size_t blank = claim.find(' ', skip);
  std::string name = claim.substr(skip, blank - skip), words = value_of(claim, blank + 1);
  std::optional<std::string> got;
  simdjson::dom::parser parser;
  simdjson::dom::element field;
  if (skip > 0) {
    got = header(client.response, name);
  } else if (name == "body") {
    got = visible(client.body);
  } else {
    simdjson::dom::element object;
    if (parser.parse(client.json).get(object)) return "not JSON: " + client.json;
    if (object[name].get(field) == simdjson::SUCCESS) got = simdjson::minify(field);
  }
  if (words == "absent") return got ? name + " is there: " + *got : "";
  if (!got) return name + " is absent in " + client.json + client.response;
  if (words == "present") return {};
  if (words.starts_with("= ")) {
    std::string wanted = words.substr(2);
    if (wanted == "@port") wanted = std::to_string(client.wire->server_port());
    return wanted == *got ? "" : differs(wanted, *got);
  }
  if (!words.starts_with("string ")) return "what about " + name + "?";
  size_t size = std::stoul(words.substr(7));
  std::string prefix = value_of(words, words.find(' ', 7) + 1);
  std::string_view text;
  bool fits =
      field.get(text) == simdjson::SUCCESS && text.size() == size && text.starts_with(prefix);
  return fits ? "" : differs(words, *got);
}

Player::Failure Player::fence(Client& client, std::string& between) {
  constexpr std::string_view kPong = "PONG\r\n";
  for (int round = 0; round < 2; ++round) {
    std::string ping = "PING\r\n";
    client.wire->send(client.framed ? WsFrame{.payload = ping}.bytes() : ping);
    std::string arrived;
    // PONG must be the last thing: nothing can follow it before the next PING.
    while (!arrived.ends_with(kPong)) {
      if (!client.framed)
        arrived += std::exchange(client.in, {});
      else
        while (auto frame = test::take_frame(client.in)) arrived += frame->payload;
      if (arrived.ends_with(kPong)) break;
      if (Failure what = more(client, "PONG\r\n after " + arrived); !what.empty()) return what;
    }
    arrived.resize(arrived.size() - kPong.size());
    between += arrived;
  }
  return {};
}

Player::Failure Player::silent(Client& client) {
  std::string between;
  if (Failure what = fence(client, between); !what.empty()) return what;
  client.in = between;
  while (drop_rtt_ping(client)) continue;
  if (client.in.empty()) return {};
  return "expected nothing\n      got       " + visible(client.in);
}

Player::Failure Player::total(const Step& step) {
  size_t count = 0;
  std::string all;
  for (const std::string& name : step.clients) {
    auto found = clients_.find(name);
    if (found == clients_.end()) return "no such client: " + name;
    Client& client = found->second;
    std::string between;
    if (Failure what = fence(client, between); !what.empty()) return what;
    client.in = between;
    all += "\n      " + name + " got    " + visible(between);
    while (!client.in.empty()) {
      if (drop_rtt_ping(client)) continue;
      Pattern::Outcome outcome = step.pattern.match(client.in);
      if (outcome.verdict != Pattern::Verdict::match)
        return name + ": " + differs(step.pattern.source(), client.in);
      client.in.erase(0, outcome.length);
      ++count;
    }
  }
  if (count == step.count) return {};
  return "expected " + std::to_string(step.count) + " in all, got " + std::to_string(count) + all;
}

}  // namespace pipit::golden
