#include "server/flags.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "server/mailbox.h"

namespace pipit {
namespace {

using Apply = std::function<void(Options&, ProcessOptions&)>;

struct Parsed {
  Flags flags;
  std::string name, value;  // of the flag at hand

  void fail(std::string text) {
    if (flags.action != Flags::Action::run) return;
    flags.action = Flags::Action::fail;
    flags.error = std::move(text);
  }
  void apply(Apply f) { flags.overrides.push_back(std::move(f)); }
  std::optional<int64_t> number(int64_t low, int64_t high) {
    int64_t n = 0;
    const auto [end, status] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (status != std::errc() || end != value.data() + value.size()) {
      flags.action = Flags::Action::bad_usage;
      flags.error = "invalid value \"" + value + "\" for flag -" + name;
      return std::nullopt;
    }
    if (n >= low && n <= high) return n;
    fail("flag -" + name + " must be between " + std::to_string(low) + " and " +
         std::to_string(high));
    return std::nullopt;
  }
};

struct Flag {
  std::vector<std::string_view> names;
  bool boolean;
  void (*handle)(Parsed&);
};

void not_built(Parsed& p) {
  if (p.value == "false") return;
  p.fail("flag -" + p.name + " asks for something that is not built in this version of pipit");
}

// The one that flags are about.
TlsCertificate& tls_certificate(Options& options) {
  if (options.tls.certificates.empty()) options.tls.certificates.emplace_back();
  return options.tls.certificates.front();
}

const std::vector<Flag>& all_flags() {
  static const std::vector<Flag> flags = {
      {{"a", "addr", "net"}, false,
       [](Parsed& p) { p.apply([v = p.value](Options& o, ProcessOptions&) { o.host = v; }); }},
      {{"p", "port"}, false,
       [](Parsed& p) {
         if (const auto n = p.number(-1, 65535))
           p.apply([n](Options& o, ProcessOptions&) { o.port = static_cast<int>(*n); });
       }},
      {{"n", "name", "server_name"}, false,
       [](Parsed& p) { p.apply([v = p.value](Options& o, ProcessOptions&) { o.server_name = v; }); }},
      {{"client_advertise"}, false,
       [](Parsed& p) {
         p.apply([v = p.value](Options& o, ProcessOptions&) { o.client_advertise = v; });
       }},
      {{"m", "http_port"}, false,
       [](Parsed& p) {
         if (const auto n = p.number(-1, 65535))
           p.apply([n](Options& o, ProcessOptions&) { o.http_port = static_cast<int>(*n); });
       }},
      {{"reactors"}, false,
       [](Parsed& p) {
         if (const auto n = p.number(1, Mailbox::kMaxReactors))
           p.apply([n](Options& o, ProcessOptions& process) {
             o.reactors = static_cast<uint32_t>(*n);
             process.reactors_given = true;
           });
       }},
      {{"user"}, false,
       [](Parsed& p) {
         p.apply([v = p.value](Options& o, ProcessOptions&) { o.authorization.user = v; });
       }},
      {{"pass"}, false,
       [](Parsed& p) {
         p.apply([v = p.value](Options& o, ProcessOptions&) { o.authorization.password = v; });
       }},
      {{"auth"}, false,
       [](Parsed& p) {
         p.apply([v = p.value](Options& o, ProcessOptions&) { o.authorization.token = v; });
       }},
      {{"c", "config"}, false, [](Parsed& p) { p.flags.config_file = p.value; }},
      {{"t"}, true, [](Parsed& p) { p.flags.test_config = p.value != "false"; }},
      {{"sl", "signal"}, false, [](Parsed& p) { p.flags.signal = p.value; }},
      {{"P", "pid"}, false,
       [](Parsed& p) { p.apply([v = p.value](Options&, ProcessOptions& o) { o.pid_file = v; }); }},
      {{"ports_file_dir"}, false,
       [](Parsed& p) {
         p.apply([v = p.value](Options&, ProcessOptions& o) { o.ports_file_dir = v; });
       }},
      {{"l", "log"}, false,
       [](Parsed& p) { p.apply([v = p.value](Options&, ProcessOptions& o) { o.log_file = v; }); }},
      {{"log_size_limit"}, false,
       [](Parsed& p) {
         if (const auto n = p.number(0, INT64_MAX))
           p.apply([n](Options&, ProcessOptions& o) { o.log_size_limit = *n; });
       }},
      {{"max_traced_msg_len"}, false,
       [](Parsed& p) {
         if (const auto n = p.number(0, INT32_MAX))
           p.apply([n](Options& o, ProcessOptions&) {
             o.max_traced_msg_len = static_cast<uint32_t>(*n);
           });
       }},
      {{"T", "logtime"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options&, ProcessOptions& o) { o.logtime = v; });
       }},
      {{"logtime_utc"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options&, ProcessOptions& o) { o.logtime_utc = v; });
       }},
      {{"D", "debug"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options& o, ProcessOptions&) { o.debug = v; });
       }},
      {{"V", "trace"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options& o, ProcessOptions&) { o.trace = v; });
       }},
      {{"VV"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options& o, ProcessOptions&) {
           o.trace = o.trace_verbose = v;
         });
       }},
      {{"DV"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options& o, ProcessOptions&) { o.debug = o.trace = v; });
       }},
      {{"DVV"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options& o, ProcessOptions&) {
           o.debug = o.trace = o.trace_verbose = v;
         });
       }},
      {{"tls"}, true,
       [](Parsed& p) {
         if (p.value != "false")
           p.apply([](Options& o, ProcessOptions&) { tls_certificate(o); });
       }},
      {{"tlsverify"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options& o, ProcessOptions&) {
           if (v) tls_certificate(o);
           o.tls.verify = v;
         });
       }},
      {{"tlscert"}, false,
       [](Parsed& p) {
         p.apply([v = p.value](Options& o, ProcessOptions&) { tls_certificate(o).cert_file = v; });
       }},
      {{"tlskey"}, false,
       [](Parsed& p) {
         p.apply([v = p.value](Options& o, ProcessOptions&) { tls_certificate(o).key_file = v; });
       }},
      {{"tlscacert"}, false,
       [](Parsed& p) { p.apply([v = p.value](Options& o, ProcessOptions&) { o.tls.ca_file = v; }); }},
      {{"ms", "https_port"}, false,
       [](Parsed& p) {
         if (const auto n = p.number(-1, 65535))
           p.apply([n](Options& o, ProcessOptions&) { o.https_port = static_cast<int>(*n); });
       }},
      {{"js", "jetstream"}, true,
       [](Parsed& p) {
         p.apply([v = p.value != "false"](Options& o, ProcessOptions&) {
           o.jetstream.enabled = v;
         });
       }},
      {{"sd", "store_dir"}, false,
       [](Parsed& p) {
         p.apply([v = p.value](Options& o, ProcessOptions&) { o.jetstream.store_dir = v; });
       }},
      {{"s", "syslog", "no_advertise", "help_tls"}, true,
       &not_built},
      {{"r", "remote_syslog", "routes", "cluster", "cluster_listen", "cluster_name", "cluster_advertise",
        "connect_retries", "profile"},
       false, &not_built},
      {{"h", "help"}, true, [](Parsed& p) { p.flags.action = Flags::Action::help; }},
      {{"v", "version"}, true, [](Parsed& p) { p.flags.action = Flags::Action::version; }},
  };
  return flags;
}

