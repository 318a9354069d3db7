// Mapping functions: subjects and refusals were seen from nats-server 2.14.5, which was given each
// transform as a stream's and asked under which subject it had stored the message.
#include "jetstream/subject_transform.h"

#include <doctest/doctest.h>

using namespace pipit::js;

namespace {

// What `subject` becomes, or "-" if it is left alone.
std::string map(std::string_view source, std::string_view destination, std::string_view subject) {
  std::string fault;
  const auto transform = SubjectTransform::make(source, destination, fault);
  CHECK(fault == "");
  CHECK(check_mapping(source, destination) == "");
  if (!transform) return "!";
  std::string out;
  uint64_t random = 1;
  return transform->apply(subject, out, random) ? out : "-" + out;
}

std::string fault_of(std::string_view source, std::string_view destination) {
  return check_mapping(source, destination);
}

}  // namespace

TEST_CASE("wildcards take tokens of the subject") {
  CHECK(map("x.*", "y.$1", "x.abc") == "y.abc");
  CHECK(map("x.*", "y.$1", "x.b.c") == "-");
  CHECK(map("x.*.*", "y.{{wildcard(2)}}.{{ Wildcard( 1 ) }}", "x.abc.d") == "y.d.abc");
  CHECK(map("x.*", "y.{{wildcard(0)}}", "x.abc") == "y.x");
  CHECK(map("x.*", "{{wildcard(1)}}.{{wildcard(1)}}", "x.q") == "q.q");
  CHECK(map("*.*", "{{wildcard(2)}}.$1", "x.q") == "q.x");
  CHECK(map("x.*", "$JS.$1", "x.a") == "$JS.a");
  CHECK(map("x.>", "y.>", "x.a.b.c") == "y.a.b.c");
  CHECK(map("x.*.>", "y.$1.>", "x.a.b.c") == "y.a.b.c");
  CHECK(map(">", "y.>", "x.a") == "y.x.a");
  CHECK(map("", "y.>", "x.a") == "y.x.a");
  CHECK(map(">", ">", "x.a") == "x.a");
  CHECK(map("x", "y.z", "x") == "y.z");
}

TEST_CASE("partitions are those of nats-server") {
  CHECK(map("x.*", "y.{{partition(10,1)}}", "x.abc") == "y.1");
  CHECK(map("x.*", "y.{{partition(10,1)}}", "x.d") == "y.3");
  CHECK(map("x.*", "y.{{partition(10,1)}}", "x.foo") == "y.3");
  CHECK(map("x.*", "y.{{partition(10)}}", "x.abc") == "y.3");
  CHECK(map("x.*", "y.{{partition(10)}}", "x.d") == "y.7");
  CHECK(map("x.abc", "y.{{partition(10,1)}}", "x.abc") == "y.3");
  CHECK(map("x.abc", "y.{{partition(7)}}", "x.abc") == "y.2");
  CHECK(map("x.*", "y.{{partition(0)}}", "x.abc") == "y.0");
  CHECK(map("x.*", "y.{{partition(-5)}}", "x.abc") == "y.1895737013");
}

TEST_CASE("tokens are split and sliced") {
  CHECK(map("x.*", "y.{{split(1,-)}}", "x.a-b-c") == "y.a.b.c");
  CHECK(map("x.*", "y.{{split(1,-)}}", "x.-a--b-") == "y.a.b");
  CHECK(map("x.*", "y.{{split(1,)}}", "x.abc") == "y.a.b.c");
  CHECK(map("x.*", "y.{{split(1,--)}}", "x.a--b---c") == "y.a.b.-c");
  CHECK(map("x.*", "y.{{splitfromleft(1,2)}}", "x.abcde") == "y.ab.cde");
  CHECK(map("x.*", "y.{{splitfromleft(1,2)}}", "x.ab") == "y.ab");
  CHECK(map("x.*", "y.{{SplitFromRight(1,2)}}", "x.abcde") == "y.abc.de");
  CHECK(map("x.*", "y.{{splitfromright(1,-1)}}", "x.abc") == "y.abc");
  CHECK(map("x.*", "y.{{slicefromleft(1,2)}}", "x.abcde") == "y.ab.cd.e");
  CHECK(map("x.*", "y.{{slicefromleft(1,2)}}", "x.abcd") == "y.ab.cd");
  CHECK(map("x.*", "y.{{slicefromright(1,2)}}", "x.abcde") == "y.a.bc.de");
  CHECK(map("x.*", "y.{{slicefromright(1,2)}}", "x.ab") == "y.ab");
  CHECK(map("x.*", "y.{{random(1)}}", "x.abc") == "y.0");
}

