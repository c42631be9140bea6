// Paths of ancestors in lanes of 64 bits, each lane a run: all runs of a batch take their block j
// in one sweep, and those that have not arrived are moved together for the next.
//
// Set names an instruction set. As in pack.hpp, types and functions of different sets have
// different names for the linker.
#pragma once

#include "ancestral_kernels.hpp"

namespace autophage::simd {

template <class Set>
class AncestralLanes {
 public:
  static AncestralKernels kernels() { return {runs, draws}; }

 private:
  using Words = typename Set::Words;
  static constexpr int lanes = static_cast<int>(sizeof(Words) / sizeof(u64));
  static constexpr unsigned all_lanes = (1U << lanes) - 1;
  static constexpr u64 half = 0xffffffff;

  // Runs on their way. who: index in the batch << level_bits | L.
  struct Paths {
    static constexpr int level_bits = 8;
    static_assert(core::low_ancestors < 1 << level_bits);
    // What lies behind the last run of a sweep is computed as well, and thrown away.
    u64 progress[batch_runs + lanes] = {};
    u64 who[batch_runs + lanes] = {};
    i64 count = 0;
  };

  struct Pair {
    Words first, second;
  };

  [[gnu::always_inline]] static inline Words all(u64 same) { return same - Words{}; }
  [[gnu::always_inline]] static inline Words load(const u64* at) {
    Words a;
    __builtin_memcpy(&a, at, sizeof a);
    return a;
  }
  [[gnu::always_inline]] static inline void store(Words a, u64* at) {
    __builtin_memcpy(at, &a, sizeof a);
  }

  // The two words of 64 bits of each lane's block. Words of 32 bits lie in the lower halves; what
  // is above them takes no part in a product.
  [[gnu::always_inline]] static inline Pair words_of(Words x0, Words x1, Words x2, Words x3,
                                                     core::PhiloxKey key) {
    for (int round = 0; round < 10; ++round) {
      const Words a = Set::multiply(x0, all(0xD2511F53U));
      const Words b = Set::multiply(x2, all(0xCD9E8D57U));
      x0 = (b >> 32) ^ x1 ^ all(key.low);
      x1 = b;
      x2 = (a >> 32) ^ x3 ^ all(key.high);
      x3 = a;
      key.low += 0x9E3779B9U;
      key.high += 0xBB67AE85U;
    }
    return {(x0 & half) | x1 << 32, (x2 & half) | x3 << 32};
  }

  // core::pick from the table that begins at column `first` of `columns`.
  [[gnu::always_inline]] static inline Words pick(const u64* columns, Words first, Words size,
                                                  Words word) {
    const Words lower = Set::multiply(word, size);
    const Words upper = Set::multiply(word >> 32, size) + (lower >> 32);
    const Words at = (first + (upper >> 32)) << 1;
    const Words fraction = (upper << 32) | (lower & half);
    const Words threshold = Set::gather(columns, at), outcomes = Set::gather(columns + 1, at);
    return Set::select(Set::below(fraction, threshold), outcomes, outcomes >> 32) & half;
  }

  [[gnu::always_inline]] static inline Words jump(const core::AncestralTables& tables,
                                                  Words progress, Words word) {
    const Words row = Set::gather(tables.row, progress & core::ancestor_mask);
    return (progress & ~core::ancestor_mask) + pick(tables.column, row >> 32, row & half, word);
  }

  // Block `block` of the runs with these numbers.
  [[gnu::always_inline]] static inline Pair block_of(const core::AncestralWords& any, u64 block,
                                                     Words run) {
    const u64 name = any.name & ~u64{63};  // without the upper part of the run
    return words_of(all(block & half), all(block >> 32), run & half, all(name) | run >> 32,
                    any.key);
  }

  static core::AncestralWords words_named(const AncestralBatch& batch, u64 index) {
    return core::AncestralWords({batch.seed, batch.first_run + index, batch.context});
  }