const Flag* find_flag(std::string_view name) {
  for (const Flag& flag : all_flags())
    if (std::find(flag.names.begin(), flag.names.end(), name) != flag.names.end()) return &flag;
  return nullptr;
}

bool is_boolean_text(std::string_view text) {
  constexpr std::array<std::string_view, 12> kAll = {"1", "t", "T", "true", "TRUE", "True",
                                                     "0", "f", "F", "false", "FALSE", "False"};
  return std::find(kAll.begin(), kAll.end(), text) != kAll.end();
}

}  // namespace

Flags parse_flags(const std::vector<std::string>& args) {
  Parsed p;
  const auto bad = [&p](std::string text) {
    p.flags.action = Flags::Action::bad_usage;
    p.flags.error = std::move(text);
  };
  for (size_t i = 0; i < args.size() && p.flags.action == Flags::Action::run; ++i) {
    std::string_view arg = args[i];
    if (arg.size() < 2 || arg[0] != '-') {
      if (arg == "version") p.flags.action = Flags::Action::version;
      else if (arg == "help") p.flags.action = Flags::Action::help;
      else p.fail("unrecognized command: \"" + std::string(arg) + "\"");
      break;
    }
    arg.remove_prefix(arg[1] == '-' ? 2 : 1);
    const size_t equals = arg.find('=');
    p.name = arg.substr(0, equals);
    if (p.name.empty() || p.name[0] == '-') {
      bad("bad flag syntax: " + args[i]);
      break;
    }
    const Flag* flag = find_flag(p.name);
    if (flag == nullptr) {
      bad("flag provided but not defined: -" + p.name);
      break;
    }
    if (equals != std::string_view::npos) {
      p.value = arg.substr(equals + 1);
      if (flag->boolean && !is_boolean_text(p.value)) {
        bad("invalid boolean value \"" + p.value + "\" for -" + p.name);
        break;
      }
      if (flag->boolean) {
        const char first = p.value[0];
        p.value = first == '1' || first == 't' || first == 'T' ? "true" : "false";
      }
    } else if (flag->boolean) {
      p.value = "true";
    } else if (i + 1 < args.size()) {
      p.value = args[++i];
    } else {
      bad("flag needs an argument: -" + p.name);
      break;
    }
    flag->handle(p);
  }
  return std::move(p.flags);
}

