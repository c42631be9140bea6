// Chains that keep real data, with AVX-512: the real labels stay, the synthetic ones are drawn from
// all.
#pragma once

#include "chain_memory_counts.hpp"

namespace autophage::simd {
namespace {

class PartialRun {
 public:
  PartialRun(const MemoryStudy& study, u64 run, MemoryTrace& trace)
      : study_(study),
        n_(study.n),
        real_(study.real),
        trace_(trace),
        bytes_(study, run),
        shorts_(study, run) {}

  bool run(u64 name) {
    if (!kept_.draw(study_, name)) return false;
    if (!core::PartiallySyntheticChain::by_label(n_, kept_.tokens)) return false;
    record(1, kept_.squares, 0);
    if (kept_.tokens == 1) {
      trace_.collapse = trace_.absorption = 1;
      trace_.final_token = kept_.only;
      for (i64 t = 2; t <= study_.generations; ++t) record(t, squared(real_ + n_), 0);
    } else if (n_ > 16 || real_ + n_ > 256) {
      in_memory();
    } else if (real_ <= 128) {
      in_registers<1>();
    } else {
      in_registers<2>();
    }
    return true;
  }

 private:
  static u32 squared(i64 x) { return static_cast<u32>(x) * static_cast<u32>(x); }

  void record(i64 t, u32 squares, u32 excess) {
    if (trace_.squares != nullptr) trace_.squares[t - 1] = squares;
    if (trace_.excess != nullptr) trace_.excess[t - 1] = 2 * excess;
  }

  // `count` indices below `bound` <= 256.
  void pick(i64 bound, i64 count, u8* out) {
    if (bound <= core::byte_limit) {
      bytes_.fill(static_cast<u32>(bound), count, out);
    } else {
      shorts_.fill(static_cast<u32>(bound), count, out);
    }
  }

  // n <= 16 and at most 256 labels: 128 `pairs` real ones in registers, and their counts.
  template <int pairs>
  void in_registers() {
    alignas(64) u8 real[128 * pairs + 256], counts[128 * pairs + 256], index[held + 128];
    kept_.label(real);
    for (i64 i = 0; i < real_; ++i) counts[i] = static_cast<u8>(kept_.count[real[i]]);
    const __m128i kept = _mm_set1_epi8(static_cast<char>(real_));
    const auto drawn = static_cast<__mmask16>((1 << n_) - 1);
    const __m512i weights =
        _mm512_set1_epi32(static_cast<i32>(static_cast<u32>(real_) | static_cast<u32>(-n_) << 16));
    const __m512i one_more = _mm512_set1_epi32(static_cast<i32>(real_));
    __m128i label = _mm_setzero_si128(), count = label;
    i64 at = 0, end = 0;
    for (i64 t = 2; t <= study_.generations; ++t) {
      if (at == end) {
        const i64 fits = held / n_, wanted = t == 2 ? 1 : study_.generations - t + 1;
        at = 0;
        end = n_ * (fits < wanted ? fits : wanted);
        pick(t == 2 ? real_ : real_ + n_, end, index);
        if (study_.stop->raised()) return;
      }
      const __m128i from = _mm_loadu_si128(reinterpret_cast<const __m128i*>(index + at));
      at += n_;
      const __mmask16 synthetic = _mm_cmpge_epu8_mask(from, kept);
      const __m128i back = _mm_sub_epi8(from, kept);
      label = _mm_mask_shuffle_epi8(look_up<pairs>(real, from), synthetic, label, back);
      count = _mm_mask_shuffle_epi8(look_up<pairs>(counts, from), synthetic, count, back);
      // Of a token with f real labels, the (e + 1)-th synthetic one adds 2 (f + e) + 1 to the
      // squares, and to the excess what max(0, e N - f n) grows by.
      const __m512i f = _mm512_maskz_cvtepu8_epi32(drawn, count);
      const __m512i e =
          _mm512_popcnt_epi32(_mm512_maskz_conflict_epi32(drawn, _mm512_cvtepu8_epi32(label)));
      const __m512i before =
          _mm512_madd_epi16(_mm512_or_si512(e, _mm512_slli_epi32(f, 16)), weights);
      const __m512i none = _mm512_setzero_si512();
      const __m512i grown =
          _mm512_sub_epi32(_mm512_max_epi32(_mm512_add_epi32(before, one_more), none),
                           _mm512_max_epi32(before, none));
      const __m512i both = _mm512_add_epi32(_mm512_add_epi32(e, f), _mm512_slli_epi32(grown, 16));
      const auto sums = static_cast<u32>(_mm512_mask_reduce_add_epi32(drawn, both));
      record(t, kept_.squares + static_cast<u32>(n_) + 2 * (sums & 0xffff), sums >> 16);
    }
  }

