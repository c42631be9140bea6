// Exact sums over runs of many generations at once, with AVX-512.
#pragma once

#include "chain_memory_kernels.hpp"

namespace autophage::simd {
namespace {

// A value is three digits of 21 bits; sums of their products fit 64 bits, and all together 128,
// for `most_added` values of at most 2.
inline void wide_add(const u32* rows, i64 stride, i64 count, const double* scale, i64 generations,
                     core::ExactSum* into) {
  const __m512i digit = _mm512_set1_epi64((1 << 21) - 1);
  for (i64 t = 0; t < generations; t += 8) {
    const __m512d scales = _mm512_loadu_pd(scale + t);
    __m512i a1 = _mm512_setzero_si512(), b1 = a1, c1 = a1, aa = a1, ab = a1, mid = a1, bc = a1,
            cc = a1;
    for (i64 k = 0; k < count; ++k) {
      const __m512d value = _mm512_div_pd(
          _mm512_cvtepu32_pd(
              _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows + k * stride + t))),
          scales);
      const __m512i x = _mm512_cvttpd_epu64(_mm512_mul_pd(value, _mm512_set1_pd(0x1p60)));
      const __m512i a = _mm512_and_si512(x, digit);
      const __m512i b = _mm512_and_si512(_mm512_srli_epi64(x, 21), digit);
      const __m512i c = _mm512_srli_epi64(x, 42);
      a1 = _mm512_add_epi64(a1, a);
      b1 = _mm512_add_epi64(b1, b);
      c1 = _mm512_add_epi64(c1, c);
      aa = _mm512_add_epi64(aa, _mm512_mul_epu32(a, a));
      ab = _mm512_add_epi64(ab, _mm512_mul_epu32(a, b));
      mid = _mm512_add_epi64(mid, _mm512_add_epi64(_mm512_mul_epu32(b, b),
                                                   _mm512_slli_epi64(_mm512_mul_epu32(a, c), 1)));
      bc = _mm512_add_epi64(bc, _mm512_mul_epu32(b, c));
      cc = _mm512_add_epi64(cc, _mm512_mul_epu32(c, c));
    }
    const __m512i all[8] = {a1, b1, c1, aa, ab, mid, bc, cc};
    alignas(64) u64 sums[8][8];
    for (int s = 0; s < 8; ++s) _mm512_store_si512(sums[s], all[s]);
    using Wide = unsigned __int128;
    for (i64 l = 0; l < 8 && t + l < generations; ++l) {
      const Wide sum = Wide{sums[0][l]} + (Wide{sums[1][l]} << 21) + (Wide{sums[2][l]} << 42);
      const Wide squares = Wide{sums[3][l]} + (Wide{sums[4][l]} << 22) + (Wide{sums[5][l]} << 42) +
                           (Wide{sums[6][l]} << 64) + (Wide{sums[7][l]} << 84);
      core::ExactSum part;
      part.sum[0] = static_cast<u64>(sum);
      part.sum[1] = static_cast<u64>(sum >> 64);
      part.squares[0] = static_cast<u64>(squares);
      part.squares[1] = static_cast<u64>(squares >> 64);
      into[t + l].add(part);
    }
  }
}

}  // namespace
}  // namespace autophage::simd
