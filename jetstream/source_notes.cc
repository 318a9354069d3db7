#include "jetstream/source_notes.h"

#include <charconv>

namespace pipit::js {
namespace {

constexpr size_t kKeyMax = 60'000;  // a subject of the store

std::string subject_of(store::StreamId stream, std::string_view key) {
  return std::to_string(stream) + ' ' + std::string(key);
}

// Takes a number and the blank behind it off `text`.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  return number;
}

}  // namespace

store::StreamId SourceNotes::open(bool make) {
  const std::lock_guard lock(mutex_);
  if (id_ != 0) return id_;
  for (const auto& [id, name] : store_.streams())
    if (name == kStoreName) id_ = id;
  if (id_ == 0 && make) {
    store::StreamSettings settings;
    settings.max_msgs_per_subject = 1;
    if (!store_.create_stream(kStoreName, settings, 1, id_)) id_ = 0;
  }
  return id_;
}

std::optional<SourceNotes::Note> SourceNotes::find(store::StreamId stream, std::string_view key) {
  const store::StreamId notes = key.size() > kKeyMax ? 0 : open(false);
  if (notes == 0) return std::nullopt;
  const auto message = store_.last(notes, subject_of(stream, key));
  if (!message) return std::nullopt;
  std::string_view text = message.value().payload;
  const auto stream_seq = take_number(text), next = take_number(text);
  if (!stream_seq || !next) return std::nullopt;
  return Note{*stream_seq, *next};
}

void SourceNotes::write(store::StreamId stream, std::string_view key, const Note& note) {
  const store::StreamId notes = key.size() > kKeyMax ? 0 : open(true);
  if (notes == 0) return;
  const std::string subject = subject_of(stream, key);
  const std::string text = std::to_string(note.stream_seq) + ' ' + std::to_string(note.next);
  store::NewMessage message;
  message.subject = subject;
  message.payload = text;
  (void)store_.append(notes, message);  // without it more has to be looked at
}

void SourceNotes::forget(store::StreamId stream) {
  const store::StreamId notes = open(false);
  if (notes == 0) return;
  store::SubjectFilter filter;
  filter.matches = [begin = subject_of(stream, {})](std::string_view subject) {
    return subject.starts_with(begin);
  };
  (void)store_.purge(notes, filter, 0, 0);
}

}  // namespace pipit::js