  template <int pairs>
  static __m128i look_up(const u8* table, __m128i index) {
    const __m512i at = _mm512_castsi128_si512(index);
    const __m512i low =
        _mm512_permutex2var_epi8(_mm512_load_si512(table), at, _mm512_load_si512(table + 64));
    if (pairs == 1) return _mm512_castsi512_si128(low);
    const __m512i high = _mm512_permutex2var_epi8(_mm512_load_si512(table + 128), at,
                                                  _mm512_load_si512(table + 192));
    return _mm_mask_mov_epi8(_mm512_castsi512_si128(low), _mm_movepi8_mask(index),
                             _mm512_castsi512_si128(high));
  }

  // Any sizes: labels in two arrays by turns.
  void in_memory() {
    kept_.label(labels_[0]);
    kept_.label(labels_[1]);
    LabelCounts counts(n_, kept_.tokens);
    i64 bound = real_;
    for (i64 t = 2; t <= study_.generations; ++t) {
      const u8* const parent = labels_[t & 1];
      u8* const child = labels_[(t & 1) ^ 1] + real_;
      if (bound <= core::byte_limit) {
        bytes_.fill(static_cast<u32>(bound), n_, small_);
        for (i64 i = 0; i < n_; i += 64)
          store(child, i,
                _mm512_permutex2var_epi8(_mm512_loadu_si512(parent), _mm512_loadu_si512(small_ + i),
                                         _mm512_loadu_si512(parent + 64)));
      } else {
        shorts_.fill(static_cast<u32>(bound), n_, index_);
        for (i64 i = 0; i < n_; i += 64) store(child, i, found(parent, bound, index_ + i));
      }
      bound = real_ + n_;
      counts.count(child);
      measure(t, counts.drawn);
      if ((t & 63) == 0 && study_.stop->raised()) return;
    }
  }

  static void store(u8* child, i64 i, __m512i label) { _mm512_storeu_si512(child + i, label); }

  // The labels at 64 indices below `bound`.
  static __m512i found(const u8* label, i64 bound, const u16* index) {
    const __m512i a = _mm512_loadu_si512(index), b = _mm512_loadu_si512(index + 32);
    const __m512i at = join(a, b), block = join(_mm512_srli_epi16(a, 7), _mm512_srli_epi16(b, 7));
    __m512i out = _mm512_setzero_si512();
    for (i64 k = 0; 128 * k < bound; ++k) {
      const u8* const from = label + 128 * k;
      const __mmask64 here = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(static_cast<char>(k)));
      out = _mm512_mask_mov_epi8(
          out, here,
          _mm512_permutex2var_epi8(_mm512_loadu_si512(from), at, _mm512_loadu_si512(from + 64)));
    }
    return out;
  }

  // The low bytes of 64 numbers.
  static __m512i join(__m512i a, __m512i b) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(a)),
                              _mm512_cvtepi16_epi8(b), 1);
  }

  void measure(i64 t, const u16* drawn) {
    const __m512i weights =
        _mm512_set1_epi32(static_cast<i32>(static_cast<u32>(real_) | static_cast<u32>(-n_) << 16));
    __m512i squares = _mm512_setzero_si512(), excess = squares;
    for (i64 d = 0; d < kept_.tokens; d += 32) {
      const __m512i f = _mm512_load_si512(kept_.count + d), s = _mm512_load_si512(drawn + d);
      squares = _mm512_add_epi32(squares,
                                 _mm512_madd_epi16(s, _mm512_add_epi16(s, _mm512_add_epi16(f, f))));
      for (int half = 0; half < 2; ++half) {
        const __m512i both = half == 0 ? _mm512_unpacklo_epi16(s, f) : _mm512_unpackhi_epi16(s, f);
        excess = _mm512_add_epi32(
            excess, _mm512_max_epi32(_mm512_madd_epi16(both, weights), _mm512_setzero_si512()));
      }
    }
    record(t, kept_.squares + static_cast<u32>(_mm512_reduce_add_epi32(squares)),
           static_cast<u32>(_mm512_reduce_add_epi32(excess)));
  }

  static constexpr i64 held = 1024;
  const MemoryStudy& study_;
  i64 n_, real_;
  MemoryTrace& trace_;
  KeptData kept_;
  WideBytes bytes_;
  WideShorts shorts_;
  alignas(64) u8 labels_[2][core::labelled_sample + 128];
  alignas(64) u8 small_[core::labelled_sample + 128];
  alignas(64) u16 index_[core::labelled_sample + 64];
};

inline bool wide_partially_synthetic(const MemoryStudy& study, u64 run, MemoryTrace& trace) {
  return PartialRun(study, run, trace).run(run);
}

}  // namespace
}  // namespace autophage::simd
