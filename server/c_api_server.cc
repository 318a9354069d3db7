// The server's half of pipit/pipit.h.
#include <cstdio>

#include "server/c_api.h"
#include "server/config.h"

namespace pipit::c {

static_assert(static_cast<int>(Errc::invalid_argument) == PIPIT_INVALID_ARGUMENT);
static_assert(static_cast<int>(Errc::invalid_config) == PIPIT_INVALID_CONFIG);
static_assert(static_cast<int>(Errc::not_built) == PIPIT_NOT_BUILT);
static_assert(static_cast<int>(Errc::address) == PIPIT_ADDRESS);
static_assert(static_cast<int>(Errc::io) == PIPIT_IO);
static_assert(static_cast<int>(Errc::closed) == PIPIT_CLOSED);
static_assert(static_cast<int>(Errc::exhausted) == PIPIT_EXHAUSTED);
static_assert(static_cast<int>(Errc::denied) == PIPIT_DENIED);
static_assert(static_cast<int>(Errc::slow_consumer) == PIPIT_SLOW_CONSUMER);
static_assert(static_cast<int>(Errc::no_responders) == PIPIT_NO_RESPONDERS);
static_assert(static_cast<int>(Errc::timeout) == PIPIT_TIMEOUT);
static_assert(static_cast<int>(LogLevel::trace) == PIPIT_LOG_TRACE);
static_assert(static_cast<int>(ConnectionEvent::Kind::disconnected) == PIPIT_DISCONNECTED);
static_assert(static_cast<int>(Handover::websocket) == PIPIT_HANDOVER_WEBSOCKET);

int fail(pipit_error* err, const char* call, const Error& error) {
  if (err != nullptr) {
    err->code = static_cast<uint16_t>(error.code);
    err->sys_errno = error.sys_errno;
    std::snprintf(err->text, sizeof err->text, "%s: %s", call, error.text.c_str());
  }
  return static_cast<int>(error.code);
}

int invalid(pipit_error* err, const char* call, const char* text) {
  return fail(err, call, {Errc::invalid_argument, 0, call, text});
}

namespace {

std::function<void()> done_callback(pipit_on_done done, const Context& context) {
  return [done, context] {
    if (done != nullptr) done(context.get());
  };
}

void connect_hooks(const pipit_hooks& hooks, const Context& log, const Context& event,
                   Options& options) {
  if (hooks.caller_driven != 0) options.reactors = 0;
  options.loop = hooks.loop;
  if (hooks.on_log != nullptr)
    options.log = [call = hooks.on_log, log](LogLevel level, std::string_view line) {
      call(log.get(), static_cast<int>(level), str(line));
    };
  if (hooks.on_event != nullptr)
    options.on_event = [call = hooks.on_event, event](const ConnectionEvent& e) {
      const pipit_event told{static_cast<int>(e.kind), e.cid,     str(e.transport), str(e.host),
                             e.port,                   str(e.name), str(e.user),      str(e.reason)};
      call(event.get(), &told);
    };
}

}  // namespace
}  // namespace pipit::c

using namespace pipit;
using namespace pipit::c;

uint32_t pipit_abi(void) { return PIPIT_ABI; }

int pipit_config_check(pipit_str config, pipit_error* err) {
  if (broken(config)) return invalid(err, __func__, kBroken);
  auto options = parse_options(view(config));
  if (!options.ok()) return fail(err, __func__, options.error());
  ConfigFaults faults;
  validate(options.value(), faults);
  return answer(err, __func__, faults.result(__func__));
}

