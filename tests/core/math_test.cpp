// exp, log, log1p, deviance and the rest of Stirling's formula against quadruple precision, on
// dense and random grids, with bounds in units in the last place (ulp).
#include "core/math.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "core/stream.hpp"
#include "quad.hpp"

namespace autophage::test {
namespace {

using core::i64;
using core::u64;

// The largest error over a grid, and where.
struct Worst {
  double error = 0, at = 0;
  void see(double error_here, double x) {
    if (!(error_here <= error)) {
      error = error_here;
      at = x;
    }
  }
};

core::Stream& words() {
  static core::Stream stream(3, 1, 4, core::Purpose::truth);
  return stream;
}

// Uniform on (low, high).
double between(double low, double high) { return low + (high - low) * words().uniform(); }

// Any positive finite double, each exponent alike.
double any_positive() {
  const u64 word = words().next64();
  return core::double_of(word % 0x7ff0000000000000ULL);
}

template <class F, class Truth>
Worst compare(F&& f, Truth&& truth, double low, double high, long points) {
  Worst worst;
  for (long i = 0; i <= points; ++i) {
    const double even = low + (high - low) * (static_cast<double>(i) / static_cast<double>(points));
    for (const double x : {even, between(low, high)}) worst.see(ulps(f(x), truth(x)), x);
  }
  return worst;
}

// Doubles around x, in order, must give values in order (up to `slack` ulp where a step joins two
// pieces).
template <class F>
bool rises_around(F&& f, double x, int each_side) {
  double y = x;
  for (int i = 0; i < each_side; ++i) y = std::nextafter(y, -INFINITY);
  double before = f(y);
  for (int i = 0; i < 2 * each_side; ++i) {
    y = std::nextafter(y, INFINITY);
    const double now = f(y);
    if (!(now >= before)) return false;
    before = now;
  }
  return true;
}

double exponential(double x) { return core::exp(x); }
double logarithm(double x) { return core::log(x); }
double logarithm1p(double x) { return core::log1p(x); }
quad exp_truth(double x) { return expq(x); }
quad log_truth(double x) { return logq(x); }
quad log1p_truth(double x) { return log1pq(x); }

void exponentials() {
  const long points = share_of(8e4);
  CHECK_AT_MOST(compare(exponential, exp_truth, -1.0, 1.0, points).error, 1.0,
                "exp, |x| <= 1: ulp");
  CHECK_AT_MOST(compare(exponential, exp_truth, -50.0, 50.0, points).error, 1.0,
                "exp, |x| <= 50: ulp");
  CHECK_AT_MOST(compare(exponential, exp_truth, -708.0, 700.0, points).error, 1.0,
                "exp, -708 .. 700: ulp");
  CHECK_AT_MOST(compare(exponential, exp_truth, -745.0, -708.0, points).error, 1.0,
                "exp, subnormal values: units of 2^-1074");
  CHECK(core::exp(0.0) == 1.0 && core::exp(-0.0) == 1.0);
  CHECK(core::exp(-745.0) == 0x1p-1074 && core::exp(std::nextafter(-745.0, -800.0)) == 0.0);
  CHECK(core::exp(-1e308) == 0.0 && core::exp(-INFINITY) == 0.0);
  CHECK(core::exp(0x1p-1074) == 1.0 && core::exp(-0x1p-1074) == 1.0 && core::exp(0x1p-60) == 1.0);
  CHECK(std::isfinite(core::exp(700.0)));
  for (int k = -1000; k <= 1000; ++k)  // both sides of every change of the power of two
    CHECK(rises_around(exponential, (k + 0.5) * 0.69314718055994530942, 4));
  for (const double x : {-745.0, -708.39641853226408, -1.0, 0.0, 1.0, 700.0})
    CHECK(rises_around(exponential, x, 100));
}

void logarithms() {
  const long points = share_of(8e4);
  CHECK_AT_MOST(compare(logarithm, log_truth, 0.5, 2.0, points).error, 1.0, "log, 1/2 .. 2: ulp");
  CHECK_AT_MOST(compare(logarithm, log_truth, 0.99, 1.01, points).error, 1.0,
                "log, .99 .. 1.01: ulp");
  CHECK_AT_MOST(compare(logarithm, log_truth, 0x1p-53, 1.0, points).error, 1.0,
                "log, uniforms: ulp");
  Worst worst;
  for (long i = 0; i < points; ++i) {
    const double x = any_positive();
    worst.see(ulps(core::log(x), logq(x)), x);
  }
  CHECK_AT_MOST(worst.error, 1.0, "log, every exponent, subnormal included: ulp");
  worst = {};
  for (int e = -1074; e < 1024; ++e) {
    const double x = std::ldexp(1.0, e);
    worst.see(ulps(core::log(x), logq(x)), x);
    if (e > -1070) CHECK(rises_around(logarithm, x, 3));
    if (e > -1070) CHECK(rises_around(logarithm, x * 0x1.6a09e667f3bcdp-1, 3));
  }
  CHECK_AT_MOST(worst.error, 1.0, "log, powers of two: ulp");
  CHECK(core::log(1.0) == 0.0);
  CHECK(core::log(0x1p-1074) < -744.0 && core::log(std::numeric_limits<double>::max()) < 709.79);
}

void logarithms_of_one_plus() {
  const long points = share_of(8e4);
  const auto error = [&](double low, double high) {
    return compare(logarithm1p, log1p_truth, low, high, points).error;
  };
  CHECK_AT_MOST(error(-0.29, 0.41), 1.0, "log1p, -.29 .. .41: ulp");
  CHECK_AT_MOST(error(-1e-5, 1e-5), 1.0, "log1p, |x| < 1e-5: ulp");
  CHECK_AT_MOST(error(-1.0 + 0x1p-53, -0.29), 1.0, "log1p, -1 .. -.29: ulp");
  CHECK_AT_MOST(error(0.41, 4.0), 1.0, "log1p, .41 .. 4: ulp");
  Worst worst;
  for (long i = 0; i < points; ++i) {
    const double x = any_positive();
    worst.see(ulps(core::log1p(x), log1pq(x)), x);
    if (x < 1) worst.see(ulps(core::log1p(-x), log1pq(-x)), -x);
  }
  CHECK_AT_MOST(worst.error, 1.0, "log1p, every exponent: ulp");
  CHECK(core::log1p(0.0) == 0.0 && core::log1p(0x1p-1074) == 0x1p-1074);
  CHECK(core::log1p(-0x1p-1074) == -0x1p-1074);
  for (const double x : {-0.29, 0.41, 0.0, -0.5, 1.0}) CHECK(rises_around(logarithm1p, x, 20));
}

// Relative to the value, because the samplers multiply it by the mean.
void deviances() {
  const long points = share_of(8e4);
  const auto error = [&](double low, double high) {
    Worst worst;
    for (long i = 0; i < points; ++i) {
      const double y = between(low, high);
      const quad truth = deviance_truth(y);
      if (truth > 0) worst.see(narrow(size_of(core::deviance(y) - truth) / truth) * 0x1p52, y);
    }
    return worst.error;
  };
  CHECK_AT_MOST(error(-0.1, 0.1), 4.0, "deviance, |y| <= .1: relative, in 2^-52");
  CHECK_AT_MOST(error(-1e-6, 1e-6), 4.0, "deviance, |y| <= 1e-6: relative, in 2^-52");
  CHECK_AT_MOST(error(0.1, 1.0), 50.0, "deviance, .1 .. 1: relative, in 2^-52");
  CHECK_AT_MOST(error(-1.0, -0.1), 50.0, "deviance, -1 .. -.1: relative, in 2^-52");
  CHECK_AT_MOST(error(1.0, 1e6), 8.0, "deviance, 1 .. 1e6: relative, in 2^-52");
  CHECK(core::deviance(0.0) == 0.0 && core::deviance(-1.0) == 1.0);
  CHECK(core::deviance(std::nextafter(-1.0, 0.0)) <= 1.0);
  Worst worst;  // down to y = 1e-150, where y^2 is still normal
  for (double y = 1e-1; y > 1e-150; y *= 0.3)
    for (const double z : {y, -y}) {
      const quad truth = deviance_truth(z);
      worst.see(narrow(size_of(core::deviance(z) - truth) / truth) * 0x1p52, z);
    }
  CHECK_AT_MOST(worst.error, 4.0, "deviance, 1e-150 .. .1: relative, in 2^-52");
}

void stirling_rests() {
  Worst worst;
  const auto see = [&](i64 k) {
    worst.see(narrow(size_of(core::stirling_rest(k) - stirling_truth(k))), static_cast<double>(k));
  };
  for (i64 k = 0; k <= 5000; ++k) see(k);
  CHECK_AT_MOST(worst.error, 1e-15, "stirling_rest, 0 .. 5000: absolute");
  worst = {};
  for (int e = 12; e <= 62; ++e)
    for (const i64 step : {-1, 0, 1}) see((i64{1} << e) + (e < 62 || step < 1 ? step : 0));
  for (long i = 0; i < share_of(1e5); ++i)
    see(static_cast<i64>(words().next64() >> (2 + words().next32() % 50)));
  CHECK_AT_MOST(worst.error, 5e-15, "stirling_rest, to 2^62: absolute");
  CHECK(core::stirling_rest(0) == 0.0 && core::stirling_rest(1) == 1.0);
  CHECK(core::stirling_rest(15) < core::stirling_rest(16));
  // The truth itself: where both of its forms hold, they agree.
  const quad by_factorial = log_factorial(1000) - 1000 * (logq(1000) - 1);
  CHECK(size_of(stirling_truth(1000) - by_factorial) < 1e-28);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  exponentials();
  logarithms();
  logarithms_of_one_plus();
  deviances();
  stirling_rests();
  return finish();
}
