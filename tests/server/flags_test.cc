// Proves the command line: Go's flag style, what each flag sets, and what is refused how.
#include "server/flags.h"

#include <doctest/doctest.h>

using namespace pipit;

namespace {

using Action = Flags::Action;
using Args = std::vector<std::string>;

struct Applied {
  Options options;
  ProcessOptions process;
};

Applied applied(const Args& args, Applied out = {}) {
  const Flags flags = parse_flags(args);
  CHECK_MESSAGE(flags.action == Action::run, flags.error);
  for (const auto& apply : flags.overrides) apply(out.options, out.process);
  return out;
}

std::string refused(const Args& args, Action how) {
  const Flags flags = parse_flags(args);
  CHECK(flags.action == how);
  return flags.error;
}

}  // namespace

TEST_CASE("nothing asked is a run with nothing set") {
  const Flags flags = parse_flags({});
  CHECK(flags.action == Action::run);
  CHECK(flags.overrides.empty());
  CHECK(flags.config_file.empty());
  CHECK_FALSE(flags.test_config);
}

TEST_CASE("one dash or two, the value behind an equals sign or in the next word") {
  for (const Args& args : {Args{"-p", "4333"}, Args{"--p", "4333"}, Args{"-p=4333"},
                           Args{"--p=4333"}, Args{"-port", "4333"}, Args{"--port=4333"}})
    CHECK(applied(args).options.port == 4333);
  CHECK(applied({"-p=-1"}).options.port == -1);
  CHECK(applied({"-p", "-1"}).options.port == -1);
  CHECK(applied({"-n="}).options.server_name.empty());
  CHECK(applied({"-n=a=b"}).options.server_name == "a=b");
  CHECK(applied({"-n", "-p"}).options.server_name == "-p");
}

TEST_CASE("a flag without a value is true, with one what Go takes for it") {
  for (const char* yes : {"-D", "--debug", "-D=true", "-D=1", "-D=t", "-D=T", "-D=TRUE", "-D=True"})
    CHECK_MESSAGE(applied({yes}).options.debug, yes);
  Applied on;
  on.options.debug = true;
  for (const char* no : {"-D=false", "-D=0", "-D=f", "-D=F", "-D=FALSE", "-D=False"})
    CHECK_FALSE_MESSAGE(applied({no}, on).options.debug, no);
  CHECK(refused({"-D=yes"}, Action::bad_usage) == "invalid boolean value \"yes\" for -D");
  // The next word is no value of it.
  CHECK(refused({"-D", "false"}, Action::fail) == "unrecognized command: \"false\"");
}

TEST_CASE("each flag that says where and who") {
  for (const char* name : {"-a", "--addr", "-net"}) CHECK(applied({name, "h"}).options.host == "h");
  for (const char* name : {"-n", "--name", "--server_name"})
    CHECK(applied({name, "x"}).options.server_name == "x");
  for (const char* name : {"-m", "--http_port"})
    CHECK(applied({name, "8222"}).options.http_port == 8222);
  CHECK(applied({"--client_advertise", "a:1"}).options.client_advertise == "a:1");
  const Applied reactors = applied({"--reactors", "3"});
  CHECK(reactors.options.reactors == 3);
  CHECK(reactors.process.reactors_given);
  const Applied user = applied({"--user", "joe", "--pass", "secret"});
  CHECK(user.options.authorization.user == "joe");
  CHECK(user.options.authorization.password == "secret");
  CHECK(applied({"--auth", "t"}).options.authorization.token == "t");
}

TEST_CASE("each flag that says what goes into files") {
  for (const char* name : {"-P", "--pid"}) CHECK(applied({name, "f"}).process.pid_file == "f");
  for (const char* name : {"-l", "--log"}) CHECK(applied({name, "f"}).process.log_file == "f");
  CHECK(applied({"--ports_file_dir", "d"}).process.ports_file_dir == "d");
  CHECK(applied({"--log_size_limit", "1000"}).process.log_size_limit == 1000);
  CHECK(applied({"--max_traced_msg_len", "10"}).options.max_traced_msg_len == 10);
  CHECK_FALSE(applied({"-T=false"}).process.logtime);
  CHECK_FALSE(applied({"--logtime=false"}).process.logtime);
  CHECK(applied({"--logtime_utc"}).process.logtime_utc);
}

TEST_CASE("the letters of tracing add up") {
  struct {
    const char* flag;
    bool debug, trace, verbose;
  } const cases[] = {{"-D", true, false, false}, {"-V", false, true, false},
                     {"-DV", true, true, false}, {"-VV", false, true, true},
                     {"-DVV", true, true, true}, {"--trace", false, true, false}};
  for (const auto& c : cases) {
    const Options o = applied({c.flag}).options;
    CHECK_MESSAGE(o.debug == c.debug, c.flag);
    CHECK_MESSAGE(o.trace == c.trace, c.flag);
    CHECK_MESSAGE(o.trace_verbose == c.verbose, c.flag);
  }
}

