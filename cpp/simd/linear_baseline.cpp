// The linear kernels with the instructions that every machine of this kind has: two lanes, products
// and sums rounded one by one.
#include "linear_lanes.hpp"

namespace autophage::simd {

namespace {

struct Baseline {
  using Vector [[gnu::vector_size(16)]] = double;
  static constexpr int widest_tile = 2;
  static Vector multiply_add(Vector a, Vector b, Vector c) { return a * b + c; }
  static Vector product_rest(Vector a, Vector b, Vector product) {
    const Vector a_shifted = a * 134217729.0, b_shifted = b * 134217729.0;
    const Vector a_high = a_shifted - (a_shifted - a), b_high = b_shifted - (b_shifted - b);
    const Vector a_low = a - a_high, b_low = b - b_high;
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
  }
};

}  // namespace

LinearKernels baseline_kernels() { return LinearLanes<Baseline>::kernels(); }

}  // namespace autophage::simd
