// The linear kernels with AVX2: four lanes, fused multiply-adds.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only the
// templates after it, each named for this instruction set, are compiled with wide instructions.
#include <immintrin.h>

#include "../core/host_device.hpp"
#include "../core/lyapunov_items.hpp"
#include "../core/math.hpp"
#include "../core/numbers.hpp"
#include "../core/radius_search.hpp"
#include "../core/team.hpp"
#include "linear_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include "linear_lanes.hpp"

namespace autophage::simd {

namespace {

struct Avx2 {
  using Vector [[gnu::vector_size(32)]] = double;
  static constexpr int widest_tile = 3;
  [[gnu::always_inline]] static inline Vector multiply_add(Vector a, Vector b, Vector c) {
    return _mm256_fmadd_pd(a, b, c);
  }
  [[gnu::always_inline]] static inline Vector product_rest(Vector a, Vector b, Vector product) {
    return _mm256_fmsub_pd(a, b, product);
  }
};

}  // namespace

LinearKernels avx2_kernels() { return LinearLanes<Avx2>::kernels(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
