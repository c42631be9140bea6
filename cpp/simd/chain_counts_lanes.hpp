// The lanes of chain_counts.hpp. Included by one file for each instruction set.
#pragma once

#include "../core/binomial_middle.hpp"
#include "chain_counts.hpp"
#include "chain_stream.hpp"

namespace autophage::simd {

// Two vectors of doubles side by side, so that one works while the other waits. Members rather than
// an array: compilers keep them in registers.
template <class Set>
struct Twin {
  using Vector = typename Set::Vector;
  using Word = typename Lanes<Set, u64>::Part;
  static constexpr int in_part = static_cast<int>(sizeof(Vector) / sizeof(double));
  static constexpr int lanes = 2 * in_part;

  struct Mask {
    typename Set::Mask a, b;
    [[gnu::always_inline]] friend inline Mask operator!(Mask x) {
      return {Set::none(x.a), Set::none(x.b)};
    }
    [[gnu::always_inline]] friend inline bool any(Mask x) { return Set::any(x.a, x.b); }
    [[gnu::always_inline]] friend inline u32 bits(Mask x) {
      return Set::bits(x.a) | Set::bits(x.b) << in_part;
    }
  };

  Vector a, b;

  Twin() = default;
  [[gnu::always_inline]] Twin(Vector a_, Vector b_) : a(a_), b(b_) {}
  [[gnu::always_inline]] explicit Twin(double same) : a(same - Vector{}), b(a) {}
  // At addresses aligned to 64 bytes.
  [[gnu::always_inline]] static inline Twin load(const double* at) {
    return {*reinterpret_cast<const Vector*>(at), *reinterpret_cast<const Vector*>(at + in_part)};
  }
  [[gnu::always_inline]] void store(double* at) const {
    *reinterpret_cast<Vector*>(at) = a;
    *reinterpret_cast<Vector*>(at + in_part) = b;
  }

  [[gnu::always_inline]] friend inline Twin operator+(Twin x, Twin y) {
    return {x.a + y.a, x.b + y.b};
  }
  [[gnu::always_inline]] friend inline Twin operator-(Twin x, Twin y) {
    return {x.a - y.a, x.b - y.b};
  }
  [[gnu::always_inline]] friend inline Twin operator*(Twin x, Twin y) {
    return {x.a * y.a, x.b * y.b};
  }
  [[gnu::always_inline]] friend inline Twin operator/(Twin x, Twin y) {
    return {x.a / y.a, x.b / y.b};
  }
  [[gnu::always_inline]] friend inline Twin operator-(Twin x) { return {-x.a, -x.b}; }
  [[gnu::always_inline]] friend inline Mask operator>(Twin x, Twin y) {
    return {Set::above(x.a, y.a), Set::above(x.b, y.b)};
  }
  [[gnu::always_inline]] friend inline Mask operator>=(Twin x, Twin y) {
    return {Set::at_least(x.a, y.a), Set::at_least(x.b, y.b)};
  }
  [[gnu::always_inline]] friend inline Twin select(Mask mask, Twin x, Twin y) {
    return {Set::select(mask.a, x.a, y.a), Set::select(mask.b, x.b, y.b)};
  }
  [[gnu::always_inline]] friend inline Twin blend(Mask mask, Twin x, Twin y) {
    return select(mask, x, y);
  }
  [[gnu::always_inline]] friend inline Twin whole_part(Twin x) {
    return {Set::whole_part(x.a), Set::whole_part(x.b)};
  }
  [[gnu::always_inline]] friend inline Twin square_root(Twin x) {
    return {Set::square_root(x.a), Set::square_root(x.b)};
  }

