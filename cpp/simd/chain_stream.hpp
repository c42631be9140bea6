// Sixteen Philox blocks at a time: of one stream, in its order, or of sixteen streams.
#pragma once

#include "chain_kernels.hpp"
#include "lanes.hpp"

namespace autophage::simd {

// Philox4x32-10 (core/philox.hpp) on the counters x[0] .. x[3] of each lane, in place. A word
// stands in the lower half of 64 bits, under anything.
template <class Set>
[[gnu::always_inline]] inline void philox_rounds(const StreamFamily& stream,
                                                 LongWords<Set> (&x)[4]) {
  using Long = typename LongWords<Set>::Part;
  const Long first = Long{} + 0xD2511F53U, second = Long{} + 0xCD9E8D57U;
  for (int round = 0; round < 10; ++round) {
    const Long low = Long{} + stream.low[round], high = Long{} + stream.high[round];
    for (int p = 0; p < LongWords<Set>::parts; ++p) {
      const Long a = Set::multiply(x[0].of[p], first);
      const Long b = Set::multiply(x[2].of[p], second);
      x[0].of[p] = (b >> 32) ^ x[1].of[p] ^ low;
      x[1].of[p] = b;
      x[2].of[p] = (a >> 32) ^ x[3].of[p] ^ high;
      x[3].of[p] = a;
    }
  }
}

// 64 words of a stream, in order.
template <class Set>
struct Batch {
  using Long = typename LongWords<Set>::Part;
  static constexpr int parts = 2 * LongWords<Set>::parts;
  Long of[parts];
};

template <class Long, int... k>
[[gnu::always_inline]] inline Long in_order(std::integer_sequence<int, k...>) {
  return Long{u64{k / 2 + k % 2 * (sizeof...(k) / 2)}...};
}

// Words 64 k .. of a stream, where block = 16 k. Lanes take the blocks of a part in such an order
// that one interleaving of halves leaves them as the stream has them.
template <class Set>
[[gnu::always_inline]] inline Batch<Set> read_batch(const StreamFamily& stream, u64 run,
                                                    u64 block) {
  using Long = typename Batch<Set>::Long;
  constexpr int lanes = LongWords<Set>::in_part;
  const Long order = in_order<Long>(std::make_integer_sequence<int, lanes>{});
  LongWords<Set> x[4];
  for (int p = 0; p < LongWords<Set>::parts; ++p) {
    x[0].of[p] = order + (static_cast<u32>(block) + static_cast<u32>(p * lanes));
    x[1].of[p] = Long{} + static_cast<u32>(block >> 32);
    x[2].of[p] = Long{} + static_cast<u32>(run);
    x[3].of[p] = Long{} + (stream.name | static_cast<u32>(run >> 32));
  }
  philox_rounds<Set>(stream, x);
  Batch<Set> batch;
  const auto both = [&]<int... k>(int p, Long a, Long b,
                                  std::integer_sequence<int, k...>) __attribute__((always_inline)) {
    batch.of[2 * p] = __builtin_shufflevector(a, b, (k / 2 * 2 + k % 2 * lanes)...);
    batch.of[2 * p + 1] = __builtin_shufflevector(a, b, (k / 2 * 2 + 1 + k % 2 * lanes)...);
  };
  for (int p = 0; p < LongWords<Set>::parts; ++p) {
    const Long a = (x[0].of[p] & 0xffffffffU) | x[1].of[p] << 32;
    const Long b = (x[2].of[p] & 0xffffffffU) | x[3].of[p] << 32;
    both(p, a, b, std::make_integer_sequence<int, lanes>{});
  }
  return batch;
}

// 64-bit words, by their halves, times numbers below 2^32: the upper halves of the products
// (`column`), and the lower.
template <class Long>
struct Scaled {
  Long column, fraction;
};
template <class Set, class Long>
[[gnu::always_inline]] inline Scaled<Long> scale(Long word_low, Long word_high, Long size) {
  const Long low = Set::multiply(word_low, size);
  const Long high = Set::multiply(word_high, size) + (low >> 32);
  return {high >> 32, high << 32 | (low & 0xffffffffU)};
}

}  // namespace autophage::simd
