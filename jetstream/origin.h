// Origin: what a mirror or a source takes from another stream: which subjects, and what they are
// called here. Immutable once made, but for the state of {{random(n)}}; used by one thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/store/store.h"
#include "jetstream/stream_config.h"
#include "jetstream/subject_transform.h"

namespace pipit::js {

class Origin {
 public:
  // Requires: a checked configuration.
  explicit Origin(const StreamSource& source);

  // Views and references into this.
  store::SubjectFilter filter() const;
  bool takes(std::string_view subject) const;
  // What a message of `subject` is called by the first transform that takes it.
  void rename(std::string& subject);

 private:
  std::vector<std::string> filters_;  // empty: everything
  std::vector<SubjectTransform> transforms_;
  uint64_t random_ = 1;
};

// By what a source is told from others of its stream, and its messages from theirs, in the header
// Nats-Stream-Source: "ORDERS orders.> >".
std::string source_key(const StreamSource& source);

inline constexpr std::string_view kStreamSource = "Nats-Stream-Source";
// "ORDERS 7 orders.> > orders.new": where a message comes from.
std::string source_header(const StreamSource& source, uint64_t seq, std::string_view subject);
// The sequence, if that header was written for a source with `key`. (Servers before 2.10 wrote name
// and sequence alone, which is taken for every source of that name.)
std::optional<uint64_t> source_seq(std::string_view header, std::string_view key);

}  // namespace pipit::js
