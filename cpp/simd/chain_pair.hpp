// Runs with two tokens left, 32 side by side, each at its own place in its own stream: a generation
// waits for two gathers in turn, which two sets of sixteen lanes do at the same time.
#pragma once

#include "chain_stream.hpp"
#include "repeat.hpp"

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
  static constexpr int groups = 2, parts = Longs::parts;
  static constexpr int lanes = groups * lane_count;

  PairLanes(const PairTask& task, PairRun* runs, i64 count)
      : task_(task), table_(task.table->view()), next_(runs), last_(runs + count) {
    task.table->visit(0);  // where lanes look that are idle or absorbed: 0 stays 0
    for (int k = 0; k < lanes; ++k) living_[k] = t_[k] = count_[k] = block_[k] = run_[k] = 0;
  }

  void finish() {
    int active = 0;
    for (int k = 0; k < lanes; ++k) active += take(k);
    for (i64 rounds = 1; active > 0; ++rounds) {
      if ((rounds & 255) == 0 && task_.stop->raised()) return;
      for (u32 ended = until_some_end(); ended != 0; ended &= ended - 1) {
        const int k = __builtin_ctz(ended);
        own_[k]->t = static_cast<i64>(t_[k]);
        own_[k]->count = static_cast<i64>(count_[k]);
        active += take(k) - 1;
      }
    }
  }

  bool ended(const PairRun& run) const {
    return run.count == 0 || run.count == table_.n || run.t == task_.horizon;
  }

  // The next run that has not ended goes to lane k; 0 if there is none.
  int take(int k) {
    for (; next_ < last_; ++next_) {
      PairRun& run = *next_;
      if (!ended(run) && run.word % 2 == 1) first_word(run);
      if (ended(run)) continue;
      own_[k] = next_++;
      living_[k] = ~u64{0};
      t_[k] = static_cast<u64>(run.t);
      count_[k] = static_cast<u64>(run.count);
      block_[k] = run.word / 2;
      run_[k] = static_cast<u64>(run.run);
      return 1;
    }
    return 0;
  }

  // Lanes begin with a block: a word before that is used at once.
  void first_word(PairRun& run) const {
    const StreamFamily& stream = *task_.stream;
    u32 words[4];
    core::philox4x32<1>(static_cast<u32>(run.word / 2), static_cast<u32>(run.word >> 33),
                        static_cast<u32>(run.run), stream.name | static_cast<u32>(run.run >> 32),
                        {static_cast<u32>(stream.low[0]), static_cast<u32>(stream.high[0])}, words);
    run.count = task_.table->next(run.count, words[2] | u64{words[3]} << 32);
    ++run.t;
    ++run.word;
  }

  // Two generations at a time; returns which lanes have ended.
  u32 until_some_end() {
    Longs living[groups], t[groups], count[groups], block[groups], run[groups];
    for (int g = 0; g < groups; ++g) {
      living[g] = Longs::load(living_ + g * lane_count);
      t[g] = Longs::load(t_ + g * lane_count);
      count[g] = Longs::load(count_ + g * lane_count);
      block[g] = Longs::load(block_ + g * lane_count);
      run[g] = Longs::load(run_ + g * lane_count);
    }
    u32 ended = 0;
    while (ended == 0) {
      Longs x[groups][4], before[groups];
      for (int g = 0; g < groups; ++g) {
        before[g] = living[g];
        x[g][0] = block[g];
        x[g][1] = block[g] >> 32;
        x[g][2] = run[g];
        x[g][3] = (run[g] >> 32) | Longs(u64{task_.stream->name});
        philox_rounds<Set>(*task_.stream, x[g]);
        block[g] = block[g] + Longs(1);
      }
      // All lanes do the first generation before any does the second: what waits for itself stands
      // far apart.
      const auto first = [&](int i) __attribute__((always_inline)) {
        const int g = i / parts, p = i % parts;
        generation(x[g][0].of[p], x[g][1].of[p], living[g].of[p], t[g].of[p], count[g].of[p]);
      };
      const auto second = [&](int i) __attribute__((always_inline)) {
        const int g = i / parts, p = i % parts;
        generation(x[g][2].of[p], x[g][3].of[p], living[g].of[p], t[g].of[p], count[g].of[p]);
        ended |= Set::signs(before[g].of[p] ^ living[g].of[p]) << (i * Longs::in_part);
      };
      repeat<Set, groups * parts>(first);
      repeat<Set, groups * parts>(second);
    }
    for (int g = 0; g < groups; ++g) {
      living[g].store(living_ + g * lane_count);
      t[g].store(t_ + g * lane_count);
      count[g].store(count_ + g * lane_count);
      block[g].store(block_ + g * lane_count);
    }
    return ended;
  }

  // `low` and `high`: the halves of the word that decides.
  [[gnu::always_inline]] void generation(Long low, Long high, Long& living, Long& t, Long& count) {
    const Long n = Long{} + static_cast<u64>(table_.n);
    const Long rest = n - count;
    const Long row = rows_of(Set::smaller(count, rest));
    const Scaled<Long> drawn = scale<Set>(low, high, row >> 16 & 0xffffU);
    const Long entry = Set::gather(table_.entry, (row >> 32) + drawn.column);
    const Long x = (row & 0xffffU) +
                   (drawn.fraction < (entry & ~u64{1023}) ? drawn.column : entry & u64{1023});
    const Long next = count > rest ? n - x : x;
    count ^= (count ^ next) & living;
    t -= living;  // all bits of a lane that lives: minus one
    const Long horizon = Long{} + static_cast<u64>(task_.horizon);
    living = Set::smaller(count, n - count) == Long{} ? Long{} : living;
    living = t == horizon ? Long{} : living;
  }

  // low | width << 16 | begin << 32 of the row of each lane.
  [[gnu::always_inline]] Long rows_of(Long rare) {
    Long row = Set::gather(reinterpret_cast<const u64*>(table_.row), rare);
    if (Set::some_lack(row, 0xffff0000U)) {
      visit(rare);
      row = Set::gather(reinterpret_cast<const u64*>(table_.row), rare);
    }
    return row;
  }

  [[gnu::noinline]] void visit(Long rare) {
    for (int k = 0; k < Longs::in_part; ++k) task_.table->visit(static_cast<i64>(rare[k]));
  }

  const PairTask& task_;
  core::PairTable::View table_;
  PairRun *next_, *last_;
  PairRun* own_[lanes];
  alignas(64) u64 living_[lanes];
  alignas(64) u64 t_[lanes];
  alignas(64) u64 count_[lanes];
  alignas(64) u64 block_[lanes];
  alignas(64) u64 run_[lanes];
};

}  // namespace autophage::simd
