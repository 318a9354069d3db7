#include "server/jetstream_setup.h"

#include "jetstream/manager.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "server/broker.h"
#include "server/identity.h"
#include "server/js_host.h"
#include "server/reactor.h"
#include "server/read_file.h"

namespace pipit {
namespace {

int64_t three_quarters(uint64_t bytes) { return static_cast<int64_t>(bytes / 4 * 3); }

int64_t default_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0
             ? three_quarters(static_cast<uint64_t>(pages) * static_cast<uint64_t>(size))
             : int64_t{256} << 20;
}

int64_t default_storage(const std::string& folder) {
  struct statvfs space;
  if (statvfs(folder.c_str(), &space) != 0) return int64_t{1} << 40;
  return three_quarters(uint64_t{space.f_bavail} * space.f_frsize);
}

// As nats-server's, which is not on a disk that survives a restart of every machine.
std::string default_folder() {
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  return ((error ? std::filesystem::path("/tmp") : folder) / "nats").string();
}

// As the package tzdata has them; "Local" is the machine's own.
std::string read_time_zone(std::string_view name) {
  constexpr size_t kBytesMax = 256 * 1024;
  const std::string path =
      name == "Local" ? "/etc/localtime" : "/usr/share/zoneinfo/" + std::string(name);
  auto bytes = read_file(path, kBytesMax);
  return bytes ? std::move(bytes).value() : std::string();
}

// What `options.jetstream` says, with what it leaves to the server filled in.
js::Settings jetstream_settings(const Broker& broker) {
  const JetStreamOptions& o = broker.options.jetstream;
  js::Settings s;
  s.account = broker.account.name;
  s.domain = o.domain;
  s.server_name = broker.settings()->tcp_info.server_name;
  s.server_id = broker.server_id;
  s.server_version = broker.settings()->tcp_info.version;
  s.folder = (o.store_dir.empty() ? default_folder() : o.store_dir) + "/jetstream";
  s.sync_always = o.sync_always;
  s.sync_interval_ns = o.sync_interval_ns;
  s.strict = o.strict;
  s.max_memory = o.max_memory_store >= 0 ? o.max_memory_store : default_memory();
  s.max_file = o.max_file_store;
  s.duplicate_window_max_ns = o.duplicate_window_max_ns;
  s.request_queue_limit = o.request_queue_limit;
  s.max_buffered_msgs = o.max_buffered_msgs;
  s.max_buffered_bytes = o.max_buffered_size;
  s.max_payload = broker.options.max_payload;
  s.max_pending = static_cast<int64_t>(broker.options.max_pending);
  s.new_id = &make_unique_id;
  s.log = [&broker](js::Settings::Say say, const std::string& line) {
    using Say = js::Settings::Say;
    broker.log.line(say == Say::error     ? LogLevel::error
                    : say == Say::warning ? LogLevel::warning
                                          : LogLevel::info,
                    line);
  };
  s.read_time_zone = read_time_zone;
  return s;
}

}  // namespace

void CloseJetStream::operator()(js::Manager* manager) const { delete manager; }

void start_jetstream(js::Manager& manager) { manager.started(); }

void begin_stop_jetstream(js::Manager& manager) { manager.begin_stop(); }

Result<JetStream> open_jetstream(Broker& broker) {
  js::Settings settings = jetstream_settings(broker);
  std::error_code error;
  std::filesystem::create_directories(settings.folder, error);
  if (error)
    return Error{Errc::io, error.value(), "jetstream",
                 "cannot make the store directory " + settings.folder + ": " + error.message()};
  if (settings.max_file < 0) settings.max_file = default_storage(settings.folder);
  std::vector<js::Home> homes;
  std::vector<JsHost*> hosts;
  for (Reactor* reactor : broker.reactors) {
    hosts.push_back(&reactor->open_js_host());
    homes.push_back({hosts.back(), [reactor](std::function<void()> fn) {
                       return reactor->mailbox().post(std::move(fn));
                     }});
  }
  auto opened = js::Manager::open(std::move(settings), homes);
  if (!opened.ok()) return opened.take_error();
  JetStream manager(std::move(opened).value().release());
  for (size_t i = 0; i < hosts.size(); ++i) hosts[i]->take_in(manager->guest(i));
  return manager;
}

}  // namespace pipit