  // The midpoints that words stand for (core::Stream::uniform): m 2^-52 in [1, 2), less 1 - 2^-53.
  [[gnu::always_inline]] static inline Twin uniforms(const u64* words) {
    const Word one = Word{} + 0x3ff0000000000000U;
    const auto of = [=](const u64* at) __attribute__((always_inline)) {
      const Word word = *reinterpret_cast<const Word*>(at);
      return (Vector)(word >> 12 | one) - 0x1.fffffffffffffp-1;
    };
    return {of(words), of(words + in_part)};
  }
  // Integers 0 .. 2^51, through the doubles from 2^52 on whose digits they are.
  [[gnu::always_inline]] static inline Twin from_integers(const i64* integers) {
    const Word large = (Word)(Vector{} + 0x1p52);
    const auto of = [=](const i64* at) __attribute__((always_inline)) {
      return (Vector)(*reinterpret_cast<const Word*>(at) | large) - 0x1p52;
    };
    return {of(integers), of(integers + in_part)};
  }
  [[gnu::always_inline]] void to_integers(i64* integers) const {
    const Word large = (Word)(Vector{} + 0x1p52);
    *reinterpret_cast<Word*>(integers) = (Word)(a + 0x1p52) ^ large;
    *reinterpret_cast<Word*>(integers + in_part) = (Word)(b + 0x1p52) ^ large;
  }
};

template <class Set>
class CountSteps {
 public:
  static CountKernels kernels() { return {lanes, words, draw, shares}; }

 private:
  using Real = Twin<Set>;
  static constexpr int lanes = Real::lanes;

  static void words(const StreamFamily& stream, u64 run, u64 block, u64* word) {
    const Batch<Set> batch = read_batch<Set>(stream, run, block);
    for (int p = 0; p < Batch<Set>::parts; ++p)
      reinterpret_cast<typename Batch<Set>::Long*>(word)[p] = batch.of[p];
  }

  [[gnu::flatten]] static u32 draw(CountLanes& all, int most) {
    u32 ended = 0;
    for (int step = 0; step < most && ended == 0; ++step) {
      if (all.until == 0) refill(all);
      --all.until;
      ended = token(all);
    }
    return ended;
  }

  [[gnu::flatten]] static void shares(i64 count, const double* n, const double* part,
                                      const double* whole, const u64* word, i64* x) {
    for (i64 i = 0; i < count; i += lanes)
      core::share_from_middle(Real::load(n + i), Real::load(part + i), Real::load(whole + i),
                              Real::uniforms(word + i))
          .to_integers(x + i);
  }

  // Words for the lanes that have used theirs.
  static void refill(CountLanes& all) {
    all.until = CountLanes::ahead;
    for (int k = 0; k < lanes; ++k) {
      if (all.used[k] == CountLanes::ahead) {
        words(*all.stream, all.run[k], all.block[k], all.word[k]);
        all.block[k] += CountLanes::ahead / 2;
        all.used[k] = 0;
      }
      if (all.lives[k] == 0) continue;
      const i32 left = CountLanes::ahead - all.used[k];
      all.until = left < all.until ? left : all.until;
    }
  }

  // The share of the token at hand, in every lane.
  [[gnu::always_inline]] static inline u32 token(CountLanes& all) {
    alignas(64) u64 word[lanes];
    alignas(64) i64 children[lanes];
    for (int k = 0; k < lanes; ++k) word[k] = all.word[k][all.used[k]];
    const Real rest = Real::load(all.rest), whole = Real::load(all.whole);
    const Real live = Real::load(all.live), parents = Real::from_integers(all.parents);
    const Real x = core::share_from_middle(rest, parents, whole, Real::uniforms(word));
    x.to_integers(children);
    const Real zero(0.0), rest_after = rest - x * live, left = Real::load(all.left) - live;
    rest_after.store(all.rest);
    left.store(all.left);
    (whole - parents * live).store(all.whole);
    for (int k = 0; k < lanes; ++k) {
      const i32 kept = all.kept[k], at = all.at[k];
      all.token[k][kept] = all.token[k][at];
      all.count[k][kept] = children[k];
      all.parents[k] = all.count[k][at + all.lives[k]];
    }
    for (int k = 0; k < lanes; ++k) {
      all.kept[k] += all.lives[k] & static_cast<i32>(children[k] > 0);
      all.at[k] += all.lives[k];
      all.used[k] += all.lives[k];
    }
    return bits(zero >= left) | bits(zero >= rest_after);
  }
};

}  // namespace autophage::simd
