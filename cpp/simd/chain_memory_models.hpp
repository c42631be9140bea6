// Chains that read older models, with AVX-512: labels in registers or in one array, sums of
// squares by comparing all pairs of labels.
#pragma once

#include "chain_memory_progress.hpp"
#include "chain_memory_words.hpp"

namespace autophage::simd {
namespace {

// Counts the pairs of equal labels among n <= 64 of them, a byte each.
class LabelPairs {
 public:
  explicit LabelPairs(i64 n) {
    i64 pair = 0;
    for (i64 i = 0; i < n; ++i)
      for (i64 j = 0; j < i; ++j, ++pair) {
        left_[pair] = static_cast<u8>(i);
        right_[pair] = static_cast<u8>(j);
      }
    whole_ = pair / 64;
    last_ = pair % 64 > 0 ? ~u64{0} >> (64 - pair % 64) : 0;
    for (; pair % 64 > 0; ++pair) left_[pair] = right_[pair] = 0;
  }

  u64 equal(__m512i label) const {
    u64 sum = equal_in(label, whole_, last_);
    for (i64 v = 0; v < whole_; ++v) sum += equal_in(label, v, ~u64{0});
    return sum;
  }

 private:
  u64 equal_in(__m512i label, i64 v, u64 valid) const {
    const __m512i left = _mm512_permutexvar_epi8(_mm512_load_si512(left_ + 64 * v), label);
    const __m512i right = _mm512_permutexvar_epi8(_mm512_load_si512(right_ + 64 * v), label);
    return static_cast<u64>(_mm_popcnt_u64(_mm512_mask_cmpeq_epi8_mask(valid, left, right)));
  }

  static constexpr i64 room = 64 * 63 / 2 + 64;
  alignas(64) u8 left_[room], right_[room];
  i64 whole_;
  u64 last_;
};

inline __m512i as_bytes(const i32* label, i64 n) {
  alignas(64) u8 bytes[64];
  if (n <= 16) return _mm512_castsi128_si512(_mm512_cvtepi32_epi8(_mm512_loadu_si512(label)));
  for (i64 c = 0; c < n; c += 16)
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes + c),
                    _mm512_cvtepi32_epi8(_mm512_loadu_si512(label + c)));
  return _mm512_load_si512(bytes);
}

inline __mmask16 first_lanes(i64 count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffff : count <= 0 ? 0 : (1 << count) - 1);
}

// Indices below n, in stretches of whole generations of n; up to 64 before the next may be looked
// at.
class ParentRow {
 public:
  ParentRow(const MemoryStudy& study, u64 run) : source_(study, run), n_(study.n) {}
  const u8* next(i64 count) {
    if (end_ - at_ < count) {
      for (i64 i = 0; at_ + i < end_; ++i) index_[64 + i] = index_[at_ + i];
      end_ += 64 - at_;
      at_ = 64;
      source_.fill(static_cast<u32>(n_), held, index_ + end_);
      end_ += held;
    }
    const u8* const row = index_ + at_;
    at_ += count;
    return row;
  }

 private:
  static constexpr i64 held = 512;
  WideBytes source_;
  i64 n_, at_ = 64, end_ = 64;
  u8 index_[64 + 64 + held + 64 + 64];
};

// The newest `window` models, n labels each.
class WindowRun {
 public:
  WindowRun(const MemoryStudy& study, u64 run, MemoryTrace& trace)
      : study_(study),
        n_(study.n),
        pairs_(study.n),
        progress_(study, trace),
        parents_(study, run),
        truth_(study, run) {}

  void run() {
    const bool small = n_ * study_.window <= 128;
    for (i64 t = 1; !small || t <= study_.window; ++t)
      if (!next(t)) return;
    if (n_ * study_.window <= 64) {
      in_registers<false>();
    } else {
      in_registers<true>();
    }
  }

 private:
  i32* slot(i64 t) const { return study_.recent + (t & (study_.slots - 1)) * most_labels; }

  bool next(i64 t) {
    const i64 models = t < study_.window ? t : study_.window;
    const u16* const back = study_.back + (models - 1) * most_labels;
    i64 fresh = 0;  // the first draws are those from model 0
    while (models == t && fresh < n_ && back[fresh] == t) ++fresh;
    const i32* const drawn = truth_.ahead(fresh);
    const u8* const index = parents_.next(n_ - fresh) - fresh;
    i32* const child = slot(t);
    const __m512i now = _mm512_set1_epi32(static_cast<i32>(t & (study_.slots - 1)));
    const __m512i wrap = _mm512_set1_epi32(static_cast<i32>(study_.slots - 1));
    for (i64 c = 0; c < n_; c += 16) {
      const __m512i steps =
          _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(back + c)));
      const __m512i from = _mm512_and_si512(_mm512_sub_epi32(now, steps), wrap);
      const __m512i at = _mm512_add_epi32(
          _mm512_slli_epi32(from, 6),
          _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(index + c))));
      const __mmask16 new_ones = first_lanes(fresh - c), all = first_lanes(n_ - c);
      const __m512i token = _mm512_maskz_loadu_epi32(new_ones, drawn + c);
      const __m512i found = _mm512_mask_i32gather_epi32(
          token, static_cast<__mmask16>(all & ~new_ones), at, study_.recent, 4);
      _mm512_storeu_si512(child + c, found);
    }
    truth_.skip(fresh);
    const __m512i label = as_bytes(child, n_);
    return progress_.generation(t, pairs_.equal(label), child[0]);
  }

  // The window's labels lie at the end of `older` and `newer` together, oldest model first.
  template <bool two>
  void in_registers() {
    const i64 window = study_.window, start = (two ? 128 : 64) - n_ * window;
    alignas(64) u8 history[128] = {}, base[64] = {}, shift[64];
    for (i64 k = 0; k < window; ++k)
      for (i64 i = 0; i < n_; ++i) history[start + k * n_ + i] = static_cast<u8>(slot(k + 1)[i]);
    const u16* const back = study_.back + (window - 1) * most_labels;
    for (i64 i = 0; i < n_; ++i) base[i] = static_cast<u8>(start + (window - back[i]) * n_);
    for (i64 i = 0; i < 64; ++i) shift[i] = static_cast<u8>(i + n_);
    __m512i older = _mm512_load_si512(history), newer = _mm512_load_si512(history + 64);
    if (!two) newer = older;
    const __m512i bases = _mm512_load_si512(base), shifts = _mm512_load_si512(shift);
    i64 t = window;
    __m512i label;
    do {
      const __m512i at = _mm512_add_epi8(bases, _mm512_loadu_si512(parents_.next(n_)));
      label = two ? _mm512_permutex2var_epi8(older, at, newer) : _mm512_permutexvar_epi8(at, newer);
      if (two) older = _mm512_permutex2var_epi8(older, shifts, newer);
      newer = _mm512_permutex2var_epi8(newer, shifts, label);
      ++t;
    } while (progress_.generation(t, pairs_.equal(label), first_of(label)));
  }

  static i32 first_of(__m512i label) {
    return _mm_cvtsi128_si32(_mm512_castsi512_si128(label)) & 255;
  }

  const MemoryStudy& study_;
  i64 n_;
  LabelPairs pairs_;
  Progress progress_;
  ParentRow parents_;
  WideTruth truth_;
};

inline bool wide_most_recent(const MemoryStudy& study, u64 run, MemoryTrace& trace) {
  WindowRun(study, run, trace).run();
  return true;
}

}  // namespace
}  // namespace autophage::simd
