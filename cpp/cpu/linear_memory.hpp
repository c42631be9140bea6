// The kernels of the chosen instruction set, and the memory that a thread lends them.
#pragma once

#include <cstddef>
#include <new>

#include "../simd/linear_kernels.hpp"
#include "instructions.hpp"

namespace autophage::cpu {

inline simd::LinearKernels linear_kernels() {
#if defined(__x86_64__)
  switch (chosen_instructions()) {
    case Instructions::avx512:
      return simd::avx512_kernels();
    case Instructions::avx2:
      return simd::avx2_kernels();
    case Instructions::baseline:
      break;
  }
#endif
  return simd::baseline_kernels();
}

// Doubles on a cache line's boundary, which is what the widest vectors ask for.
class AlignedDoubles {
 public:
  void resize(std::int64_t count) {
    if (count <= count_) return;
    release();
    at_ = static_cast<double*>(
        ::operator new(static_cast<std::size_t>(count) * sizeof(double), alignment));
    count_ = count;
  }
  double* data() { return at_; }
  AlignedDoubles() = default;
  AlignedDoubles(const AlignedDoubles&) = delete;
  AlignedDoubles& operator=(const AlignedDoubles&) = delete;
  ~AlignedDoubles() { release(); }

 private:
  void release() {
    if (at_ != nullptr) ::operator delete(at_, alignment);
    at_ = nullptr;
    count_ = 0;
  }
  static constexpr std::align_val_t alignment{64};
  double* at_ = nullptr;
  std::int64_t count_ = 0;
};

}  // namespace autophage::cpu
