#include "server/ports_file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "protocol/json_writer.h"

namespace pipit {
namespace {

Result<void> write_whole(const std::string& path, const std::string& text, mode_t mode) {
  const std::string fresh = path + ".new";
  const auto failed = [&](const char* call) {
    const int saved = errno;
    ::unlink(fresh.c_str());
    return Error{Errc::io, saved, call, path + ": " + std::strerror(saved)};
  };
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return failed("open");
  const ssize_t n = ::write(fd, text.data(), text.size());
  ::close(fd);
  if (n != static_cast<ssize_t>(text.size())) return failed("write");
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("rename");
  return {};
}

std::string endpoint(const std::string& host, int port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

// A listener on every interface has one URL for each address.
std::vector<std::string> urls(const char* scheme, const std::string& host, int port) {
  std::vector<std::string> out;
  if (port == 0) return out;
  if (host != "0.0.0.0" && host != "::" && !host.empty()) {
    out.push_back(scheme + endpoint(host, port));
    return out;
  }
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) == 0) {
    for (const ifaddrs* a = list; a != nullptr; a = a->ifa_next) {
      if (a->ifa_addr == nullptr || a->ifa_addr->sa_family != AF_INET) continue;
      char text[INET_ADDRSTRLEN];
      const auto* in = reinterpret_cast<const sockaddr_in*>(a->ifa_addr);
      if (inet_ntop(AF_INET, &in->sin_addr, text, sizeof text) != nullptr)
        out.push_back(scheme + endpoint(text, port));
    }
    freeifaddrs(list);
  }
  if (out.empty()) out.push_back(scheme + endpoint("127.0.0.1", port));
  return out;
}

}  // namespace

Result<void> write_pid_file(const std::string& path) {
  return write_whole(path, std::to_string(getpid()), 0600);
}

Result<std::string> write_ports_file(const std::string& folder, const std::string& exe,
                                     const Ports& ports) {
  const std::string path = folder + "/" + exe + "_" + std::to_string(getpid()) + ".ports";
  std::string text;
  proto::JsonWriter w(text);
  w.begin_object();
  const auto list = [&w](const char* name, const std::vector<std::string>& all) {
    if (all.empty()) return;
    w.key(name).begin_array();
    for (const std::string& url : all) w.value(url);
    w.end_array();
  };
  list("nats", urls(ports.tls ? "tls://" : "nats://", ports.client_host, ports.client));
  list("monitoring", urls(ports.https ? "https://" : "http://", ports.monitor_host, ports.monitor));
  list("websocket", urls(ports.wss ? "wss://" : "ws://", ports.websocket_host, ports.websocket));
  w.end_object();
  PIPIT_TRY(write_whole(path, text, 0644));
  return path;
}

}  // namespace pipit
