#include "jetstream/direct_read.h"

#include <algorithm>

#include "jetstream/message_lookup.h"
#include "jetstream/pattern_set.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

constexpr std::string_view kNotFound = "404 Message Not Found";
constexpr size_t kSubjectsMax = 1024;  // of one request, as nats-server has it
// Of one piece.
constexpr size_t kPieceBytes = 64 * 1024, kPieceMessages = 256;

DirectAnswer status(std::string_view text) { return {status_block(text), {}}; }

DirectAnswer failure(const Error& error) {
  if (error.code == Errc::invalid_argument) return status(kNotFound);
  return status("500 " + error.text);  // it is there, and cannot be read
}

uint64_t weight(const store::StoredMessage& message) {
  return message.subject.size() + message.headers.size() + message.payload.size();
}

class SingleRead final : public DirectRead {
 public:
  SingleRead(SetupRef stream, MessageGetRequest request)
      : stream_(std::move(stream)), request_(std::move(request)) {}

  bool read(std::vector<DirectAnswer>& answers) override {
    answers.push_back(direct_answer(*stream_, look_up(*stream_, request_), request_.no_headers));
    return false;
  }

 private:
  const SetupRef stream_;
  const MessageGetRequest request_;
};

// Answers of which each says how many follow, and an end.
class SeriesRead : public DirectRead {
 public:
  SeriesRead(SetupRef stream, MessageGetRequest request, int64_t max_bytes)
      : stream_(std::move(stream)),
        request_(std::move(request)),
        max_bytes_(request_.max_bytes != 0 ? request_.max_bytes : max_bytes) {}

  bool read(std::vector<DirectAnswer>& answers) final {
    if (!begun_ && !begin(answers)) return false;
    begun_ = true;
    size_t bytes = 0;
    while (bytes < kPieceBytes && answers.size() < kPieceMessages) {
      const auto more = full() ? Result<bool>(false) : next(answers);
      if (!more) {
        answers.push_back(failure(more.error()));
        return false;
      }
      if (!more.value()) {
        end(answers);
        return false;
      }
      bytes += answers.back().headers.size() + answers.back().payload.size();
    }
    return true;
  }

 protected:
  // False: the answer is there, and it is the only one.
  virtual bool begin(std::vector<DirectAnswer>& answers) = 0;
  // False: there is no other message.
  virtual Result<bool> next(std::vector<DirectAnswer>& answers) = 0;
  virtual void end(std::vector<DirectAnswer>& answers) = 0;

  // `place_` is what the message says of the series.
  void add(std::vector<DirectAnswer>& answers, store::StoredMessage& message, bool headers) {
    DirectAnswer answer;
    if (headers) append_direct_headers(answer.headers, stream_->name(), message, &place_);
    place_.last_seq = message.seq;
    sent_bytes_ += static_cast<int64_t>(weight(message));
    ++sent_;
    answer.payload = std::move(message.payload);
    answers.push_back(std::move(answer));
  }
  bool full() const {
    return sent_ > 0 &&
           (sent_bytes_ >= max_bytes_ || (request_.batch > 0 && sent_ >= request_.batch));
  }
  store::Store& store() const { return *stream_->store; }

  const SetupRef stream_;
  const MessageGetRequest request_;
  BatchPlace place_;
  int64_t sent_ = 0;

 private:
  const int64_t max_bytes_;
  int64_t sent_bytes_ = 0;
  bool begun_ = false;
};

// From one message on, all that the filter takes.
class BatchRead final : public SeriesRead {
 public:
  BatchRead(SetupRef stream, MessageGetRequest request, int64_t max_bytes)
      : SeriesRead(std::move(stream), std::move(request), max_bytes) {
    filter_ = filter_of(request_.next_by_subject);
  }

 private:
  bool begin(std::vector<DirectAnswer>& answers) override {
    const auto from = first_of(*stream_, request_);
    if (!from) {
      answers.push_back(failure(from.error()));
      return false;
    }
    seq_ = from.value();
    const auto counted = store().count(stream_->id, filter_, seq_);
    if (!counted) {
      answers.push_back(failure(counted.error()));
      return false;
    }
    place_.pending = counted.value().messages;
    counted_through_ = counted.value().through;
    return true;
  }

  Result<bool> next(std::vector<DirectAnswer>& answers) override {
    if (request_.batch < 0) return false;
    auto found = store().next(stream_->id, filter_, seq_);
    if (!found) {
      if (sent_ > 0 && found.error().code == Errc::invalid_argument) return false;
      return found.take_error();
    }
    seq_ = found.value().seq + 1;
    // Who wants no headers is told at the end what there was to begin with, as by nats-server.
    if (!request_.no_headers && place_.pending > 0) --place_.pending;
    add(answers, found.value(), !request_.no_headers);
    return true;
  }

