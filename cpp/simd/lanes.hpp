// Sixteen numbers side by side, each lane a run (or a block of words) of its own: lane k of every
// result depends on lane k of the operands alone.
//
// Set names an instruction set. As in pack.hpp, types and functions of different sets have
// different names for the linker.
#pragma once

#include <utility>

#include "../core/host_device.hpp"

namespace autophage::simd {

using core::i64;
using core::u32;
using core::u64;

inline constexpr int lane_count = 16;

template <class Set, class T>
struct Lanes {
  using Part [[gnu::vector_size(Set::bytes)]] = T;
  using Bits = decltype(Part{} < Part{});
  static constexpr int in_part = Set::bytes / static_cast<int>(sizeof(T));
  static constexpr int parts = lane_count / in_part;

  struct Mask {
    Bits of[parts];
    [[gnu::always_inline]] friend inline Mask operator&(const Mask& a, const Mask& b) {
      Mask c;
      for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] & b.of[p];
      return c;
    }
    [[gnu::always_inline]] friend inline Mask operator|(const Mask& a, const Mask& b) {
      Mask c;
      for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] | b.of[p];
      return c;
    }
    [[gnu::always_inline]] friend inline Mask operator!(const Mask& a) {
      Mask c;
      for (int p = 0; p < parts; ++p) c.of[p] = ~a.of[p];
      return c;
    }
  };

  Part of[parts];

  Lanes() = default;
  [[gnu::always_inline]] explicit Lanes(T same) {
    for (int p = 0; p < parts; ++p) of[p] = same - Part{};
  }
  // Where the sign bit is set, as it may be for 0.
  [[gnu::always_inline]] Mask sign() const {
    Mask c;
    for (int p = 0; p < parts; ++p) c.of[p] = (Bits)of[p] < Bits{};
    return c;
  }
  // At an address aligned to 64 bytes.
  [[gnu::always_inline]] static inline Lanes load(const T* at) {
    Lanes a;
    for (int p = 0; p < parts; ++p) a.of[p] = reinterpret_cast<const Part*>(at)[p];
    return a;
  }
  [[gnu::always_inline]] void store(T* at) const {
    for (int p = 0; p < parts; ++p) reinterpret_cast<Part*>(at)[p] = of[p];
  }

  [[gnu::always_inline]] friend inline Lanes operator+(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] + b.of[p];
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes operator-(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] - b.of[p];
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes operator*(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] * b.of[p];
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes operator/(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] / b.of[p];
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes operator^(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] ^ b.of[p];
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes operator|(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] | b.of[p];
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes operator<<(const Lanes& a, int bits) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] << bits;
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes operator>>(const Lanes& a, int bits) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] >> bits;
    return c;
  }
  [[gnu::always_inline]] friend inline Mask operator>(const Lanes& a, const Lanes& b) {
    Mask c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] > b.of[p];
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes select(const Mask& mask, const Lanes& a,
                                                    const Lanes& b) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = mask.of[p] ? a.of[p] : b.of[p];
    return c;
  }
  [[gnu::always_inline]] friend inline Lanes larger(const Lanes& a, const Lanes& b) {
    Lanes c;
    for (int p = 0; p < parts; ++p) c.of[p] = a.of[p] > b.of[p] ? a.of[p] : b.of[p];
    return c;
  }
};

template <class Set>
using Reals = Lanes<Set, double>;
template <class Set>
using Words = Lanes<Set, u32>;
template <class Set>
using LongWords = Lanes<Set, u64>;

// Floats whose bits are the upper halves of sixteen words at an address aligned to 64 bytes.
template <class Set>
[[gnu::always_inline]] inline Lanes<Set, float> upper_singles(const u64* words) {
  using Part = typename Lanes<Set, float>::Part;
  constexpr int in_part = Lanes<Set, float>::in_part;
  const Part* const at = reinterpret_cast<const Part*>(words);
  Lanes<Set, float> found;
  const auto odd = [&]<int... k>(int p,
                                 std::integer_sequence<int, k...>) __attribute__((always_inline)) {
    found.of[p] = __builtin_shufflevector(at[2 * p], at[2 * p + 1], (2 * k + 1)...);
  };
  for (int p = 0; p < found.parts; ++p) odd(p, std::make_integer_sequence<int, in_part>{});
  return found;
}