  // Token and L of every run; those whose L is not low end here, the others are put on their way.
  static void begin(AncestralBatch& batch, Paths& paths) {
    const core::AncestralWords any = words_named(batch, 0);
    const core::AliasColumns& tokens = batch.law.tokens;
    const Words index = Set::index();
    alignas(64) u64 token[lanes], word[lanes];
    for (i64 i = 0; i < batch.runs; i += lanes) {
      const Words who = all(static_cast<u64>(i)) + index;
      const Pair drawn = block_of(any, 0, all(batch.first_run) + who);
      const Words rank = pick(tokens.column, all(0), all(tokens.size), drawn.first);
      const Words ratio = Set::gather(batch.law.ratio, rank);
      const i64 left = batch.runs - i;
      unsigned wanted = left < lanes ? (1U << left) - 1 : all_lanes;
      unsigned agree = Set::below(drawn.second, ratio);
      if (batch.tables.low() == 1) agree = all_lanes;
      store(rank, token);
      for (int l = 0; l < lanes && l < left; ++l) batch.token[i + l] = static_cast<u32>(token[l]);
      Words path = who << Paths::level_bits | 1;
      if (agree != 0) {
        store(drawn.second, word);
        for (agree &= wanted; agree != 0; agree &= agree - 1) {
          const int l = __builtin_ctz(agree);
          const i64 more =
              core::count_agreeing(word[l], batch.law.ratio[token[l]], batch.tables.n - 1);
          path[l] += static_cast<u64>(more < core::low_ancestors ? more : core::low_ancestors);
          if (1 + more < batch.tables.low()) continue;
          wanted &= ~(1U << l);
          const auto run = static_cast<u64>(i + l);
          u64 next[2];
          words_named(batch, run).read(1, next);
          batch.time[run] = 1 + batch.tables.passage(next[0], 1 + more);
        }
      }
      Set::keep(path, wanted, paths.who + paths.count);
      paths.count += __builtin_popcount(wanted);
    }
    for (i64 i = 0; i < paths.count; i += lanes)
      store(all(core::first_progress), paths.progress + i);
  }

  // Two jumps of every run on its way.
  static void sweep(AncestralBatch& batch, Paths& paths, u64 block) {
    const core::AncestralWords any = words_named(batch, 0);
    const u64 level_mask = (u64{1} << Paths::level_bits) - 1;
    alignas(64) u64 index[lanes], time[lanes];
    i64 kept = 0;
    for (i64 i = 0; i < paths.count; i += lanes) {
      const Words who = load(paths.who + i), level = who & level_mask;
      const Pair drawn = block_of(any, block, all(batch.first_run) + (who >> Paths::level_bits));
      const Words once = jump(batch.tables, load(paths.progress + i), drawn.first);
      const Words twice = jump(batch.tables, once, drawn.second);
      const unsigned on_the_way = Set::below(level, once & core::ancestor_mask);
      const Words progress = Set::select(on_the_way, twice, once);
      const i64 left = paths.count - i;
      const unsigned real = left < lanes ? (1U << left) - 1 : all_lanes;
      const unsigned going = real & Set::below(level, progress & core::ancestor_mask);
      store(who >> Paths::level_bits, index);
      store(progress >> core::ancestor_bits, time);
      for (unsigned ended = real & ~going; ended != 0; ended &= ended - 1) {
        const int l = __builtin_ctz(ended);
        batch.time[index[l]] = static_cast<i64>(time[l]);
      }
      Set::keep(progress, going, paths.progress + kept);
      Set::keep(who, going, paths.who + kept);
      kept += __builtin_popcount(going);
    }
    paths.count = kept;
  }

  static void runs(AncestralBatch& batch) {
    Paths paths;
    begin(batch, paths);
    for (u64 block = 1; paths.count > 0; ++block) sweep(batch, paths, block);
  }

  static void draws(const AncestralBlocks& blocks, i64* out) {
    const core::AncestralWords words({blocks.seed, 0, blocks.context});
    const core::AliasColumns& table = blocks.columns;
    alignas(64) u64 found[2][lanes];
    for (i64 j = 0; j < blocks.count; j += lanes) {
      const Words block = all(blocks.first + static_cast<u64>(j)) + Set::index();
      const Pair drawn = words_of(block & half, block >> 32, all(0), all(words.name), words.key);
      store(pick(table.column, all(0), all(table.size), drawn.first), found[0]);
      store(pick(table.column, all(0), all(table.size), drawn.second), found[1]);
      for (i64 l = 0; l < lanes && j + l < blocks.count; ++l)
        for (int w = 0; w < 2; ++w) out[2 * (j + l) + w] = static_cast<i64>(found[w][l]);
    }
  }
};

}  // namespace autophage::simd
