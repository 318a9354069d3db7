// The table of errors: placeholders, codes, and the JSON form that nats-server 2.14.5 prints.
#include "jetstream/api_errors.h"

#include <doctest/doctest.h>

using namespace pipit::js;

namespace {

std::string json_of(const ApiError& error) {
  std::string out;
  pipit::proto::JsonWriter json(out);
  write_api_error(json, error);
  return out;
}

}  // namespace

TEST_CASE("an error prints as nats-server prints it") {
  CHECK(json_of(api_error(JsErr::stream_not_found)) ==
        R"({"code":404,"err_code":10059,"description":"stream not found"})");
  CHECK(json_of(api_error(JsErr::invalid_json, "json: unknown field \"a\"")) ==
        R"({"code":400,"err_code":10025,"description":"invalid JSON: json: unknown field \"a\""})");
  CHECK(json_of({400, 0, ""}) == R"({"code":400})");
}

TEST_CASE("placeholders are replaced in order, and what they are replaced by is left alone") {
  CHECK(api_error(JsErr::external_api_overlap, {"{subject}", "$JS.API"}).description ==
        "stream external api prefix {subject} must not overlap with $JS.API");
  CHECK(api_error(JsErr::wrong_last_sequence, "18446744073709551615").description ==
        "wrong last sequence: 18446744073709551615");
  CHECK(api_error(JsErr::stream_invalid_config, "").description.empty());
}

TEST_CASE("a value too many or too few does no harm") {
  CHECK(api_error(JsErr::bad_request, "ignored").description == "bad request");
  CHECK(api_error(JsErr::sequence_not_found).description == "sequence {seq} not found");
}

TEST_CASE("an error knows its name") {
  CHECK(api_error(JsErr::sealed).is(JsErr::sealed));
  CHECK_FALSE(api_error(JsErr::sealed).is(JsErr::bad_request));
  CHECK(api_error(JsErr::too_many_requests).code == 429);
}
