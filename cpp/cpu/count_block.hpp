// Fully synthetic chains of 129 to 1024 samples a generation: several runs side by side, each in a
// generation of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "../core/chain_neutral.hpp"
#include "chain_observer.hpp"
#include "count_words.hpp"

namespace autophage::cpu {

// One thread's lanes.
template <bool every, class Sink>
class CountBlock {
 public:
  // support: the largest of any context.
  CountBlock(const ChainJob& job, const CountTools& tools, std::int64_t support, bool wants_first,
             Sink& sink)
      : job_(job),
        tools_(tools),
        sink_(sink),
        wants_first_(wants_first),
        memory_(tools.counts.lanes, support, wants_first),
        lane_(static_cast<std::size_t>(tools.counts.lanes)) {
    for (int k = 0; k < tools.counts.lanes; ++k) at(k).sample = memory_.sample(k);
  }

  // Runs `begin` .. `end` - 1 of a context.
  void runs(std::int64_t begin, std::int64_t end, std::int64_t context, const PreparedLaw& prepared,
            std::int64_t n) {
    streams_.emplace(job_.seed, context);
    token_ = prepared.token.data();
    law_ = prepared.truth();
    context_ = context;
    n_ = n;
    next_ = begin;
    end_ = end;
    active_ = 0;
    tools_.table.prepare(n);
    lanes_.stream = &streams_->counts;
    waiting_ = 0;
    for (int k = 0; k < tools_.counts.lanes; ++k) take(k);
    for (;;) {
      while (waiting_ != 0) settle(__builtin_ctz(waiting_));
      if (active_ == 0 || tools_.stop.raised()) break;
      std::uint32_t ended = tools_.counts.draw(lanes_, tokens_at_once);
      for (; ended != 0; ended &= ended - 1) close(__builtin_ctz(ended));
    }
    const simd::PairTask task{&streams_->pair, &tools_.table, job_.generations, &tools_.stop};
    pairs_.finish(tools_.neutral, task, n, job_.first_run, context, token_, sink_);
  }

 private:
  static constexpr int tokens_at_once = 64;

  struct Lane : CountRun {
    std::optional<Observer<every, Sink>> observer;
  };

  FirstCounts& counts_of_first(const Lane& lane) {
    return memory_.first[static_cast<std::size_t>(&lane - lane_.data())];
  }
  Lane& at(int k) { return lane_[static_cast<std::size_t>(k)]; }

  // The next run that has a generation for lane k; none: the lane is idle.
  void take(int k) {
    while (next_ < end_ && !tools_.stop.raised()) {
      start(at(k), next_++);
      lanes_.begin(k, at(k).run, at(k).sample);
      if (!open(k)) continue;
      ++active_;
      return;
    }
    lanes_.idle(k);
  }

  void start(Lane& lane, std::int64_t run) {
    lane.run = static_cast<std::uint64_t>(job_.first_run + run);
    lane.t = 1;
    lane.chain = {run, context_, token_};
    lane.pair.begin(lane.run);
    lane.observer.emplace(sink_, lane.chain, law_, job_.generations, wants_first_,
                          counts_of_first(lane), lane.first, tools_.stop);
    core::Builder builder(memory_.dense.data());
    builder.begin(lane.sample, true);
    if (core::Draws::by_alias(law_, n_)) {
      tools_.neutral.draw(streams_->truth, lane.run, law_.alias, n_, builder.room());
      builder.add_labels(n_);
    } else {
      const auto context = static_cast<std::uint64_t>(context_);
      core::Draws({job_.seed, lane.run, context, &tools_.stop}).from_truth(law_, n_, builder);
    }
    builder.release();
  }

  // Records the generation at hand and begins the next one in lane k. False: the run is finished,
  // or waits for others with two tokens left.
  bool open(int k) {
    Lane& lane = at(k);
    if (!report(lane)) return finish(lane);
    if (lane.sample.size == 2) return every ? walk_pair(lane) : park(lane);
    look_up(lane, k);
    return true;
  }

  // The generation in lane k is drawn, but for the last token.
  void close(int k) {
    core::Sample& sample = at(k).sample;
    sample.size = lanes_.kept[k];
    if (lanes_.rest[k] > 0.0) {
      sample.token[sample.size] = sample.token[lanes_.at[k]];
      sample.frozen[sample.size++] = static_cast<std::int64_t>(lanes_.rest[k]);
    }
    next(k);
  }

  void next(int k) {
    ++at(k).t;
    if (open(k)) return;
    --active_;
    take(k);
  }

  bool report(Lane& lane) {
    core::Sample& sample = lane.sample;
    const bool absorbed = sample.size == 1;
    if (!every && !absorbed) return lane.observer->passes(lane.t);
    core::square_up(sample);
    return lane.observer->generation(lane.t, sample, absorbed);
  }

  bool finish(Lane& lane) {
    sink_.finish(lane.chain, lane.observer->times);
    counts_of_first(lane).clear();
    return false;
  }

  // Finds the most frequent token's place in the table, and has its memory come.
  void look_up(Lane& lane, int k) {
    core::most_frequent_first(lane.sample);
    tools_.table.find(lane.sample.frozen[0], next_word(lane), lane.lookup);
    __builtin_prefetch(lane.lookup.entry);
    waiting_ |= 1U << k;
  }

  // The most frequent token of the next generation; it may be all of it.
  void settle(int k) {
    waiting_ &= ~(1U << k);
    core::Sample& sample = at(k).sample;
    const std::int64_t parents = sample.frozen[0], x = tools_.table.read(at(k).lookup);
    sample.frozen[0] = x;
    if (x < n_) {
      lanes_.open(k, n_ - x, n_ - parents, sample.frozen[1], x > 0, sample.size - 2);
    } else {
      sample.size = 1;
      next(k);
    }
  }

  std::uint64_t next_word(Lane& lane) { return lane.pair.next(tools_.counts, streams_->pair); }

  // Two tokens, recorded generation by generation.
  bool walk_pair(Lane& lane) {
    const std::int32_t first = lane.sample.token[0], second = lane.sample.token[1];
    std::int64_t count = lane.sample.frozen[0];
    do {
      count = tools_.table.next(count, next_word(lane));
      ++lane.t;
      lane.hold(first, second, count, n_);
    } while (report(lane));
    return finish(lane);
  }

  bool park(const Lane& lane) {
    const core::Sample& sample = lane.sample;
    pairs_.add({static_cast<std::int64_t>(lane.run), lane.t, sample.token[0], sample.token[1],
                sample.frozen[0], lane.pair.taken()});
    return false;
  }

  const ChainJob& job_;
  CountTools tools_;
  Sink& sink_;
  bool wants_first_;
  CountMemory memory_;
  std::vector<Lane> lane_;
  std::optional<CountStreams> streams_;
  const std::int32_t* token_ = nullptr;
  core::Truth law_{};
  std::int64_t context_ = 0, n_ = 0, next_ = 0, end_ = 0, active_ = 0;
  std::uint32_t waiting_ = 0;  // lanes with a place in the table that is not read yet
  PairQueue pairs_;
  simd::CountLanes lanes_;
};

}  // namespace autophage::cpu
