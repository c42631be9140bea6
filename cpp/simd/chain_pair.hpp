// Runs with two tokens left, sixteen side by side, each at its own place in its own stream.
#pragma once

#include "chain_stream.hpp"

namespace autophage::simd {

template <class Set>
class PairLanes {
  using Longs = LongWords<Set>;
  using Long = typename Longs::Part;

 public:
  // All runs of a task, the next one where a lane falls idle.
  static void pairs(const PairTask& task, PairRun* runs, i64 count) {
    PairLanes(task, runs, count).finish();
  }

 private:
  PairLanes(const PairTask& task, PairRun* runs, i64 count)
      : task_(task), table_(task.table->view()), runs_(runs), left_(runs + count) {
    task.table->visit(1);  // where idle lanes look
    for (int k = 0; k < lane_count; ++k) {
      own_[k] = nullptr;
      count_[k] = 1;
      living_[k] = t_[k] = block_[k] = run_[k] = 0;
    }
  }

  void finish() {
    int active = 0;
    for (i64 rounds = 0;; ++rounds) {
      for (int k = 0; k < lane_count; ++k) {
        if (own_[k] != nullptr && living_[k] == 0) {
          own_[k]->t = static_cast<i64>(t_[k]);
          own_[k]->count = static_cast<i64>(count_[k]);
          own_[k] = nullptr;
          --active;
        }
        while (own_[k] == nullptr && runs_ < left_) active += take(*runs_++, k);
      }
      if (active == 0 || ((rounds & 255) == 255 && task_.stop->raised())) return;
      until_one_ends();
    }
  }

  bool ended(const PairRun& run) const {
    return run.count == 0 || run.count == table_.n || run.t == task_.horizon;
  }

  // A run goes to lane k at the beginning of a block: a word before that is used at once.
  int take(PairRun& run, int k) {
    if (!ended(run) && run.word % 2 == 1) {
      const StreamFamily& stream = *task_.stream;
      u32 words[4];
      core::philox4x32<1>(static_cast<u32>(run.word / 2), static_cast<u32>(run.word >> 33),
                          static_cast<u32>(run.run), stream.name | static_cast<u32>(run.run >> 32),
                          {static_cast<u32>(stream.low[0]), static_cast<u32>(stream.high[0])},
                          words);
      run.count = task_.table->next(run.count, words[2] | u64{words[3]} << 32);
      ++run.t;
      ++run.word;
    }
    if (ended(run)) return 0;
    own_[k] = &run;
    living_[k] = ~u64{0};
    t_[k] = static_cast<u64>(run.t);
    count_[k] = static_cast<u64>(run.count);
    block_[k] = run.word / 2;
    run_[k] = static_cast<u64>(run.run);
    return 1;
  }

  void until_one_ends() {
    Longs living = Longs::load(living_), t = Longs::load(t_), count = Longs::load(count_);
    Longs block = Longs::load(block_);
    const Longs run = Longs::load(run_);
    for (bool all = true; all;) {
      Longs x[4] = {block, block >> 32, run, (run >> 32) | Longs(u64{task_.stream->name})};
      philox_rounds<Set>(*task_.stream, x);
      block = block + Longs(1);
      for (int p = 0; p < Longs::parts; ++p) {
        const Long low = (x[0].of[p] & 0xffffffffU) | x[1].of[p] << 32;
        const Long high = (x[2].of[p] & 0xffffffffU) | x[3].of[p] << 32;
        const Long before = living.of[p];
        generation(low, living.of[p], t.of[p], count.of[p]);
        generation(high, living.of[p], t.of[p], count.of[p]);
        all &= !Set::any(before ^ living.of[p]);
      }
    }
    living.store(living_);
    t.store(t_);
    count.store(count_);
    block.store(block_);
  }

  [[gnu::always_inline]] void generation(Long word, Long& living, Long& t, Long& count) {
    const Long n = Long{} + static_cast<u64>(table_.n);
    const Long rest = n - count;
    const Long rare = (Long)(count > rest) & living ? rest : living ? count : Long{} + 1;
    Long row = rows_of(rare);
    const Scaled<Long> drawn = scale<Set>(word, row >> 32);
    const Long entry = Set::gather(
        table_.entry, Set::multiply(rare, Long{} + static_cast<u64>(table_.stride)) + drawn.column);
    const Long kept = drawn.fraction < (entry & ~u64{1023}) ? drawn.column : entry & u64{1023};
    const Long x = (row & 0xffffffffU) + kept;
    const Long next = (Long)(count > rest) ? n - x : x;
    count = living ? next : count;
    t -= living;  // all bits of a lane that lives: minus one
    const Long horizon = Long{} + static_cast<u64>(task_.horizon);
    living &= ~((Long)(count == Long{}) | (Long)(count == n) | (Long)(t == horizon));
  }

  // low | width << 32 of the row of each lane.
  [[gnu::always_inline]] Long rows_of(Long rare) {
    Long row = Set::gather(reinterpret_cast<const u64*>(table_.row), rare);
    if (Set::any((Long)((row >> 32) == Long{}))) {
      for (int k = 0; k < Longs::in_part; ++k) task_.table->visit(static_cast<i64>(rare[k]));
      row = Set::gather(reinterpret_cast<const u64*>(table_.row), rare);
    }
    return row;
  }

  const PairTask& task_;
  core::PairTable::View table_;
  PairRun *runs_, *left_;
  PairRun* own_[lane_count];
  alignas(64) u64 living_[lane_count];
  alignas(64) u64 t_[lane_count];
  alignas(64) u64 count_[lane_count];
  alignas(64) u64 block_[lane_count];
  alignas(64) u64 run_[lane_count];
};

}  // namespace autophage::simd
