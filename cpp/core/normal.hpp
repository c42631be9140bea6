// The standard normal law by inversion: one uniform, hence one 64-bit word, a draw.
#pragma once

#include "math.hpp"

namespace autophage::core {

// (a_0 + a_1 r + .. + a_7 r^7) / (b_0 + .. + b_7 r^7).
AUTOPHAGE_HD inline double rational(const double (&a)[8], const double (&b)[8], double r) {
  double above = a[7], below = b[7];
  for (int i = 6; i >= 0; --i) {
    above = above * r + a[i];
    below = below * r + b[i];
  }
  return above / below;
}

// Coefficients of the quantile near 1/2.
struct CentralQuantile {
  double above[8] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                     3.3430575583588128105e4, 2.5090809287301226727e3};
  double below[8] = {1.0,
                     4.2313330701600911252e1,
                     6.8718700749205790830e2,
                     5.3941960214247511077e3,
                     2.1213794301586595867e4,
                     3.9307895800092710610e4,
                     2.8729085735721942674e4,
                     5.2264952788528545610e3};
};

// Quantiles of the standard normal law within .425 of 1/2, as q = u - 1/2 times a function of q^2.
AUTOPHAGE_HD inline double central_quantile(double q) {
  constexpr CentralQuantile terms;
  return q * rational(terms.above, terms.below, 0.180625 - q * q);
}

// The quantile at 1 - tail, 0 < tail < .075, as a function of sqrt(-ln tail).
AUTOPHAGE_HD inline double tail_quantile(double tail) {
  constexpr double near_above[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                    5.76949722146069140550e0,  3.64784832476320460504e0,
                                    1.27045825245236838258e0,  2.41780725177450611770e-1,
                                    2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double near_below[8] = {1.0,
                                    2.05319162663775882187e0,
                                    1.67638483018380384940e0,
                                    6.89767334985100004550e-1,
                                    1.48103976427480074590e-1,
                                    1.51986665636164571966e-2,
                                    5.47593808499534494600e-4,
                                    1.05075007164441684324e-9};
  constexpr double far_above[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                   1.78482653991729133580e0,  2.96560571828504891230e-1,
                                   2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                   2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double far_below[8] = {1.0,
                                   5.99832206555887937690e-1,
                                   1.36929880922735805310e-1,
                                   1.48753612908506148525e-2,
                                   7.86869131145613259100e-4,
                                   1.84631831751005468180e-5,
                                   1.42151175831644588870e-7,
                                   2.04426310338993978564e-15};
  const double root = square_root(-log(tail));
  return root <= 5.0 ? rational(near_above, near_below, root - 1.6)
                     : rational(far_above, far_below, root - 5.0);
}

// The quantile of the standard normal law at u in (0, 1) where 1 - u is exact, as it is for every
// value of `Stream::uniform`: algorithm AS 241 (PPND16) of Wichura, Applied Statistics 37 (1988).
// Within 8 ulp of the truth, and odd to the bit: u and 1 - u give z and -z. The values of `uniform`
// give |z| <= 8.21, for the outermost cell of 2^-52 on either side.
AUTOPHAGE_HD inline double normal_quantile(double u) {
  const double q = u - 0.5;
  if (absolute(q) <= 0.425) return central_quantile(q);
  return q < 0.0 ? -tail_quantile(u) : tail_quantile(1.0 - u);
}

// One draw. Source: `uniform()` on (0, 1).
template <class Source>
AUTOPHAGE_HD double draw_normal(Source& source) {
  return normal_quantile(source.uniform());
}

}  // namespace autophage::core
