// What of an origin a mirror or source takes, what it is called here, and by which header its
// source finds its place again. Headers are those that nats-server 2.14.5 wrote for the same
// streams.
#include "jetstream/origin.h"

#include <doctest/doctest.h>

namespace {

using namespace pipit::js;

StreamSource from(std::string name, std::string filter = {},
                  std::vector<SubjectTransformConfig> transforms = {}) {
  StreamSource source;
  source.name = std::move(name);
  source.filter_subject = std::move(filter);
  source.subject_transforms = std::move(transforms);
  return source;
}

std::string renamed(const StreamSource& source, std::string subject) {
  Origin(source).rename(subject);
  return subject;
}

TEST_CASE("without a filter everything is taken") {
  for (const StreamSource& source : {from("S"), from("S", ">"), from("S", "", {{"", "all.>"}}),
                                     from("S", "", {{"a", ""}, {"", "b"}})}) {
    const Origin origin(source);
    CHECK(origin.filter().literal.empty());
    CHECK_FALSE(origin.filter().matches);
  }
}

TEST_CASE("a literal filter is told to the store, patterns are matched") {
  const StreamSource literal = from("S", "a.b"), pattern = from("S", "a.*"),
                     two = from("S", "", {{"s.1", "x"}, {"t.>", ""}});
  CHECK(Origin(literal).filter().literal == "a.b");
  const Origin one(pattern), several(two);
  CHECK(one.filter().matches("a.b"));
  CHECK_FALSE(one.filter().matches("a.b.c"));
  CHECK(several.filter().matches("s.1"));
  CHECK(several.filter().matches("t.a.b"));
  CHECK_FALSE(several.filter().matches("s.2"));
}

TEST_CASE("the first transform that takes a subject renames it") {
  const StreamSource source = from("S", "", {{"s.*", "u.$1"}, {"s.1", "never"}, {"kept.>", ""}});
  CHECK(renamed(source, "s.1") == "u.1");
  CHECK(renamed(source, "kept.a") == "kept.a");
  CHECK(renamed(source, "other") == "other");
  CHECK(renamed(from("S", "", {{"", "all.>"}}), "a.b") == "all.a.b");
}

TEST_CASE("the header names stream, sequence, filters, destinations and subject") {
  CHECK(source_header(from("S"), 1, "s.1") == "S 1 > > s.1");
  CHECK(source_header(from("S", "s.1"), 2, "s.1") == "S 2 s.1 > s.1");
  CHECK(source_header(from("S", "", {{"s.*", "u.$1"}, {"x.>", ""}}), 3, "s.2") ==
        "S 3 s.*\fx.> u.$1\f> s.2");
}

TEST_CASE("a source knows its own headers by stream, filters and destinations") {
  const StreamSource source = from("S", "s.*");
  const std::string key = source_key(source);
  CHECK(source_seq(source_header(source, 42, "s.1"), key) == 42u);
  CHECK(source_seq("S 7", key) == 7u);  // before 2.10
  CHECK_FALSE(source_seq(source_header(from("T", "s.*"), 42, "s.1"), key));
  CHECK_FALSE(source_seq(source_header(from("S"), 42, "s.1"), key));
  CHECK_FALSE(source_seq(source_header(from("S", "", {{"s.*", "u.$1"}}), 42, "s.1"), key));
  for (const char* header :
       {"", "S", "S x s.* > s.1", "S -1 s.* > s.1", "S 1 s.*", "S 99999999999999999999 s.* >"})
    CHECK_FALSE(source_seq(header, key));
}

}  // namespace
