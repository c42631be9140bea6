// Counts of labels with AVX-512: of kept real data, and of the synthetic labels beside them.
#pragma once

#include "chain_memory_words.hpp"

namespace autophage::simd {
namespace {

// The kept real data of a run: tokens by first appearance, called 0, 1, .., and their counts.
class KeptData {
 public:
  // False if there are too many tokens to be called by a byte.
  bool draw(const MemoryStudy& study, u64 run) {
    WideTruth truth(study, run);
    i32 order[most_tokens + 1];
    i64 left = study.real;
    for (; left > 0 && tokens <= most_tokens - 64;) {
      const i64 now = left < 64 ? left : 64;
      const i32* const token = truth.ahead(now);
      for (i64 i = 0; i < now; ++i) {
        order[tokens] = token[i];
        tokens += study.counts[token[i]]++ == 0;
      }
      truth.skip(now);
      left -= now;
    }
    for (i64 d = 0; d < tokens; ++d) {
      i32& drawn = study.counts[order[d]];
      count[d] = static_cast<u16>(drawn);
      squares += static_cast<u32>(drawn) * static_cast<u32>(drawn);
      drawn = 0;
    }
    for (i64 d = tokens; d < (tokens + 31) / 32 * 32; ++d) count[d] = 0;
    only = order[0];
    return left == 0;
  }

  // Writes the labels, in whole vectors.
  void label(u8* out) const {
    for (i64 d = 0; d < tokens; ++d) {
      for (i64 i = 0; i < count[d]; i += 64)
        _mm512_storeu_si512(out + i, _mm512_set1_epi8(static_cast<char>(d)));
      out += count[d];
    }
  }

  i64 tokens = 0;
  i32 only;  // the token, if there is one
  u32 squares = 0;
  alignas(64) u16 count[most_tokens];
};

// How many of n labels, a byte each, are 0, 1, .. tokens - 1.
class LabelCounts {
 public:
  alignas(64) u16 drawn[most_tokens];

  LabelCounts(i64 n, i64 tokens) : n_(n), tokens_(tokens) {
    for (u16& count : drawn) count = 0;
  }

  // By comparing all with each token, or one after another.
  void count(const u8* child) {
    const i64 vectors = (n_ + 63) / 64;
    if (tokens_ * vectors * 2 > n_ + 200) {
      count_each(child);
    } else if (vectors <= 4) {
      count_bits(child, vectors);
    } else {
      count_bytes(child, vectors);
    }
  }

 private:
  u64 last_ones(i64 vectors) const { return ~u64{0} >> (64 * vectors - n_); }

  void count_bits(const u8* child, i64 vectors) {
    const u64 last = last_ones(vectors);
    for (i64 d = 0; d < tokens_; ++d) {
      const __m512i token = _mm512_set1_epi8(static_cast<char>(d));
      const __m512i end = _mm512_loadu_si512(child + 64 * (vectors - 1));
      i64 sum = _mm_popcnt_u64(_mm512_mask_cmpeq_epi8_mask(last, end, token));
      for (i64 v = 0; v + 1 < vectors; ++v)
        sum += _mm_popcnt_u64(_mm512_cmpeq_epi8_mask(_mm512_loadu_si512(child + 64 * v), token));
      drawn[d] = static_cast<u16>(sum);
    }
  }

  // The same, quicker where there are many labels.
  void count_bytes(const u8* child, i64 vectors) {
    const u64 last = last_ones(vectors);
    for (i64 d = 0; d < tokens_; d += 4) {
      __m512i sums[4];
      for (int k = 0; k < 4; ++k)
        sums[k] = count_one(child, vectors, last, _mm512_set1_epi8(static_cast<char>(d + k)));
      // Four counts below 2^16 stand side by side in each of eight partial sums.
      const __m512i low = _mm512_or_si512(sums[0], _mm512_slli_epi64(sums[1], 16));
      const __m512i high =
          _mm512_or_si512(_mm512_slli_epi64(sums[2], 32), _mm512_slli_epi64(sums[3], 48));
      const i64 four = _mm512_reduce_add_epi64(_mm512_or_si512(low, high));
      for (int k = 0; k < 4; ++k) drawn[d + k] = static_cast<u16>(four >> (16 * k));
    }
    for (i64 d = tokens_; d % 4 > 0; ++d) drawn[d] = 0;
  }

  // Eight partial sums of the labels that are this token; at most 32 vectors of labels.
  static __m512i count_one(const u8* child, i64 vectors, u64 last, __m512i token) {
    const __m512i none = _mm512_setzero_si512(), one = _mm512_set1_epi8(1);
    const __mmask64 end =
        _mm512_mask_cmpeq_epi8_mask(last, _mm512_loadu_si512(child + 64 * (vectors - 1)), token);
    __m512i sum = _mm512_maskz_mov_epi8(end, one);
    for (i64 v = 0; v + 1 < vectors; ++v)
      sum = _mm512_mask_add_epi8(
          sum, _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(child + 64 * v), token), sum, one);
    return _mm512_sad_epu8(sum, none);
  }

  // Four counters a token, so that equal labels need not wait for each other.
  void count_each(const u8* child) {
    u16 by_turns[4][most_tokens];
    for (u16(&one)[most_tokens] : by_turns)
      for (i64 d = 0; d < tokens_; ++d) one[d] = 0;
    for (i64 i = 0; i < n_; ++i) ++by_turns[i & 3][child[i]];
    for (i64 d = 0; d < tokens_; ++d)
      drawn[d] =
          static_cast<u16>((by_turns[0][d] + by_turns[1][d]) + (by_turns[2][d] + by_turns[3][d]));
  }

  i64 n_, tokens_;
};

}  // namespace
}  // namespace autophage::simd
