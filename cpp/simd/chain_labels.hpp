// Labels of one run in registers: parents by permutation, indices by 8-bit rejection.
//
// Set::Labels<halves> holds 64 or 128 labels; masks have one bit a label.
#pragma once

#include "chain_pair.hpp"

namespace autophage::simd {

// The first `size` of 64 labels.
[[gnu::always_inline]] inline u64 first_labels(i64 size) {
  return size >= 64 ? ~u64{0} : size <= 0 ? 0 : (u64{1} << size) - 1;
}

template <int halves>
struct LabelMask {
  u64 of[halves];
  [[gnu::always_inline]] bool any() const {
    u64 all = 0;
    for (int h = 0; h < halves; ++h) all |= of[h];
    return all != 0;
  }
  [[gnu::always_inline]] int count() const {
    int all = 0;
    for (int h = 0; h < halves; ++h) all += __builtin_popcountll(of[h]);
    return all;
  }
  [[gnu::always_inline]] int first() const {
    if constexpr (halves == 2)
      if (of[0] == 0) return 64 + __builtin_ctzll(of[1]);
    return __builtin_ctzll(of[0]);
  }
};

template <class Set>
struct LabelSteps {
  using Long = typename Batch<Set>::Long;
  static constexpr i64 in_part = Set::bytes;

  static u8 mask_of(i64 bound) {
    return static_cast<u8>(core::IndexReader<8>::mask_of(static_cast<u32>(bound)));
  }

  static void draw(const StreamFamily& stream, u64 run, const core::AliasTable& table, i64 n,
                   i32* token) {
    constexpr int lanes = LongWords<Set>::in_part;
    const Long size = Long{} + static_cast<u64>(table.size);
    u64 block = 0;
    for (i64 i = 0; i < n; i += 32, block += 16) {
      const Batch<Set> words = read_batch<Set>(stream, run, block);
      for (int p = 0; p < words.parts; ++p) {
        const i64 at = i + p * lanes;
        if (at >= n) break;
        const Scaled<Long> drawn = scale<Set>(words.of[p], words.of[p] >> 32, size);
        const Long threshold = Set::gather(table.threshold, drawn.column);
        const Long alias = Set::gather(table.alias, drawn.column);
        Set::store(drawn.fraction < threshold ? drawn.column : alias, token + at);
      }
    }
  }

  static void group(const i32* token, i64 n, Living& living) {
    alignas(64) u8 label[core::byte_limit] = {};
    for (i64 i = 0; i < n; ++i) label[i] = static_cast<u8>(token[i]);
    const auto labels = Set::template load<2>(label);
    LabelMask<2> left{{first_labels(n), first_labels(n - 64)}};
    i32 size = 0;
    for (; left.any(); ++size) {
      const u8 value = label[left.first()];
      const LabelMask<2> same = Set::equal(labels, value, left);
      living.name[size] = value;
      living.count[size] = same.count();
      for (int h = 0; h < 2; ++h) left.of[h] ^= same.of[h];
    }
    living.size = size;
  }

  static void open(const i32* count, i32 size, LabelWalk& walk) {
    alignas(64) u8 label[2 * core::byte_limit];
    i64 filled = 0;
    for (i32 j = 0; j < size; ++j) {
      Set::fill(static_cast<u8>(j), label + filled);
      if (count[j] > 64) Set::fill(static_cast<u8>(j), label + filled + 64);
      filled += count[j];
    }
    Set::store(Set::template load<2>(label), walk.label);
    walk.size = filled;
  }

  // The units of a batch that are indices, one behind the other; returns the end.
  [[gnu::always_inline]] static i64 read(LabelWalk& walk, u8 mask, i64 bound, i64 end) {
    const Batch<Set> words = read_batch<Set>(*walk.stream, walk.run, walk.block);
    walk.block += 16;
    for (int p = 0; p < words.parts; ++p)
      end += Set::keep(words.of[p], mask, static_cast<u8>(bound), walk.index + end);
    return end;
  }

  // Finds the next unit of the stream, and reads on from it in indices below `bound`.
  [[gnu::noinline]] static void turn(LabelWalk& walk, i64 bound) {
    alignas(64) u8 unit[LabelWalk::batch];
    const auto fetch = [&] {
      const Batch<Set> words = read_batch<Set>(*walk.stream, walk.run, walk.unit / 256 * 16);
      for (int p = 0; p < words.parts; ++p) reinterpret_cast<Long*>(unit)[p] = words.of[p];
    };
    const u8 before = mask_of(walk.bound), mask = mask_of(bound);
    if (walk.unit % 256 != 0 || walk.used > 0) fetch();
    while (walk.used > 0) {
      walk.used -= (unit[walk.unit % 256] & before) < walk.bound;
      if (++walk.unit % 256 == 0 && walk.used > 0) fetch();
    }
    walk.bound = bound;
    walk.next = walk.end = 0;
    walk.block = (walk.unit + 255) / 256 * 16;
    for (u64 i = walk.unit % 256; i > 0 && i < 256; ++i) {
      walk.index[walk.end] = unit[i] & mask;
      walk.end += walk.index[walk.end] < bound;
    }
  }

  template <int halves>
  static i64 steps(LabelWalk& walk, i64 n, i64 most) {
    const LabelMask<2> both{{first_labels(n), first_labels(n - 64)}};
    LabelMask<halves> all;
    for (int h = 0; h < halves; ++h) all.of[h] = both.of[h];
    const i64 bound = walk.bound;
    const u8 mask = mask_of(bound);
    auto labels = Set::template load<halves>(walk.label);
    i64 next = walk.next, end = walk.end, done = 0;
    bool few = false;
    while (!few && done < most) {
      while (end - next < n) {
        if (end > LabelWalk::room) {
          Set::store(Set::template load<2>(walk.index + next), walk.index);
          end -= next;
          next = 0;
        }
        end = read(walk, mask, bound, end);
      }
      labels = Set::pick(labels, walk.index + next);
      next += n;
      ++done;
      few = at_most_two(labels, all);
    }
    Set::store(labels, walk.label);
    walk.next = next;
    walk.end = end;
    walk.size = n;
    walk.used += done * n;
    return few ? -done : done;
  }

  static i64 walk(LabelWalk& walk, i64 n, i64 most) {
    if (walk.bound != walk.size) turn(walk, walk.size);
    return walk.size <= 64 && n <= 64 ? steps<1>(walk, n, most) : steps<2>(walk, n, most);
  }

  template <class Labels, int halves>
  [[gnu::always_inline]] static bool at_most_two(const Labels& labels,
                                                 const LabelMask<halves>& all) {
    LabelMask<halves> other = Set::differ_from_first(labels, all);
    if (!other.any()) return true;
    return !Set::differ_from_next(labels, other).any();
  }

  static void tally(const LabelWalk& walk, Living& living) {
    const auto labels = Set::template load<2>(walk.label);
    const LabelMask<2> all{{first_labels(walk.size), first_labels(walk.size - 64)}};
    i32 size = 0;
    for (i32 j = 0; j < living.size; ++j) {
      const i32 name = living.name[j];
      living.name[size] = name;
      living.count[size] = Set::equal(labels, static_cast<u8>(name), all).count();
      size += living.count[size] > 0;
    }
    living.size = size;
  }
};

template <class Set>
NeutralKernels neutral_kernels() {
  using Steps = LabelSteps<Set>;
  return {Steps::draw, Steps::group, Steps::open, Steps::walk, Steps::tally, PairLanes<Set>::pairs};
}

}  // namespace autophage::simd