template <class Set>
[[gnu::always_inline]] inline LongWords<Set> bits_of(const Reals<Set>& x) {
  LongWords<Set> bits;
  for (int p = 0; p < bits.parts; ++p) bits.of[p] = (typename LongWords<Set>::Part)x.of[p];
  return bits;
}
template <class Set>
[[gnu::always_inline]] inline Reals<Set> reals_of(const LongWords<Set>& bits) {
  Reals<Set> x;
  for (int p = 0; p < x.parts; ++p) x.of[p] = (typename Reals<Set>::Part)bits.of[p];
  return x;
}
template <class Set>
[[gnu::always_inline]] inline Reals<Set> add_exponent(const Reals<Set>& value,
                                                      const Reals<Set>& shifted) {
  return reals_of<Set>(bits_of<Set>(value) + (bits_of<Set>(shifted) << 52));
}
template <class Set>
[[gnu::always_inline]] inline Reals<Set> zero_where_below(const Reals<Set>& x, double bound,
                                                          const Reals<Set>& value) {
  return select(Reals<Set>(bound) > x, Reals<Set>(0.0), value);
}

// What a set does lane by lane where it has nothing better.
template <class Set>
struct AnySet {
  // from[index[k]] for every lane k, one element after another.
  template <class T>
  static Lanes<Set, T> gather(const T* from, const u32* index) {
    using Part = typename Lanes<Set, T>::Part;
    const auto part = [&]<int... k>(const u32* at, std::integer_sequence<int, k...>) {
      return Part{from[at[k]]...};
    };
    constexpr int in_part = Lanes<Set, T>::in_part;
    Lanes<Set, T> found;
    for (int p = 0; p < found.parts; ++p)
      found.of[p] = part(index + p * in_part, std::make_integer_sequence<int, in_part>{});
    return found;
  }
  // Of the lower halves of 64-bit words.
  template <class Part>
  static Part multiply(Part a, Part b) {
    return (a & 0xffffffffU) * (b & 0xffffffffU);
  }
  // The upper half of each product.
  template <class Index>
  static Index upper(const Index& a, const Index& b) {
    alignas(64) u32 left[lane_count], right[lane_count];
    a.store(left);
    b.store(right);
    for (int k = 0; k < lane_count; ++k)
      left[k] = static_cast<u32>((u64{left[k]} * right[k]) >> 32);
    return Index::load(left);
  }
  // The sum over sixteen ways, by halves.
  template <class Part, int parts>
  static auto total(const Part (&sum)[parts]) {
    constexpr int in_part = lane_count / parts;
    decltype(+sum[0][0]) way[lane_count];
    for (int k = 0; k < lane_count; ++k) way[k] = sum[k / in_part][k % in_part];
    for (int half = lane_count / 2; half > 0; half /= 2)
      for (int k = 0; k < half; ++k) way[k] += way[k + half];
    return way[0];
  }
  template <class Part>
  static bool all_at_least(Part a, Part b) {
    const auto holds = a >= b;
    bool all = true;
    for (int k = 0; k < static_cast<int>(sizeof(Part) / sizeof(a[0])); ++k)
      all = all && holds[k] != 0;
    return all;
  }
};

template <class Set, class T>
[[gnu::always_inline]] inline bool all_at_least(const Lanes<Set, T>& a, const Lanes<Set, T>& b) {
  bool all = true;
  for (int p = 0; p < a.parts; ++p) all &= Set::all_at_least(a.of[p], b.of[p]);
  return all;
}

// Philox4x32-10 with the counters x0 .. x3 of each lane (core/philox.hpp): word w of lane k goes to
// out[16 w + k]. The words of a lane stand in the lower halves of 64 bits, under anything.
template <class Set>
[[gnu::always_inline]] inline void philox_lanes(LongWords<Set> x0, LongWords<Set> x1,
                                                LongWords<Set> x2, LongWords<Set> x3, u32 low,
                                                u32 high, u32* out) {
  const LongWords<Set> first(0xD2511F53U), second(0xCD9E8D57U);
  for (int round = 0; round < 10; ++round) {
    LongWords<Set> a, b;
    for (int p = 0; p < a.parts; ++p) {
      a.of[p] = Set::multiply(x0.of[p], first.of[p]);
      b.of[p] = Set::multiply(x2.of[p], second.of[p]);
    }
    x0 = (b >> 32) ^ x1 ^ LongWords<Set>(low);
    x1 = b;
    x2 = (a >> 32) ^ x3 ^ LongWords<Set>(high);
    x3 = a;
    low += 0x9E3779B9U;
    high += 0xBB67AE85U;
  }
  using Half [[gnu::vector_size(Set::bytes / 2)]] = u32;
  const LongWords<Set> words[4] = {x0, x1, x2, x3};
  for (int w = 0; w < 4; ++w)
    for (int p = 0; p < words[w].parts; ++p)
      reinterpret_cast<Half*>(out + lane_count * w)[p] =
          __builtin_convertvector(words[w].of[p], Half);
}

}  // namespace autophage::simd