TEST_CASE("left and right are functions of republish, not of streams") {
  std::string fault, out;
  uint64_t random = 1;
  CHECK(SubjectTransform::make("x.*", "{{left(1,2)}}.{{Right(1,2)}}", fault)
            ->apply("x.abcde", out, random));
  CHECK(out == "ab.de");
  CHECK(fault_of("x.*", "y.{{left(1,2)}}") ==
        "invalid mapping destination: unknown function in {{left(1,2)}}");
}

TEST_CASE("what would become no subject is left alone") {
  CHECK(map("x.*", "y.{{split(1,-)}}", "x.--") == "-");
  CHECK(map("x.*", "y.{{slicefromleft(1,1)}}", "x.a>b") == "-");
  CHECK(map("x.*", "y.$1", "x.>") == "-");
  CHECK(map("x.*", "y.$1", "x..") == "-");
  CHECK(map("x.*", "y.$1", "") == "-");
}

TEST_CASE("mappings that do not fit are refused in nats-server's words") {
  const std::string at = "invalid mapping destination: ";
  CHECK(fault_of("x.*", "y.{{wildcard(2)}}") ==
        at + "wildcard index out of range in {{wildcard(2)}}: [2]");
  CHECK(fault_of("x.*", "y.$5") == at + "wildcard index out of range in $5: [5]");
  CHECK(fault_of("x.abc", "y.$1") == at + "wildcard index out of range in $1");
  CHECK(fault_of("x.*", "y.{{wildcard()}}") ==
        at + "not enough arguments passed to the function in {{wildcard()}}");
  CHECK(fault_of("x.*", "y.{{wildcard(1,2)}}") ==
        at + "too many arguments passed to the function in {{wildcard(1,2)}}");
  CHECK(fault_of("x.*", "y.{{split(1)}}") ==
        at + "not enough arguments passed to the function in {{split(1)}}");
  CHECK(fault_of("x.*", "y.{{splitfromright(1,2,3)}}") ==
        at + "too many arguments passed to the function in {{splitfromright(1,2,3)}}");
  CHECK(fault_of("x.*", "y.{{random(1,2)}}") ==
        at + "not enough arguments passed to the function in {{random(1,2)}}");
  for (const std::string token :
       {"{{wildcard(a)}}", "{{partition()}}", "{{partition(3000000000)}}", "{{random()}}",
        "{{splitfromright(1,99999999999)}}", "{{split(1,a b)}}", "{{wildcard(1e308)}}",
        "{{wildcard(99999999999999999999)}}", "{{wildcard(+-1)}}"})
    CHECK(fault_of("x.*", "y." + token) ==
          at + "function argument is invalid or in the wrong format in " + token);
  for (const std::string token : {"{{WILDCARD(1)}}", "{{foo(1)}}", "{{wildcard}}", "{{)(}}"})
    CHECK(fault_of("x.*", "y." + token) == at + "unknown function in " + token);
  CHECK(fault_of("x.*", "y..z") == at + "invalid transform");
  CHECK(fault_of("x.*", ">.z") == at + "invalid transform in z");
  CHECK(fault_of("x.*", "y. z") == at + "invalid transform");
  CHECK(fault_of("x.>", "y") == "invalid subject");
  CHECK(fault_of("x.*", "y.*") == "invalid subject");
  CHECK(fault_of("x.>", "") == "");
}

TEST_CASE("random numbers stay below their ceiling and come in all sizes") {
  std::string fault;
  const auto transform = SubjectTransform::make(">", "{{random(4)}}.>", fault);
  REQUIRE(transform.has_value());
  uint64_t random = 42;
  int seen[4] = {};
  for (int i = 0; i < 400; ++i) {
    std::string out;
    REQUIRE(transform->apply("a", out, random));
    REQUIRE(out.size() == 3);
    REQUIRE(out[0] >= '0');
    REQUIRE(out[0] <= '3');
    ++seen[out[0] - '0'];
  }
  for (const int count : seen) CHECK(count > 40);
}
