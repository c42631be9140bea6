// The spectral radius from normalised squarings: with B_k = A^(2^k) but for a power of two,
// rho^(2^k) is the ratio of the traces of A^(2^(k+1)) and A^(2^k) once the largest eigenvalues
// (equal real ones) outweigh the rest, which takes a few squarings; where they never do (complex
// pairs), |A^(2^k)|^(1/2^k) after many.
#pragma once

#include "math.hpp"

namespace autophage::core {

inline constexpr int most_squarings = 42;  // then |A^(2^k)|^(1/2^k) is within 1e-11 of rho

// A power of two that brings x near 1, to below 4 at most; 1 for 0 and for what is not finite.
AUTOPHAGE_HD inline double nearby_power(double x) {
  const u64 exponent = bits_of(x) >> 52 & 0x7ff;
  if (exponent == 0 || exponent == 0x7ff) return 1.0;
  return double_of((exponent < 2046 ? 2046 - exponent : 1) << 52);
}

AUTOPHAGE_HD inline double log2_of_power(double power) {
  return static_cast<double>(static_cast<i64>(bits_of(power) >> 52) - 1023);
}

// One lane's way to the radius.
class RadiusSearch {
 public:
  // `trace` and `norm` of A^(2^k) times 2^-shift.
  AUTOPHAGE_HD void look(int k, double trace, double norm, double shift) {
    if (found_) return;
    if (!(norm > 0.0)) return end(0.0);
    const double scale = 1.0 / static_cast<double>(i64{1} << k);
    const double at = log(absolute(trace) + 0x1p-1000) + shift * ln2;
    if (k > 0) {
      const double exponent = (at - last_trace_) * (2.0 * scale);
      const bool still = k > 1 && absolute(exponent - last_) <= 2e-14 && agreed_;
      agreed_ = k > 1 && absolute(exponent - last_) <= 2e-14;
      last_ = exponent;
      if (still) return end(exp(exponent));
    }
    last_trace_ = at;
    if (k == most_squarings) end(exp((log(norm) + shift * ln2) * scale));
  }
  AUTOPHAGE_HD bool found() const { return found_; }
  AUTOPHAGE_HD double radius() const { return radius_; }

 private:
  AUTOPHAGE_HD void end(double radius) {
    found_ = true;
    radius_ = radius;
  }
  static constexpr double ln2 = 0x1.62e42fefa39efp-1;
  double last_trace_ = 0, last_ = 0, radius_ = 0;
  bool found_ = false, agreed_ = false;
};

}  // namespace autophage::core
