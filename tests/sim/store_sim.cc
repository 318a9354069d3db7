// store_sim: a FileStore on a disk that loses, tears and reorders what was not synced, fails calls
// and fills up; lives one after another, each ended by a power cut, a kill or a close at some call.
// It proves after every recovery: what was acknowledged is there with its bytes, unless somebody
// deleted it; what is there was sent; what was deleted durably stays deleted; no sequence is given
// out twice; and after a mere kill, also one in the middle of a write, nothing is lost and the next
// sequence is the next. While it runs, the store's answers are those of a model.
//
//   store_sim [first seed] [count] [no_sync|late_sync]    a failure prints the seed and the command
//                                                          that replays it; with a lie of the disk
//                                                          the run must find a violation
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "jetstream/store/file_store.h"
#include "tests/sim/sim_vfs.h"
#include "tests/sim/store_model.h"

namespace pipit::sim {
namespace {

using namespace js::store;

class Simulation final : public StoreListener {
 public:
  Simulation(uint64_t seed, SimVfs::Lie lie) : random_(seed), vfs_(seed ^ 0x5eed) {
    vfs_.lie = lie;
    options_.segment_bytes = (64u << 10) + below(4) * (32u << 10);
    options_.segment_records = static_cast<uint32_t>(20 + below(400));
    options_.cache_bytes = 32u << 10;
    options_.batch_bytes = 2000 + below(20'000);
    options_.sync_always = below(5) != 0;
    if (below(2) == 0) window_ns_ = int64_t{1} << 60;
    if (below(4) == 0) vfs_.capacity = (600u << 10) + below(1000) * 1024;
    vfs_.spares = below(2) == 0;
  }

  // Empty: all held. Else what did not.
  std::string run() {
    const uint64_t lives = 2 + below(5);
    for (uint64_t life = 0; life < lives && fault_.empty(); ++life) live();
    return fault_;
  }

  void written(Ticket through) override {
    if (through < written_) fail("written() went back");
    written_ = through;
  }
  void durable(Ticket through) override {
    if (through < durable_ || through > written_) fail("durable() went back or ahead of written()");
    durable_ = through;
  }
  void failed(Ticket from, Ticket, const Error& error) override {
    if (killed_inside()) return;  // nobody is there to be told
    model_.take_back(std::max(from, written_ + 1));
    model_.doubt(from);
    if (faults_ == 0 && vfs_.capacity == ~uint64_t{0})
      fail("a batch failed without a fault: " + error.text);
  }
  void lost(StreamId, SequenceRange) override { ++lost_events_; }

 private:
  uint64_t below(uint64_t n) { return random_() % n; }
  void fail(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
  }

  void live() {
    // Tickets begin anew with each life.
    was_written_ = std::exchange(written_, 0);
    was_durable_ = std::exchange(durable_, 0);
    last_ticket_ = 0;
    auto opened = FileStore::open(vfs_, clock_, *this, options_);
    if (!opened) return fail("open: " + opened.error().text);
    store_ = std::move(opened).value();
    check_recovered();
    if (!fault_.empty()) return;

    faults_ = 0;
    lost_events_ = 0;
    const uint64_t ops = 20 + below(200);
    const uint64_t end = below(3);  // 0 power cut, 1 kill, 2 close
    dies_inside_ = end == 1 && below(2) == 0;
    cut_at_ = vfs_.calls() + 1 + below(ops * 3);
    bool off = false;
    power_will_go_ = end == 0 || dies_inside_;
    if (power_will_go_) {
      vfs_.strike(cut_at_, dies_inside_ ? SimVfs::Fault::killed : SimVfs::Fault::off);
      faults_ = 1;
    }
    for (uint64_t i = 0; i < ops && fault_.empty() && !off; ++i) {
      if (!power_will_go_ && below(60) == 0) {
        static constexpr SimVfs::Fault kFaults[] = {SimVfs::Fault::io, SimVfs::Fault::full,
                                                    SimVfs::Fault::short_write,
                                                    SimVfs::Fault::lost_sync};
        const SimVfs::Fault fault = kFaults[below(4)];
        vfs_.strike(vfs_.calls() + 1 + below(10), fault);
        if (fault != SimVfs::Fault::short_write) ++faults_;
        if (fault == SimVfs::Fault::lost_sync || fault == SimVfs::Fault::full) ids_may_go_ = true;
      }
      clock_.monotonic += 10'000'000;
      clock_.wall += 10'000'000;
      act();
      check_counts();
      while (below(3) == 0 && store_->turn()) {
      }
      if (below(8) == 0) store_->tidy();
      if (below(40) == 0) store_->scrub();
      if (below(25) == 0 && !power_will_go_) {
        settle();
        check_now();
      }
      off = dies_inside_ ? vfs_.is_off() : end == 0 && vfs_.calls() >= cut_at_;
    }
    if (!fault_.empty()) return;
    if (end == 0) {
      store_.reset();
      vfs_.power_cut();
      ended_ = Ended::cut;
    } else if (end == 1 || !close()) {
      store_.reset();
      vfs_.kill();
      ended_ = faults_ == 0 || dies_inside_ ? Ended::killed : Ended::cut;
    }
  }

  bool close() {
    settle();
    if (fault_.empty()) check_now();
    const bool closed = store_->close().ok();
    if (!closed && faults_ == 0 && vfs_.capacity == ~uint64_t{0}) fail("close failed");
    if (!closed) return false;
    if (durable_ != written_) fail("closed with something not durable");
    store_.reset();
    ended_ = Ended::closed;
    vfs_.power_cut();
    return true;
  }

  void settle() {
    clock_.monotonic += 1'000'000'000;
    while (store_->turn()) clock_.monotonic += 1'000'000;
  }

  StreamId some_stream() {
    std::vector<StreamId> ids;
    for (const auto& [id, stream] : model_.streams)
      if (stream.dropped == 0) ids.push_back(id);
    return ids.empty() ? 0 : ids[below(ids.size())];
  }

  StreamSettings some_settings() {
    StreamSettings settings;
    if (below(4) == 0) settings.max_msgs = static_cast<int64_t>(1 + below(30));
    if (below(4) == 0) settings.max_bytes = static_cast<int64_t>(100 + below(20'000));
    if (below(3) == 0) settings.max_msgs_per_subject = static_cast<int64_t>(1 + below(3));
    settings.async = below(6) == 0;
    settings.compress = below(3) == 0;
    if (below(3) == 0) settings.max_age_ns = static_cast<int64_t>(1 + below(200)) * 10'000'000;
    settings.duplicate_window_ns = window_ns_;
    return settings;
  }

  // What the disk refuses is refused; anything else has to work.
  bool refused(const Error& error) {
    const bool disk = error.code == Errc::io || error.code == Errc::exhausted;
    if (faults_ == 0 && vfs_.capacity == ~uint64_t{0}) fail("refused: " + error.text);
    return disk;
  }

  void act() {
    const StreamId id = some_stream();
    const uint64_t what = below(100);
    if (id == 0 || what < 3) {
      StreamId made = 0;
      const StreamSettings settings = some_settings();
      const std::string name = "S" + std::to_string(++names_);
      const uint64_t first = below(3) == 0 ? 1 + below(1000) : 1;
      auto receipt = store_->create_stream(name, settings, first, made);
      if (!receipt) return (void)refused(receipt.error());
      ModelStream& stream = model_.streams[made];
      stream = {};
      stream.name = name;
      stream.settings = settings;
      stream.created = receipt.value().ticket;
      stream.last_seq = first - 1;
      return;
    }
    ModelStream& stream = model_.streams.at(id);
    if (what < 79) {
      const std::string subject = "s." + std::to_string(below(1 + below(40)));
      const std::string payload(below(20) == 0 ? below(9000) : below(200),
                                static_cast<char>('a' + below(26)));
      NewMessage message{subject, {}, payload};
      const std::string message_id = below(3) == 0 ? "id." + std::to_string(++ids_) : "";
      message.id = message_id;
      message.ts_ns = clock_.wall;
      if (below(6) == 0)
        message.expires_ns = below(4) == 0
                                 ? kNeverExpires
                                 : clock_.wall + static_cast<int64_t>(below(200) * 10'000'000);
      const uint64_t wanted = stream.last_seq + 1 + (below(8) == 0 ? below(50) : 0);
      auto receipt = wanted == stream.last_seq + 1
                         ? store_->append(id, message)
                         : store_->append_at(id, stream.last_seq, wanted, message);
      if (!receipt) return (void)refused(receipt.error());
      const uint64_t seq = receipt.value().seq;
      last_ticket_ = receipt.value().through;
      if (seq != wanted) fail("append gave " + std::to_string(seq));
      ModelMessage& added = model_.append(id, seq, subject, payload, receipt.value().ticket);
      added.id = message_id;
      added.ts_ns = message.ts_ns;
      added.expires_ns = message.expires_ns;
      model_.trim(id, receipt.value().ticket, receipt.value().through);
    } else if (what < 84) {
      append_group(id, stream);
    } else if (what < 90) {
      if (stream.messages.empty()) return;
      const uint64_t first = stream.messages.begin()->first + below(stream.last_seq + 1);
      const SequenceRange range{first, first + below(4)};
      const bool erase = below(3) == 0;
      auto receipt = store_->remove(id, range, erase);
      const bool any =
          std::any_of(stream.messages.begin(), stream.messages.end(), [&](auto& entry) {
            return entry.second.removed == 0 && entry.first >= range.first &&
                   entry.first <= range.last;
          });
      if (!receipt && !any && receipt.error().code == Errc::invalid_argument) return;
      if (!receipt) return (void)refused(receipt.error());
      if (model_.remove(id, range.first, range.last, receipt.value().ticket) != receipt.value().seq)
        fail("remove took another number of messages");
      for (auto& [seq, message] : stream.messages)
        if (erase && message.removed == receipt.value().ticket) message.id.clear();  // gone, too
    } else if (what < 93) {
      const std::string subject = "s." + std::to_string(below(5));
      const uint64_t keep = below(3);
      auto receipt = below(2) == 0 ? store_->purge(id, {subject, {}}, 0, keep)
                                   : store_->purge(id, {}, 1 + below(stream.last_seq + 1), 0);
      if (!receipt) {  // it may have removed some
        if (refused(receipt.error())) resync_removed(id, last_ticket_ + 1, ~uint64_t{0});
        return;
      }
      last_ticket_ = receipt.value().ticket;
      // The model asks the store which went: checked by the count and by check_now().
      resync_removed(id, receipt.value().ticket, receipt.value().seq);
    } else if (what < 95) {
      auto receipt = store_->skip(id, stream.last_seq + 1 + below(50));
      if (!receipt) return (void)refused(receipt.error());
      stream.last_seqs.emplace_back(receipt.value().ticket, stream.last_seq);
      stream.last_seq = receipt.value().seq;
    } else if (what < 97) {
      // Its parts may meet different fates, which the model does not follow.
      if (faults_ != 0 && !power_will_go_) return;
      const StreamSettings settings = some_settings();
      auto receipt = store_->update_stream(id, settings);
      if (!receipt) return (void)refused(receipt.error());
      stream.settings_before.emplace_back(receipt.value().ticket, stream.settings);
      stream.settings = settings;
      model_.trim(id, receipt.value().through, receipt.value().through);
    } else if (what < 98) {
      auto receipt = store_->delete_stream(id);
      if (!receipt) return (void)refused(receipt.error());
      stream.dropped = receipt.value().ticket;
    } else {
      settle();
    }
  }

  void append_group(StreamId id, ModelStream& stream) {
    const uint64_t size = 2 + below(6);
    std::vector<std::string> payloads, ids;
    std::vector<NewMessage> group;
    for (uint64_t i = 0; i < size; ++i) {
      payloads.emplace_back(below(10) == 0 ? below(3000) : below(100), static_cast<char>('a' + i));
      ids.push_back("id." + std::to_string(++ids_));
    }
    static constexpr const char* kSubjects[] = {"s.0", "s.1", "s.2", "g.0", "g.1"};
    for (uint64_t i = 0; i < size; ++i)
      group.push_back({kSubjects[below(5)], {}, payloads[i], clock_.wall, 0, ids[i]});
    auto receipt = store_->append_all(id, group);
    if (!receipt) return (void)refused(receipt.error());
    const uint64_t first = stream.last_seq + 1, last = stream.last_seq + size;
    last_ticket_ = receipt.value().through;
    if (receipt.value().seq != last) fail("a group ended at another sequence");
    // One ticket a message; what is over the bytes goes when all are there.
    for (uint64_t i = 0; i < size; ++i) {
      const Ticket ticket = receipt.value().ticket - (size - 1 - i);
      ModelMessage& added =
          model_.append(id, first + i, std::string(group[i].subject), payloads[i], ticket);
      added.id = ids[i];
      added.ts_ns = group[i].ts_ns;
      added.group_first = first;
      added.group_last = last;
      model_.trim(id, ticket, receipt.value().through, i + 1 == size);
    }
  }

  void resync_removed(StreamId id, Ticket ticket, uint64_t expected) {
    uint64_t removed = 0;
    auto gaps = store_->deleted(id, ~size_t{0});
    if (!gaps) gaps = store_->deleted(id, ~size_t{0});  // a fault strikes once
    auto state = store_->state(id);
    if (!state) state = store_->state(id);
    if (is_gone()) return;  // it is gone
    if (!gaps || !state)
      return fail("after a fault: " + (gaps ? state.error().text : gaps.error().text));
    for (auto& [number, message] : model_.streams.at(id).messages) {
      const uint64_t seq = number;  // clang's lambdas cannot take a structured binding
      if (message.removed != 0) continue;
      const bool gone = seq < state.value().first_seq ||
                        std::any_of(gaps.value().begin(), gaps.value().end(),
                                    [&](auto gap) { return gap.first <= seq && seq <= gap.last; });
      if (!gone) continue;
      message.removed = ticket;
      ++removed;
    }
    if (removed != expected && expected != ~uint64_t{0})
      fail("purge says " + std::to_string(expected) + ", took " + std::to_string(removed) + " of " +
           std::to_string(model_.streams.at(id).live()) + " first " +
           std::to_string(state.value().first_seq) + " last " +
           std::to_string(state.value().last_seq) + " left " +
           std::to_string(state.value().messages) + " gaps " + std::to_string(gaps.value().size()));
  }

  // What is under way counts in state().
  void check_counts() {
    if (is_gone()) return;
    for (const auto& [id, stream] : model_.streams) {
      if (stream.dropped != 0) continue;
      auto state = store_->state(id);
      if (state && state.value().messages != stream.live())
        return fail("stream " + std::to_string(id) + " has " +
                    std::to_string(state.value().messages) + " messages, not " +
                    std::to_string(stream.live()));
    }
  }

  // Nothing is under way: the store's answers are the model's.
  void check_now() {
    for (const auto& [id, stream] : model_.streams) {
      if (stream.dropped != 0) continue;
      auto state = store_->state(id);
      if (!state) {
        if (faults_ == 0) fail("state: " + state.error().text);
        continue;
      }
      if (state.value().messages != stream.live() || state.value().last_seq != stream.last_seq)
        return fail("state of stream " + std::to_string(id) + ": " +
                    std::to_string(state.value().messages) + " messages, last " +
                    std::to_string(state.value().last_seq) + ", not " +
                    std::to_string(stream.live()) + ", " + std::to_string(stream.last_seq));
      if (state.value().bytes != stream.bytes()) return fail("bytes differ");
      uint64_t at = 0;
      for (const auto& [seq, message] : stream.messages) {
        if (message.removed != 0) {
          if (auto gone = store_->read(id, seq); gone) return fail("read a deleted message");
          continue;
        }
        auto next = store_->next(id, {}, at);
        if (!next) {
          if (faults_ == 0) return fail("next: " + next.error().text);
          break;
        }
        if (next.value().seq != seq || next.value().payload != message.payload ||
            next.value().subject != message.subject)
          return fail("stream " + std::to_string(id) + ": next from " + std::to_string(at) +
                      " gave " + std::to_string(next.value().seq) + ", not " + std::to_string(seq) +
                      (message.doubtful ? " (doubtful)" : ""));
        at = seq + 1;
      }
      const std::string subject = "s." + std::to_string(below(5));
      const ModelMessage* const newest = stream.last_of(subject);
      auto last = store_->last(id, subject);
      if (last.ok() != (newest != nullptr)) {
        if (faults_ == 0) return fail("last of " + subject + " differs");
      } else if (newest && last.value().seq != newest->seq) {
        return fail("last of " + subject + " is another");
      }
      check_ids_and_times(id, stream);
      uint64_t counted = 0, subjects = 0;
      auto listed = store_->subjects(id, {}, [&](std::string_view, uint64_t n) {
        counted += n;
        ++subjects;
      });
      auto subject_count = store_->subject_count(id);
      if (listed && subject_count && subject_count.value() != subjects)
        return fail("subject_count() is not what subjects() lists");
      if (listed && counted != stream.live())
        return fail("subjects count " + std::to_string(counted) + ", not " +
                    std::to_string(stream.live()));
    }
  }

  bool is_lost(StreamId id, uint64_t seq) {
    auto lost = store_->lost(id);
    return lost && std::any_of(lost.value().begin(), lost.value().end(), [&](SequenceRange range) {
             return range.first <= seq && seq <= range.last;
           });
  }

  void check_ids_and_times(StreamId id, const ModelStream& stream) {
    const int64_t now = clock_.wall;
    std::vector<uint64_t> due;
    int64_t next_due = kNeverExpires;
    for (const auto& [seq, message] : stream.messages) {
      const bool kept =
          stream.settings.duplicate_window_ns > 0 && !stream.without_window && keeps_ids();
      if (!message.id.empty() && (message.removed == 0 || kept)) {
        auto found = store_->find_id(id, message.id, 0);
        if (found && found.value() != seq && !is_lost(id, seq))
          return fail("find_id gave " + std::to_string(found.value()) + ", not " +
                      std::to_string(seq));
      }
      if (message.removed != 0) continue;
      const int64_t when = message.due_ns(stream.settings);
      next_due = std::min(next_due, when);
      if (when <= now) due.push_back(seq);
    }
    auto found = store_->due(id, now, 1000);
    auto next = store_->next_due(id);
    if (!found || !next) {
      if (faults_ == 0) fail("due() failed");
      return;
    }
    if (next.value() != (next_due == kNeverExpires ? 0 : next_due)) return fail("next_due differs");
    std::vector<uint64_t> seqs;
    for (const Due& one : found.value()) seqs.push_back(one.seq);
    if (seqs != due)
      fail("due() gave " + std::to_string(seqs.size()) + " messages, not " +
           std::to_string(due.size()));
  }

  // A full disk and a sync that was lost may cost the ids of what was deleted.
  bool keeps_ids() const { return vfs_.capacity == ~uint64_t{0} && !ids_may_go_; }

  // All of a group is there or none, but for what was deleted.
  void check_group(const ModelMessage& member, const ModelStream& known,
                   const ModelStream& recovered) {
    if (member.group_last == 0 || member.doubtful) return;
    for (uint64_t seq = member.group_first; seq <= member.group_last; ++seq) {
      const auto other = known.messages.find(seq);
      if (other == known.messages.end() || other->second.group_first != member.group_first)
        return;  // failed, and the sequences were given out again
      if (other->second.removed != 0 || other->second.maybe_removed || other->second.doubtful)
        continue;
      if (!recovered.messages.contains(seq))
        return fail("of a group " + std::to_string(member.seq) + " is there and " +
                    std::to_string(seq) + " is not");
    }
  }

  void check_recovered() {
    const bool whole = ended_ == Ended::killed || ended_ == Ended::closed;
    // After a kill everything written is there; what was not written is not.
    const Ticket sure = whole ? was_written_ : was_durable_;
    StoreModel recovered;
    // What stands behind the cut may be of the file's earlier life and tell nothing. It never may
    // be if there is no such life.
    const bool taken_for_damage =
        ended_ == Ended::killed && dies_inside_ && store_->recovery().damaged_tail;
    const bool told_apart =
        ended_ == Ended::killed && !vfs_.spares && vfs_.capacity == ~uint64_t{0};
    if (told_apart && taken_for_damage) return fail("a kill is taken for damage");
    for (const auto& [id, name] : store_->streams()) {
      const auto made = model_.streams.find(id), tried = model_.failed.find(id);
      if (made == model_.streams.end() && tried == model_.failed.end())
        return fail("a stream that nobody made");
      const ModelStream& known = made != model_.streams.end() ? made->second : tried->second;
      if (known.dropped != 0 && known.dropped <= sure) return fail("a dropped stream is back");
      ModelStream& stream = recovered.streams[id];
      stream.name = known.name;
      auto settings = store_->settings(id);
      if (settings) stream.settings = settings.value();
      stream.without_window = known.without_window || stream.settings.duplicate_window_ns == 0;
      auto state = store_->state(id);
      if (!state) return fail("state: " + state.error().text);
      stream.last_seq = state.value().last_seq;
      if (whole && !taken_for_damage && stream.last_seq != known.last_seq && known.dropped == 0 &&
          written_all(known))
        return fail("after a kill the sequence jumped");
      if (told_apart && known.dropped == 0 && stream.last_seq > known.last_seq)
        return fail("after a kill the sequence is one that was never given out");
      const uint64_t lost_before = lost_events_;
      for (uint64_t seq = 0;;) {
        auto next = store_->next(id, {}, seq);
        if (!next) {
          // Damage is told once; whether it may be is asked of each message below.
          if (next.error().code == Errc::io && next.error().sys_errno == 0 &&
              ++lost_events_ < 10'000)
            continue;
          if (next.error().code != Errc::invalid_argument)
            return fail("next: " + next.error().text);
          break;
        }
        seq = next.value().seq;
        const auto sent = known.messages.find(seq);
        const auto same = [&](const ModelMessage& message) {
          return message.seq == seq && message.payload == next.value().payload &&
                 message.subject == next.value().subject;
        };
        const bool failed_once = std::any_of(known.failed.begin(), known.failed.end(), same);
        if (sent == known.messages.end() || !same(sent->second)) {
          if (!failed_once) return fail("a message that nobody sent: " + std::to_string(seq));
          if (sent != known.messages.end() && sent->second.added <= sure)
            return fail("a message that failed stands for one that was acknowledged");
        } else if (sent->second.removed != 0 && sent->second.removed <= sure && !failed_once &&
                   !sent->second.doubtful) {
          return fail("a deleted message is back: " + std::to_string(seq));
        }
        ModelMessage& kept = stream.messages[seq];
        kept = {seq, next.value().subject, next.value().payload, 0, 0};
        const ModelMessage* of =
            sent != known.messages.end() && same(sent->second) ? &sent->second : nullptr;
        for (const ModelMessage& message : known.failed)
          if (!of && same(message)) of = &message;
        kept.id = of->id;
        kept.ts_ns = next.value().ts_ns;
        kept.expires_ns = of->expires_ns;
        if (kept.ts_ns != of->ts_ns) return fail("the time of a message is another");
        // What a failed sync left in the kernel's cache looks good until the power goes.
        kept.doubtful = failed_once || (sent != known.messages.end() && sent->second.doubtful);
        ++seq;
      }
      // An update that was not durable is gone, and the limits before it hold for what came since;
      // what a failed sync lost has pushed out others before it was found to be lost.
      const bool other_limits =
          stream.settings.max_msgs_per_subject != known.settings.max_msgs_per_subject ||
          stream.settings.max_msgs != known.settings.max_msgs ||
          stream.settings.max_bytes != known.settings.max_bytes || lost_events_ != lost_before;
      for (const auto& [seq, message] : known.messages) {
        if (message.added > sure || message.removed != 0 || message.maybe_removed ||
            message.doubtful)
          continue;
        if (known.dropped == 0 && !other_limits && !stream.messages.contains(seq))
          return fail("acknowledged message " + std::to_string(seq) + " of stream " +
                      std::to_string(id) + " is gone");
        if (stream.last_seq < seq) return fail("a sequence would be given out twice");
      }
      for (const auto& [seq, message] : known.messages) {
        if (message.added <= sure && !message.doubtful && stream.last_seq < seq)
          return fail("a sequence would be given out twice");
        if (stream.messages.contains(seq) && !stream.messages.at(seq).doubtful && !other_limits)
          check_group(message, known, stream);
        if (message.id.empty() || message.added > sure || message.doubtful || !keeps_ids() ||
            stream.without_window)
          continue;
        if (is_lost(id, seq)) continue;
        auto found = store_->find_id(id, message.id, 0);
        if (!found || found.value() != seq)
          return fail("the id of " + std::to_string(seq) + " is forgotten");
      }
    }
    for (const auto& [id, stream] : model_.streams)
      if (stream.created <= sure && stream.dropped == 0 && !stream.maybe_dropped &&
          !recovered.streams.contains(id))
        return fail("an acknowledged stream is gone");
    model_ = std::move(recovered);
  }

  bool is_gone() const {
    return power_will_go_ && (dies_inside_ ? vfs_.is_off() : vfs_.calls() >= cut_at_);
  }
  bool killed_inside() const { return dies_inside_ && vfs_.is_off(); }

  bool written_all(const ModelStream& stream) const {
    return stream.last_seqs.empty() || stream.last_seqs.back().first <= was_written_;
  }

  enum class Ended : uint8_t { cut, killed, closed };

  std::mt19937_64 random_;
  SimVfs vfs_;
  SimClock clock_;
  FileStoreOptions options_;
  std::unique_ptr<FileStore> store_;
  StoreModel model_;
  std::string fault_;
  Ticket written_ = 0, durable_ = 0, was_written_ = 0, was_durable_ = 0;
  Ended ended_ = Ended::closed;
  int64_t window_ns_ = 0;
  Ticket last_ticket_ = 0;  // or an earlier one of this life
  uint64_t cut_at_ = 0;
  bool dies_inside_ = false;  // a kill in the middle of a write
  bool power_will_go_ = false, ids_may_go_ = false;
  uint64_t faults_ = 0, lost_events_ = 0, names_ = 0, ids_ = 0;
};

}  // namespace
}  // namespace pipit::sim

int main(int argc, char** argv) {
  using pipit::sim::SimVfs;
  const uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200;
  const char* const mutant = argc > 3 ? argv[3] : "";
  const SimVfs::Lie lie = std::strcmp(mutant, "no_sync") == 0     ? SimVfs::Lie::no_sync
                          : std::strcmp(mutant, "late_sync") == 0 ? SimVfs::Lie::late_sync
                                                                  : SimVfs::Lie::none;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    pipit::sim::Simulation simulation(seed, lie);
    const std::string fault = simulation.run();
    if (fault.empty()) continue;
    std::printf("seed %llu: %s\nreplay: %s %llu 1 %s\n", static_cast<unsigned long long>(seed),
                fault.c_str(), argv[0], static_cast<unsigned long long>(seed), mutant);
    return lie == SimVfs::Lie::none ? 1 : 0;
  }
  std::printf("%llu seeds\n", static_cast<unsigned long long>(count));
  return lie == SimVfs::Lie::none ? 0 : 1;  // a lie that nobody notices
}
