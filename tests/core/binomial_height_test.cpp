// Heights of the binomial law: the integer mode, the exact rest of the mean, and the ratio of two
// heights up to n = 2^62, against quadruple precision; that truth itself against vectors in 60
// digits.
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "check.hpp"
#include "core/samplers.hpp"
#include "core/stream.hpp"
#include "quad.hpp"

namespace autophage::test {
namespace {

using core::BinomialHeight;
using core::i64;
using core::u64;

__extension__ using i128 = __int128;

void truth_meets_the_vectors() {
  std::ifstream file(AUTOPHAGE_TEST_DATA "/binomial_vectors.txt");
  int count = 0;
  double worst = 0, worst_textbook = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    i64 n, m, k;
    std::string p_text, ratio_text;
    words >> n >> p_text >> m >> k >> ratio_text;
    const quad p = std::strtod(p_text.c_str(), nullptr);
    const quad ratio = strtoflt128(ratio_text.c_str(), nullptr);
    worst = std::fmax(worst, narrow(size_of(log_ratio_truth(n, p, k, m) - ratio)));
    if (n <= 1 << 20)
      worst_textbook =
          std::fmax(worst_textbook, narrow(size_of(textbook_log_ratio(n, p, k, m) - ratio)));
    ++count;
  }
  CHECK(count > 140);
  CHECK_AT_MOST(worst, 1e-22, "truth by deviances against 60 digits: absolute, n to 2^62");
  CHECK_AT_MOST(worst_textbook, 1e-24, "truth by factorials against 60 digits: n to 2^20");
}

// floor(n p) of a double p = M 2^-e <= 1/2, and n p less that, exactly.
struct Exact {
  i64 whole;
  quad fraction;
};
Exact product(i64 n, double p) {
  int e = 0;
  const double m = std::frexp(p, &e);
  const i128 mantissa = static_cast<i128>(std::ldexp(m, 53));
  const int shift = 53 - e;  // p = mantissa 2^-shift, shift >= 54
  const i128 all = mantissa * n;
  if (shift >= 126) return {0, static_cast<quad>(all) * scalbnq(1, -shift)};
  const i64 whole = static_cast<i64>(all >> shift);
  return {whole, static_cast<quad>(all - (static_cast<i128>(whole) << shift)) * scalbnq(1, -shift)};
}

std::vector<i64> sizes() {
  std::vector<i64> n{20, 31, 50, 300, 301, 700, 1000, 1024, 1025, 1000000, 1000000000};
  for (const int e : {20, 21, 30, 31, 32, 45, 52, 53, 54, 61, 62})
    for (const i64 step : {-1, 0, 1})
      if (e < 62 || step < 1) n.push_back((i64{1} << e) + step);
  return n;
}

core::Stream& words() {
  static core::Stream stream(8, 0, 0, core::Purpose::truth);
  return stream;
}

// Success probabilities <= 1/2 with n p >= 10: special ones, the least, and random ones on a log
// scale.
std::vector<double> chances(i64 n, long more) {
  const double least = 10 / static_cast<double>(n);
  std::vector<double> all{0.5,  std::nextafter(0.5, 0), 1.0 / 3, 0.25, 0.1, 1e-3, 1e-6, 1e-10,
                          least};
  for (long i = 0; i < more; ++i) all.push_back(0.5 * std::pow(2 * least, words().uniform()));
  std::vector<double> kept;
  for (const double p : all)
    if (p <= 0.5 && static_cast<double>(n) * p >= 10) kept.push_back(p);
  return kept;
}

void modes() {
  double worst_small = 0, worst_large = 0;
  for (const i64 n : sizes())
    for (const double p : chances(n, share_of(2000))) {
      const BinomialHeight law(n, p);
      const Exact mean = product(n, p);
      const i64 mode = mean.whole + (mean.fraction + p >= 1);
      const double near = std::fabs(narrow(mean.fraction + p - 1));
      // Where (n + 1) p is an integer but for rounding, the two counts have one height: either will
      // do.
      CHECK(law.mode == mode || (std::abs(law.mode - mode) == 1 && near < 1e-9));
      const quad less = wide(law.mode - mean.whole) - mean.fraction;
      double& worst = n <= BinomialHeight::small_n ? worst_small : worst_large;
      worst = std::fmax(worst, narrow(size_of(law.mode_less_mean - less)));
      CHECK(law.mode_less_mean > -1 - 1e-9 && law.mode_less_mean <= 1 + 1e-9);
      CHECK(std::fabs(law.mean - narrow(n * wide(p))) <= 5e-16 * law.mean);
      CHECK(law.mode >= 0 && law.mode <= n);
    }
  CHECK_AT_MOST(worst_small, 0x1p-34, "mode - n p, n to 2^20: absolute");
  CHECK_AT_MOST(worst_large, 0x1p-44, "mode - n p, n above: absolute");
}

// The largest relative error of f(k) / f(mode) among counts within 7.5 deviations.
double ratio_error(i64 n, double p, long counts) {
  const BinomialHeight law(n, p);
  const double deviation = std::sqrt(law.mean * law.q);
  const quad top = log_height_truth(n, p, law.mode);
  double worst = 0;
  for (long i = 0; i < counts; ++i) {
    const double z = 7.5 * (2 * words().uniform() - 1);
    const i64 k = law.mode + static_cast<i64>(z * deviation);
    if (k < 0 || k > n) continue;
    const quad truth = log_height_truth(n, p, k) - top;
    const double found = law.exponent(law.mode) - law.exponent(k);
    worst = std::fmax(worst, narrow(size_of(found - truth)));
  }
  return worst;
}

void ratios() {
  double worst_to_53 = 0, worst = 0;
  for (const i64 n : sizes())
    for (const double p : chances(n, share_of(20))) {
      double& of = n <= (i64{1} << 53) + 1 ? worst_to_53 : worst;
      of = std::fmax(of, ratio_error(n, p, share_of(50)));
    }
  CHECK_AT_MOST(worst_to_53, 2e-12, "f(k) / f(mode) within 7.5 deviations: relative, n to 2^53");
  CHECK_AT_MOST(worst, 2e-13, "the same, n to 2^62");
}

// A planted fault: the ratio by log-factorials in double precision, as textbooks have it.
void the_judge_sees_the_textbook_form() {
  const i64 n = i64{1} << 62, m = n / 2;
  const auto rest = [](double k) { return k * std::log(k) - k; };
  double worst = 0;
  for (int i = 1; i <= 100; ++i) {
    const i64 k = m + (i64{1} << 26) * i;
    const double a = static_cast<double>(m), b = static_cast<double>(k),
                 c = static_cast<double>(n - k);
    const double textbook =
        rest(a) - rest(b) + rest(a) - rest(c) + 0.5 * (2 * std::log(a) - std::log(b) - std::log(c));
    const quad truth = log_ratio_truth(n, quad{1} / 2, k, m);
    worst = std::fmax(worst, narrow(size_of(textbook - truth)));
  }
  std::printf("the textbook form at n = 2^62 is off by %.3g\n", worst);
  CHECK(worst > 8);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  truth_meets_the_vectors();
  modes();
  ratios();
  the_judge_sees_the_textbook_form();
  return finish();
}
