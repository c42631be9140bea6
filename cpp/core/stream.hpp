// Named draws: which random words belong to which decision of which run.
//
// A stream is the sequence of 32-bit words of the Philox blocks
//
//   key             low and high half of the seed (of a derived key from context 2^20 on: see
//                   key_of_context)
//   counter word 0  block, low half
//           word 1  block, high half
//           word 2  run, low 32 bits
//           word 3  purpose (6 bits), context (20), run (high 6 bits), from the top
//
// for block = 0, 1, 2, ..., each block giving its four words in order. One (run, context, purpose)
// has one stream for the whole life of the run, consumed in order, generation after generation.
// Hence run 17 alone equals run 17 of a batch, a longer horizon repeats a shorter one, and nothing
// depends on threads, shards or device.
//
// How a word becomes a decision belongs to the stream as well:
//   next64   two words, the earlier one low
//   uniform  next64 >> 12 -> the 2^52 midpoints (m + 1/2) 2^-52: never 0, never 1
//   normal   one uniform, inverted (see normal.hpp)
//   index    purposes parents8 and parents16 are read in units of 8 and 16 bits, the low bits of a
//            word first; a unit that is refused is skipped (see IndexReader)
// The stream version in every result's attributes changes whenever any of this does.
#pragma once

#include "philox.hpp"

namespace autophage::core {

inline constexpr int stream_version = 2;

enum class Purpose : u32 {
  truth = 0,           // draws from p itself: the first generation, fresh real data
  parents8 = 1,        // which of at most 128 samples is the parent
  parents16 = 2,       // which of at most 2^16
  counts = 3,          // conditional binomials over living tokens
  pair = 4,            // one 64-bit word a generation while two tokens are left
  split = 5,           // how many draws are real, how many a filter keeps, which models are read
  kept = 6,            // the real draws that an entity of token chains keeps
  kept_public = 7,     // the public ones that all keep, context 0
  private_noise = 8,   // of an entity's private data, once a run; context is the entity
  public_noise = 9,    // of the public data, once a run; context 0
  pool_noise = 10,     // of what all entities generated, a generation after the other; context 0
  posts = 11,          // what a mixture adds to the pool; context is the model
  reading = 12,        // which posts a mixture reads; context 0 where all read the same
  reading_again = 13,  // in place of refused words of `reading`
  ancestral = 14,      // a path of ancestors (see chain_ancestral.hpp); from block 2^32 on, draws
                       // from the exact law
  derive = 63,         // keys for contexts beyond 2^20
};

inline constexpr u64 max_runs = u64{1} << 38;
inline constexpr u64 contexts_per_key = u64{1} << 20;

AUTOPHAGE_HD inline PhiloxKey split_key(u64 key) {
  return {static_cast<u32>(key), static_cast<u32>(key >> 32)};
}

// Contexts 0 .. 2^20 - 1 use the seed itself; the group g = context / 2^20 > 0 uses the first two
// words of the block (g low, g high, 0, derive) under the seed.
AUTOPHAGE_HD inline PhiloxKey key_of_context(u64 seed, u64 context) {
  const PhiloxKey key = split_key(seed);
  const u64 group = context / contexts_per_key;
  if (group == 0) return key;
  u32 words[4];
  philox4x32<1>(static_cast<u32>(group), static_cast<u32>(group >> 32), 0,
                static_cast<u32>(Purpose::derive) << 26, key, words);
  return {words[0], words[1]};
}

// The run that draws belong to. Where `stop` is given, a generation that takes long ends early once
// it is raised, in a state of no use but to be thrown away.
struct RunName {
  u64 seed, run, context;
  const StopFlag* stop = nullptr;
};

class Stream {
 public:
  AUTOPHAGE_HD Stream(const RunName& name, Purpose purpose)
      : Stream(name.seed, name.run, name.context, purpose) {}

  // run < 2^38. Opening computes nothing; the first word does.
  AUTOPHAGE_HD Stream(u64 seed, u64 run, u64 context, Purpose purpose)
      : key_(key_of_context(seed, context)),
        run_(static_cast<u32>(run)),
        name_(static_cast<u32>(purpose) << 26 | static_cast<u32>(context % contexts_per_key) << 6 |
              static_cast<u32>(run >> 32)) {}

  AUTOPHAGE_HD u32 next32() {
    if (used_ == held) refill();
    return words_[used_++];
  }

  // Word `word` of the stream is the next.
  AUTOPHAGE_HD void seek(u64 word) {
    block_ = word / held * blocks;
    refill();
    used_ = static_cast<int>(word % held);
  }

  AUTOPHAGE_HD u64 next64() {
    const u64 low = next32();
    return low | u64{next32()} << 32;
  }