TEST_CASE("the command line wins over what was there, and its last word over its first") {
  Applied from_file;
  from_file.options.port = 1;
  from_file.options.server_name = "file";
  const Applied both = applied({"-p", "2", "-p", "3"}, from_file);
  CHECK(both.options.port == 3);
  CHECK(both.options.server_name == "file");
}

TEST_CASE("configuration file, test and signal are for the program itself") {
  const Flags flags = parse_flags({"-c", "f.conf", "-t"});
  CHECK(flags.config_file == "f.conf");
  CHECK(flags.test_config);
  CHECK_FALSE(parse_flags({"--config=f", "-t=false"}).test_config);
  for (const char* name : {"-sl", "--signal"})
    CHECK(parse_flags({name, "ldm=7"}).signal == "ldm=7");
  CHECK(parse_flags({"--signal=stop=/run/x.pid"}).signal == "stop=/run/x.pid");
}

TEST_CASE("help and version are flags and words, and end the reading") {
  for (const char* word : {"help", "-h", "--help", "-help"})
    CHECK(parse_flags({word}).action == Action::help);
  for (const char* word : {"version", "-v", "--version"})
    CHECK(parse_flags({word, "--no-such"}).action == Action::version);
  CHECK(parse_flags({"-p", "1", "version"}).action == Action::version);
}

TEST_CASE("an unknown flag is bad usage, an unknown word a failure") {
  CHECK(refused({"--no-such"}, Action::bad_usage) == "flag provided but not defined: -no-such");
  CHECK(refused({"-x=1"}, Action::bad_usage) == "flag provided but not defined: -x");
  CHECK(refused({"---p"}, Action::bad_usage) == "bad flag syntax: ---p");
  CHECK(refused({"--"}, Action::bad_usage) == "bad flag syntax: --");
  CHECK(refused({"-=1"}, Action::bad_usage) == "bad flag syntax: -=1");
  CHECK(refused({"-p"}, Action::bad_usage) == "flag needs an argument: -p");
  CHECK(refused({"foo"}, Action::fail) == "unrecognized command: \"foo\"");
  CHECK(refused({"-"}, Action::fail) == "unrecognized command: \"-\"");
  CHECK(refused({"-p", "1", "foo"}, Action::fail) == "unrecognized command: \"foo\"");
}

TEST_CASE("what is no number is bad usage, what is out of range a failure") {
  for (const char* value : {"x", "", "1x", "1.5", "99999999999999999999"})
    CHECK(refused({"-p", value}, Action::bad_usage) ==
          "invalid value \"" + std::string(value) + "\" for flag -p");
  for (const char* value : {"65536", "-2"})
    CHECK(refused({"-p", value}, Action::fail) == "flag -p must be between -1 and 65535");
  for (const char* value : {"0", "65"})
    CHECK(refused({"--reactors", value}, Action::fail) ==
          "flag -reactors must be between 1 and 64");
}

TEST_CASE("a flag for what is not built is refused by name, unless it says no") {
  for (const Args& args : {Args{"-s"},
                           Args{"--syslog"},
                           Args{"-r", "udp://h:1"},
                           Args{"--remote_syslog", "u"},
                           Args{"--routes", "r"},
                           Args{"--cluster", "c"},
                           Args{"--cluster_listen", "c"},
                           Args{"--cluster_name", "c"},
                           Args{"--cluster_advertise", "c"},
                           Args{"--no_advertise"},
                           Args{"--connect_retries", "3"},
                           Args{"--profile", "6060"}}) {
    const std::string said = refused(args, Action::fail);
    const std::string name = args[0].substr(args[0].find_first_not_of('-'));
    CHECK(said == "flag -" + name.substr(0, name.find('=')) +
                      " asks for something that is not built in this version of pipit");
  }
  applied({"-js=false", "--tls=false", "--syslog=0"});
}

TEST_CASE("usage names the program and every flag that works") {
  const std::string text = usage_text("nats-server");
  CHECK(text.starts_with("Usage: nats-server [options]"));
  for (const char* flag : {"--addr",
                           "--port",
                           "--name",
                           "--pid",
                           "--http_port",
                           "--config",
                           "-t ",
                           "--signal",
                           "--client_advertise",
                           "--ports_file_dir",
                           "--reactors",
                           "--log ",
                           "--logtime",
                           "--logtime_utc",
                           "--log_size_limit",
                           "--max_traced_msg_len",
                           "--debug",
                           "--trace",
                           "-DV",
                           "-VV",
                           "-DVV",
                           "--user",
                           "--pass",
                           "--auth",
                           "--help",
                           "--version"})
    CHECK_MESSAGE(text.find(flag) != std::string::npos, flag);
}
