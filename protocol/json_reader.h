// JsonReader: decodes JSON into structures as Go's encoding/json decodes into structs, faults
// included: clients of nats-server see Go's texts, and old clients rely on its leniency.
//
// That means: member names match exactly or else without case; the last duplicate wins and objects
// merge; null leaves plain fields as they are; after a wrong type decoding goes on and the first
// fault is the one reported; numbers of whole type take no fraction and no exponent. Bytes that are
// no UTF-8 become U+FFFD.
//
// A structure is described by a JsonShape, a table of names and of functions that read one member:
//
//   constexpr JsonField<Point> kFields[] = {
//       {"x", [](JsonReader& json, Point& p) { json.read(p.x); }},
//   };
//   constexpr JsonShape<Point> kPoint{"Point", kFields};
//
// Depth of the text costs no more than a byte of memory for a level; an array may have
// kJsonElementsMax elements. Any thread.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "protocol/json_syntax.h"

namespace pipit::proto {

class JsonReader;

// More in one array of a request is a fault: an element takes two bytes of text, and hundreds here.
inline constexpr size_t kJsonElementsMax = 100'000;

template <class T>
struct JsonField {
  std::string_view name;
  void (*read)(JsonReader&, T&);
  // The Go struct that is embedded in the outer one and holds the field; faults name it.
  std::string_view embedded = {};
};

template <class T>
struct JsonShape {
  std::string_view type;  // the Go struct's name, without its package
  std::span<const JsonField<T>> fields;
};

class JsonReader {
 public:
  // Requires: `value` is one JSON value, as scan_json() found it. `strict`: unknown members are a
  // fault.
  JsonReader(std::string_view value, bool strict) : text_(value), strict_(strict) {}

  // The first fault, empty if there was none.
  const std::string& fault() const { return fault_; }

  // Each reads the value that is due. `type` is the Go type that a fault names.
  void read(bool& out);
  void read(std::string& out);
  void read(int64_t& out, std::string_view type = "int64");
  void read(int32_t& out);
  void read(uint64_t& out);
  void read(std::vector<std::string>& out);
  // A Go map; null empties it.
  template <class T, class Less>
  void read(std::map<std::string, T, Less>& out);
  template <class T>
  void read(T& out, const JsonShape<T>& shape);
  // A Go pointer: null empties it, an object fills it or merges into it.
  template <class T>
  void read(std::optional<T>& out, const JsonShape<T>& shape);
  // A Go slice of structs or of pointers to them: null as an element empties that element in the
  // latter, and leaves it as it is in the former.
  template <class T>
  void read(std::vector<T>& out, const JsonShape<T>& shape, bool pointers);

  // For types that decode themselves: the bytes of the value that is due, quotes and all.
  std::string_view raw();
  // Ends the decoding with this fault, which takes precedence over those noted before.
  void abort(std::string fault);
  // abort() if the value is no string, in Go's words for a string inside a decoder of its own.
  std::optional<std::string> string_or_abort();
  bool is_null();

 private:
  char peek();
  bool take_literal_null();
  void skip();
  void mismatch(std::string_view found, std::string_view type);
  std::string describe(std::string_view found, std::string_view type) const;
  void unknown_member(std::string_view name);
  // Reads a number; false if the value is something else, which is noted as a fault.
  bool number(std::string_view& digits, std::string_view type);
  bool begin(char bracket, std::string_view type, std::string_view prefix);
  bool next_element();
  bool next_member(std::string& name);
  std::string string();
  static bool same_name(std::string_view found, std::string_view name);

  std::string_view text_;
  size_t at_ = 0;
  bool strict_;
  bool aborted_ = false;
  std::string fault_;
  std::string_view struct_;             // the Go struct that the current field belongs to
  std::vector<std::string_view> path_;  // names from the outermost struct to the current field
};

// Decodes a request's body: one JSON value after another into the same `out` (none at all is fine),
// unknown members refused. Returns the fault as nats-server words it, or an empty string. With
// `strict` off a fault gives the body a second chance: as one value, unknown members ignored.
template <class T>
std::string read_json_request(std::string_view body, bool strict, T& out,
                              const JsonShape<T>& shape);

template <class T>
void JsonReader::read(T& out, const JsonShape<T>& shape) {
  if (take_literal_null() || !begin('{', shape.type, "server.")) return;
  const std::string_view outer = struct_;
  const size_t depth = path_.size();
  std::string name;
  while (!aborted_ && next_member(name)) {
    const JsonField<T>* match = nullptr;
    for (const JsonField<T>& field : shape.fields)
      if (field.name == name) match = &field;
    for (size_t i = 0; match == nullptr && i < shape.fields.size(); ++i)
      if (same_name(name, shape.fields[i].name)) match = &shape.fields[i];
    if (match == nullptr) {
      unknown_member(name);
      skip();
      continue;
    }
    struct_ = shape.type;
    if (!match->embedded.empty()) path_.push_back(match->embedded);
    path_.push_back(match->name);
    match->read(*this, out);
    if (aborted_) return;
    path_.resize(depth);
    struct_ = outer;
  }
}

template <class T, class Less>
void JsonReader::read(std::map<std::string, T, Less>& out) {
  if (take_literal_null()) {
    out.clear();
    return;
  }
  constexpr bool kOfStrings = std::is_same_v<T, std::string>;
  if (!begin('{', kOfStrings ? "string" : "map[string]string", "map[string]")) return;
  std::string name;
  while (!aborted_ && next_member(name)) {
    T value;
    read(value);
    out[name] = std::move(value);
  }
}

template <class T>
void JsonReader::read(std::optional<T>& out, const JsonShape<T>& shape) {
  if (take_literal_null()) {
    out.reset();
    return;
  }
  if (!out) out.emplace();
  read(*out, shape);
}

template <class T>
void JsonReader::read(std::vector<T>& out, const JsonShape<T>& shape, bool pointers) {
  if (take_literal_null()) {
    out.clear();
    return;
  }
  if (!begin('[', shape.type, pointers ? "[]*server." : "[]server.")) return;
  size_t count = 0;
  for (; !aborted_ && next_element(); ++count) {
    if (count == kJsonElementsMax) return abort("too many elements in an array");
    if (count == out.size()) out.emplace_back();
    if (pointers && is_null()) out[count] = T{};
    read(out[count], shape);
  }
  out.resize(count);
}

template <class T>
std::string read_json_request(std::string_view body, bool strict, T& out,
                              const JsonShape<T>& shape) {
  std::string fault;
  for (size_t at = 0; fault.empty();) {
    const JsonScan scan = scan_json(body.substr(at));
    if (scan.end == JsonScan::End::blank) return {};
    if (scan.end == JsonScan::End::truncated) {
      fault = "unexpected EOF";
    } else if (scan.end == JsonScan::End::fault) {
      fault = scan.fault + " at offset " + std::to_string(at + scan.size + 1);
    } else {
      JsonReader reader(body.substr(at, scan.size), true);
      reader.read(out, shape);
      fault = reader.fault();
      at += scan.size;
    }
  }
  if (strict) return fault;
  const JsonScan scan = scan_json(body);
  if (scan.end == JsonScan::End::fault) return scan.fault;
  if (scan.end != JsonScan::End::value) return "unexpected end of JSON input";
  for (const char c : body.substr(scan.size))
    if (!is_json_blank(c)) return invalid_character(c, "after top-level value");
  JsonReader reader(body.substr(0, scan.size), false);
  reader.read(out, shape);
  return reader.fault();
}

}  // namespace pipit::proto