  // Up to `wanted` >= 1 words at once, as many as are at hand: `words` of them.
  AUTOPHAGE_HD const u32* take(i64 wanted, int& words) {
    if (used_ == held) refill();
    const int left = held - used_;
    words = wanted < left ? static_cast<int>(wanted) : left;
    const u32* first = words_ + used_;
    used_ += words;
    return first;
  }

  // Uniform on the open interval (0, 1): the 2^52 midpoints (m + 1/2) 2^-52, each exact.
  AUTOPHAGE_HD double uniform() { return (static_cast<double>(next64() >> 12) + 0.5) * 0x1p-52; }

 private:
  static constexpr int blocks = 2;  // computed together: how many is no part of the stream
  static constexpr int held = 4 * blocks;

  AUTOPHAGE_HD void refill() {
    philox4x32<blocks>(static_cast<u32>(block_), static_cast<u32>(block_ >> 32), run_, name_, key_,
                       words_);
    block_ += blocks;
    used_ = 0;
  }

  PhiloxKey key_;
  u32 run_, name_;
  u64 block_ = 0;
  int used_ = held;
  u32 words_[held];
};

// Indices uniform on 0 .. bound - 1 from units of 8 or 16 bits.
//   8 bits (bound <= 128)    unit & (2^k - 1), where 2^k is the least power of two >= bound;
//                            refused when not below bound
//   16 bits (bound <= 2^16)  unit * bound >> 16; refused when the low 16 bits of the product are
//                            below 2^16 mod bound
// Both are exactly uniform: a value is given by equally many units that are not refused.
template <int width, class Source = Stream>
class IndexReader {
  static_assert(width == 8 || width == 16);

 public:
  AUTOPHAGE_HD explicit IndexReader(const Source& source) : source_(source) {}

  AUTOPHAGE_HD static u32 mask_of(u32 bound) {
    u32 mask = bound - 1;
    mask |= mask >> 1;
    mask |= mask >> 2;
    return mask | mask >> 4;
  }

  // `count` indices below `bound`: place(i, index) for i = 0 .. count - 1. A refused unit costs no
  // branch: it is placed as well, and overwritten by the next one.
  template <class Place>
  AUTOPHAGE_HD void fill(u32 bound, i64 count, const Place place) {
    const u32 filter = width == 8 ? mask_of(bound) : 0x10000U % bound;
    i64 taken = 0;
    while (taken < count && left_ > 0) taken += put(next_unit(), bound, filter, taken, place);
    while (taken + units <= count) {
      const i64 wanted = (count - taken) / units;
      int words = 0;
      const u32* const word = source_.take(wanted, words);
      for (int w = 0; w < words; ++w) {
        // Positions inside a word are summed apart from `taken`, so that only one addition a word
        // is waited for.
        const u32 bits = word[w];
        i64 inside = 0;
        for (int i = 0; i < units; ++i)
          inside += put(bits >> (i * width), bound, filter, taken + inside, place);
        taken += inside;
      }
    }
    while (taken < count) taken += put(next_unit(), bound, filter, taken, place);
  }

  // take(index) for each of `count` indices below `bound`, by 16-bit units: few of them are
  // refused, so that a branch is cheaper than placing them.
  template <class Take>
  AUTOPHAGE_HD void each(u32 bound, i64 count, Take&& take) {
    static_assert(width == 16);
    const u32 filter = 0x10000U % bound;
    const auto accept = [&](u32 unit) {
      const u32 product = (unit & unit_mask) * bound;
      const bool accepted = (product & unit_mask) >= filter;
      if (accepted) take(product >> 16);
      return static_cast<i64>(accepted);
    };
    while (count > 0 && left_ > 0) count -= accept(next_unit());
    while (count >= units) {
      const u32 word = source_.next32();
      count -= accept(word);
      count -= accept(word >> width);
    }
    while (count > 0) count -= accept(next_unit());
  }

 private:
  static constexpr int units = 32 / width;
  static constexpr u32 unit_mask = (u32{1} << width) - 1;

  // Places one unit; 1 if it is an index, 0 if it is refused.
  template <class Place>
  AUTOPHAGE_HD static i64 put(u32 unit, u32 bound, u32 filter, i64 at, const Place place) {
    if constexpr (width == 8) {
      const u32 index = unit & filter;
      place(at, index);
      return index < bound;
    } else {
      const u32 product = (unit & unit_mask) * bound;
      place(at, product >> 16);
      return (product & unit_mask) >= filter;
    }
  }

  AUTOPHAGE_HD u32 next_unit() {
    if (left_ == 0) {
      word_ = source_.next32();
      left_ = units;
    }
    const u32 value = word_ & unit_mask;
    word_ >>= width;
    --left_;
    return value;
  }

  Source source_;
  u32 word_ = 0;
  int left_ = 0;
};

}  // namespace autophage::core
