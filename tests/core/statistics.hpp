// Judges for samples: chi-square against a named law, and the uniform variable hidden in a count.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "check.hpp"

namespace autophage::test {

// A test on its own fails below this p-value, and above one minus it (draws that fit too well are
// not independent); a mean fails at more than `most_errors` standard errors.
inline constexpr double ALPHA = 1e-6;
inline constexpr double most_errors = 5.0;

// P(chi^2_df > x): the regularised incomplete gamma function, by its series or continued fraction.
inline double chi_square_tail(double x, double df) {
  const double a = df / 2, z = x / 2;
  if (z <= 0) return 1.0;
  const double front = std::exp(a * std::log(z) - z - std::lgamma(a));
  if (z < a + 1) {
    double term = 1 / a, sum = term;
    for (double k = a + 1; term > sum * 1e-17; k += 1) sum += term *= z / k;
    return 1.0 - front * sum;
  }
  double b = z + 1 - a, c = 1e300, d = 1 / b, value = d;
  for (int i = 1; i < 10000; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    value *= d * c;
    if (std::fabs(d * c - 1) < 1e-15) break;
  }
  return front * value;
}

// p-value of counts against probabilities; neighbouring cells are pooled until at least 20 are
// expected. NaN when that leaves one cell, and nothing to judge.
inline double chi_square(const std::vector<double>& observed, const std::vector<double>& law) {
  double total = 0;
  for (const double x : observed) total += x;
  std::vector<double> seen, expected;
  double o = 0, e = 0;
  for (std::size_t i = 0; i < law.size(); ++i) {
    o += observed[i];
    e += total * law[i];
    if (e < 20) continue;
    seen.push_back(o);
    expected.push_back(e);
    o = e = 0;
  }
  if (seen.size() < 2) return std::nan("");
  seen.back() += o;
  expected.back() += e;
  double statistic = 0;
  for (std::size_t i = 0; i < seen.size(); ++i)
    statistic += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
  return chi_square_tail(statistic, static_cast<double>(seen.size() - 1));
}

// Nothing to judge is a failure, but where a short run left too few draws.
inline bool plausible(double p_value) {
  return std::isnan(p_value) ? effort() < 1 : p_value > ALPHA && p_value < 1 - ALPHA;
}

// P(X < k) + v P(X = k) for X ~ Binomial(n, p): uniform on (0, 1) when k is a draw of X and v
// uniform.
inline double hidden_uniform(long n, double p, long k, double v) {
  if (p <= 0 || p >= 1 || n == 0) return v;  // one count only
  const auto trials = static_cast<double>(n), x = static_cast<double>(k);
  double mass =
      std::exp(std::lgamma(trials + 1) - std::lgamma(x + 1) - std::lgamma(trials - x + 1) +
               x * std::log(p) + (trials - x) * std::log1p(-p));
  double sum = v * mass;
  for (double j = x; j > 0; --j) {  // down from k, until what is left is nothing
    mass *= j / (trials - j + 1) * ((1 - p) / p);
    sum += mass;
    if (j < trials * p && mass < 1e-17) break;
  }
  return sum;
}

}  // namespace autophage::test