std::string usage_text(const std::string& program) {
  return "Usage: " + program + R"( [options]

Server:
    -a, --addr, --net HOST        listen on HOST (default 0.0.0.0)
    -p, --port PORT               listen for clients on PORT (default 4222, -1: any free one)
    -n, --name NAME               server name (default: the server id)
    -P, --pid FILE                write the process id to FILE
    -m, --http_port PORT          serve monitoring on PORT
    -ms, --https_port PORT        serve monitoring on PORT by https
    -c, --config FILE             configuration file
    -t                            check the configuration and exit
    -sl, --signal SIGNAL[=PID]    send to a running server: ldm, stop, quit, term, reopen, reload
    -js, --jetstream              keep streams (JetStream)
    -sd, --store_dir DIR          where they are kept
        --client_advertise H:P    address told to clients
        --ports_file_dir DIR      write the ports that are listened on to DIR
        --reactors N              threads that serve connections (default: one per usable CPU)

Logging:
    -l, --log FILE                log to FILE instead of stderr
    -T, --logtime[=false]         time in each line (default true)
        --logtime_utc             in UTC
        --log_size_limit BYTES    rotate the log file at this size
        --max_traced_msg_len N    cut traced messages
    -D, --debug   -V, --trace     more output; -DV both, -VV and -DVV verbose

Authorization:
        --user NAME --pass SECRET   or   --auth TOKEN

TLS:
        --tls                     with --tlscert FILE --tlskey FILE
        --tlsverify               clients show a certificate that --tlscacert FILE vouches for

Other:
    -h, --help    -v, --version
    check DIR [--repair]          look at every byte of the streams in DIR, which no server uses;
                                  exit code 0: sound or repaired, 1: damaged, 2: not checked

Flags of nats-server that are not listed are refused: what they ask for is not built yet.
)";
}

}  // namespace pipit
