#include "jetstream/origin.h"

#include <algorithm>
#include <charconv>

#include "protocol/subject.h"

namespace pipit::js {
namespace {

constexpr char kListSeparator = '\f';

std::string_view or_all(std::string_view subject) { return subject.empty() ? ">" : subject; }

// "FILTERS DESTINATIONS"
std::string subjects_of(const StreamSource& source) {
  if (source.subject_transforms.empty()) return std::string(or_all(source.filter_subject)) + " >";
  std::string filters, destinations;
  for (const SubjectTransformConfig& transform : source.subject_transforms) {
    if (!filters.empty()) filters += kListSeparator, destinations += kListSeparator;
    filters += or_all(transform.source);
    destinations += or_all(transform.destination);
  }
  return filters + ' ' + destinations;
}

std::string_view next_field(std::string_view& rest) {
  const size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

}  // namespace

Origin::Origin(const StreamSource& source) {
  bool all = source.subject_transforms.empty() && source.filter_subject.empty();
  if (!source.filter_subject.empty()) filters_.push_back(source.filter_subject);
  for (const SubjectTransformConfig& transform : source.subject_transforms) {
    if (transform.source.empty()) all = true;
    filters_.push_back(transform.source);
    if (transform.destination.empty()) continue;
    std::string fault;
    if (auto made = SubjectTransform::make(transform.source, transform.destination, fault))
      transforms_.push_back(std::move(*made));
  }
  if (all) filters_.clear();
}

store::SubjectFilter Origin::filter() const {
  store::SubjectFilter filter;
  if (filters_.size() == 1 && !proto::has_wildcard(filters_.front()))
    filter.literal = filters_.front();
  else if (!filters_.empty() && std::ranges::find(filters_, ">") == filters_.end())
    filter.matches = [this](std::string_view subject) { return takes(subject); };
  return filter;
}

bool Origin::takes(std::string_view subject) const {
  return filters_.empty() || std::ranges::any_of(filters_, [subject](const auto& each) {
           return proto::matches(each, subject);
         });
}

void Origin::rename(std::string& subject) {
  std::string renamed;
  for (const SubjectTransform& transform : transforms_) {
    if (!transform.apply(subject, renamed, random_)) continue;
    subject = std::move(renamed);
    return;
  }
}

std::string source_key(const StreamSource& source) {
  return source.name + ' ' + subjects_of(source);
}

std::string source_header(const StreamSource& source, uint64_t seq, std::string_view subject) {
  std::string header = source.name + ' ' + std::to_string(seq) + ' ' + subjects_of(source) + ' ';
  header.append(subject);
  return header;
}

std::optional<uint64_t> source_seq(std::string_view header, std::string_view key) {
  const std::string_view name = next_field(header), number = next_field(header);
  uint64_t seq = 0;
  const auto [end, status] = std::from_chars(number.data(), number.data() + number.size(), seq);
  if (number.empty() || status != std::errc() || end != number.data() + number.size()) return {};
  if (next_field(key) != name) return {};
  if (header.empty()) return seq;
  const std::string_view filters = next_field(header), destinations = next_field(header);
  if (next_field(key) != filters || next_field(key) != destinations) return {};
  return seq;
}

}  // namespace pipit::js
