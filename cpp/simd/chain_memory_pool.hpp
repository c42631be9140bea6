// Chains that draw from all models before, with AVX-512.
#pragma once

#include "chain_memory_models.hpp"

namespace autophage::simd {
namespace {

// All models: a label of the pool is drawn, of which the first n stand for p.
class PoolRun {
 public:
  PoolRun(const MemoryStudy& study, u64 run)
      : study_(study),
        n_(study.n),
        end_((study.generations + 1) * study.n),
        bytes_(study, run),
        shorts_(study, run),
        truth_(study, run) {}

  void run(MemoryTrace& trace) {
    pick();
    draw();
    u8* const label = study_.labels;
    const u16* const index = study_.index;
    for (i64 i = n_; i < end_; ++i) label[i] = label[index[i]];
    const LabelPairs pairs(n_);
    Progress progress(study_, trace);
    i64 t = 1;
    while (progress.generation(t, pairs.equal(_mm512_loadu_si512(label + t * n_)), label[t * n_]))
      ++t;
  }

 private:
  // Which label each label is a copy of.
  void pick() {
    u16* const index = study_.index;
    for (i64 i = n_; i < 2 * n_; ++i) index[i] = 0;
    i64 at = 2 * n_;
    for (; at < end_ && study_.bound[at] <= core::byte_limit; at += n_) {
      bytes_.fill(study_.bound[at], n_, small_);
      for (i64 i = 0; i < n_; ++i) index[at + i] = small_[i];
    }
    while (at < end_) at += shorts_.draw(study_.bound + at, study_.filter + at, index + at);
  }

  // A draw from p is a copy of itself.
  void draw() {
    const __m512i first = _mm512_set1_epi16(static_cast<short>(n_)), lane = lanes();
    u16* const fresh = study_.index + end_ + 64;
    i64 count = 0;
    for (i64 i = n_; i < end_; i += 32) {
      const __mmask32 valid = end_ - i < 32 ? (u32{1} << (end_ - i)) - 1 : ~u32{0};
      const __mmask32 new_ones =
          _mm512_mask_cmplt_epu16_mask(valid, _mm512_loadu_si512(study_.index + i), first);
      const __m512i at = _mm512_add_epi16(lane, _mm512_set1_epi16(static_cast<short>(i)));
      _mm512_storeu_si512(fresh + count, _mm512_maskz_compress_epi16(new_ones, at));
      count += static_cast<i64>(_mm_popcnt_u32(new_ones));
    }
    for (i64 k = 0; k < count; k += 64) {
      const i64 now = count - k < 64 ? count - k : 64;
      const i32* const token = truth_.ahead(now);
      for (i64 i = 0; i < now; ++i) {
        study_.labels[fresh[k + i]] = static_cast<u8>(token[i]);
        study_.index[fresh[k + i]] = fresh[k + i];
      }
      truth_.skip(now);
    }
  }

  static __m512i lanes() {
    alignas(64) u16 lane[32];
    for (int i = 0; i < 32; ++i) lane[i] = static_cast<u16>(i);
    return _mm512_load_si512(lane);
  }

  const MemoryStudy& study_;
  i64 n_, end_;
  WideBytes bytes_;
  WideStretch shorts_;
  WideTruth truth_;
  u8 small_[128];
};

inline bool wide_randomly_sampled(const MemoryStudy& study, u64 run, MemoryTrace& trace) {
  PoolRun(study, run).run(trace);
  return true;
}

}  // namespace
}  // namespace autophage::simd