  void end(std::vector<DirectAnswer>& answers) override {
    const auto state = store().state(stream_->id);
    if (state && state.value().last_seq > counted_through_)
      if (const auto counted = store().count(stream_->id, filter_, seq_); counted)
        place_.pending = counted.value().messages;
    answers.push_back({end_of_batch(place_), {}});
  }

  store::SubjectFilter filter_;
  uint64_t seq_ = 0, counted_through_ = 0;
};

// The last message of each subject that one of many patterns takes.
class MultiRead final : public SeriesRead {
 public:
  using SeriesRead::SeriesRead;

 private:
  bool begin(std::vector<DirectAnswer>& answers) override {
    const auto refuse = [&](DirectAnswer answer) {
      answers.push_back(std::move(answer));
      return false;
    };
    const auto state = store().state(stream_->id);
    if (!state) return refuse(failure(state.error()));
    up_to_ = request_.up_to_seq;
    if (request_.up_to_time) {
      const auto behind = store().first_since(stream_->id, request_.up_to_time->wrapped_unix_ns());
      if (!behind) return refuse(failure(behind.error()));
      if (behind.value() <= 1) return refuse(status(kNoResults));
      up_to_ = behind.value() - 1;
    } else if (up_to_ == 0) {
      up_to_ = state.value().last_seq;
    } else if (up_to_ > state.value().last_seq && stream_->config.storage != StorageKind::memory) {
      return refuse(status(kNoResults));  // as nats-server's store has it, but not in memory
    }
    auto found = find_all();
    if (!found && found.error().code == Errc::exhausted)
      return refuse(status("413 Too Many Results"));
    if (!found) return refuse(failure(found.error()));
    if (found.value().empty()) return refuse(status(kNoResults));
    sequences_ = std::move(found).value();
    const auto first = std::lower_bound(sequences_.begin(), sequences_.end(), request_.seq);
    at_ = static_cast<size_t>(first - sequences_.begin());
    place_.pending = sequences_.size() - at_;
    return true;
  }

  // Few subjects are asked for one by one; for patterns, every subject is looked at once.
  Result<std::vector<uint64_t>> find_all() const {
    std::vector<std::string> subjects = request_.multi_last;
    std::sort(subjects.begin(), subjects.end());
    subjects.erase(std::unique(subjects.begin(), subjects.end()), subjects.end());
    if (std::any_of(subjects.begin(), subjects.end(), proto::has_wildcard)) {
      PatternSet patterns;
      for (const std::string& subject : subjects) patterns.add(subject);
      store::SubjectFilter filter;
      filter.matches = [&patterns](std::string_view subject) { return patterns.takes(subject); };
      return store().last_each(stream_->id, filter, up_to_, kSubjectsMax);
    }
    std::vector<uint64_t> sequences;
    for (const std::string& subject : subjects) {
      if (subject.empty()) continue;
      auto found = store().last_each(stream_->id, filter_of(subject), up_to_, 1);
      if (!found) return found;
      sequences.insert(sequences.end(), found.value().begin(), found.value().end());
      if (sequences.size() > kSubjectsMax) return Error{Errc::exhausted, 0, "direct get", ""};
    }
    std::sort(sequences.begin(), sequences.end());
    return sequences;
  }

  Result<bool> next(std::vector<DirectAnswer>& answers) override {
    while (at_ < sequences_.size()) {
      auto found = store().read(stream_->id, sequences_[at_++]);
      --place_.pending;
      if (found) {
        add(answers, found.value(), true);
        return true;
      }
      // Deleted since it was found: its subject has no message up to there any more.
      if (found.error().code != Errc::invalid_argument) return found.take_error();
    }
    return false;
  }

  void end(std::vector<DirectAnswer>& answers) override {
    answers.push_back({end_of_batch(place_, up_to_), {}});
  }

  static constexpr std::string_view kNoResults = "404 No Results";
  uint64_t up_to_ = 0;
  std::vector<uint64_t> sequences_;
  size_t at_ = 0;
};

}  // namespace

std::unique_ptr<DirectRead> direct_read(SetupRef stream, MessageGetRequest request,
                                        int64_t max_bytes) {
  if (!request.multi_last.empty())
    return std::make_unique<MultiRead>(std::move(stream), std::move(request), max_bytes);
  if (request.batch != 0)
    return std::make_unique<BatchRead>(std::move(stream), std::move(request), max_bytes);
  return std::make_unique<SingleRead>(std::move(stream), std::move(request));
}

DirectAnswer direct_answer(const StreamSetup& stream, Result<store::StoredMessage> found,
                           bool no_headers) {
  if (!found) return failure(found.error());
  DirectAnswer answer;
  if (!no_headers) append_direct_headers(answer.headers, stream.name(), found.value(), nullptr);
  answer.payload = std::move(found.value().payload);
  return answer;
}

}  // namespace pipit::js