int pipit_server_open(uint32_t abi, pipit_str config, const pipit_hooks* hooks, pipit_server** out,
                      pipit_error* err) {
  // Of another ABI, `hooks` may look different: nothing of it is touched.
  if (abi != PIPIT_ABI)
    return fail(err, __func__,
                {Errc::not_built, 0, __func__,
                 "this library has ABI " + std::to_string(PIPIT_ABI) + ", the caller " +
                     std::to_string(abi)});
  const pipit_hooks given = hooks == nullptr ? pipit_hooks{} : *hooks;
  const Context log(given.log_ctx, given.log_release);
  const Context event(given.event_ctx, given.event_release);
  if (out == nullptr) return invalid(err, __func__, kNullOut);
  *out = nullptr;
  if (broken(config)) return invalid(err, __func__, kBroken);
  if (given.loop != nullptr && given.caller_driven != 0)
    return invalid(err, __func__, "either a loop runs it, or the caller");
  auto options = parse_options(view(config));
  if (!options.ok()) return fail(err, __func__, options.error());
  connect_hooks(given, log, event, options.value());
  auto server = Server::create(std::move(options).value());
  if (!server.ok()) return fail(err, __func__, server.error());
  pipit_hooks run_mode{};
  run_mode.caller_driven = given.caller_driven;
  run_mode.loop = given.loop;
  *out = new pipit_server{std::move(server).value(), run_mode};
  return 0;
}

int pipit_server_start(pipit_server* server, pipit_error* err) {
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  return answer(err, __func__, server->server->start());
}

int pipit_server_lame_duck(pipit_server* server, pipit_on_done done, void* ctx,
                           pipit_release release, pipit_error* err) {
  const Context context(ctx, release);
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  server->server->lame_duck(done_callback(done, context));
  return 0;
}

int pipit_server_stop(pipit_server* server, pipit_error* err) {
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  server->server->stop();
  return 0;
}

int pipit_server_stop_then(pipit_server* server, pipit_on_done done, void* ctx,
                           pipit_release release, pipit_error* err) {
  const Context context(ctx, release);
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  server->server->stop(done_callback(done, context));
  return 0;
}

void pipit_server_close(pipit_server* server) { delete server; }

uint16_t pipit_server_client_port(const pipit_server* server) {
  return server == nullptr ? uint16_t{0} : static_cast<uint16_t>(server->server->client_port());
}
uint16_t pipit_server_websocket_port(const pipit_server* server) {
  return server == nullptr ? uint16_t{0} : static_cast<uint16_t>(server->server->websocket_port());
}
uint16_t pipit_server_monitor_port(const pipit_server* server) {
  return server == nullptr ? uint16_t{0} : static_cast<uint16_t>(server->server->monitor_port());
}
pipit_str pipit_server_id(const pipit_server* server) {
  return server == nullptr ? pipit_str{nullptr, 0} : str(server->server->id());
}

int pipit_server_adopt(pipit_server* server, int fd, pipit_str read_already, int handover,
                       pipit_error* err) {
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  if (broken(read_already)) return invalid(err, __func__, kBroken);
  if (handover != PIPIT_HANDOVER_NATS && handover != PIPIT_HANDOVER_WEBSOCKET)
    return invalid(err, __func__, "not a kind of handover");
  const std::string_view read = view(read_already);
  return answer(err, __func__,
                server->server->adopt(fd, std::as_bytes(std::span(read.data(), read.size())),
                                      static_cast<Handover>(handover)));
}

int pipit_server_reload(pipit_server* server, pipit_str config, pipit_error* err) {
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  if (broken(config)) return invalid(err, __func__, kBroken);
  auto options = parse_options(view(config));
  if (!options.ok()) return fail(err, __func__, options.error());
  const Context none(nullptr, nullptr);
  connect_hooks(server->run_mode, none, none, options.value());
  return answer(err, __func__, server->server->reload(std::move(options).value()));
}

int pipit_server_reload_certificates(pipit_server* server, pipit_error* err) {
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  return answer(err, __func__, server->server->reload_certificates());
}

int pipit_server_fd(const pipit_server* server) {
  return server == nullptr ? -1 : server->server->fd();
}
int64_t pipit_server_timeout(const pipit_server* server) {
  return server == nullptr ? -1 : int64_t{server->server->timeout().count()};
}
int pipit_server_poll(pipit_server* server, pipit_error* err) {
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  return answer(err, __func__, server->server->poll());
}
