// Normal quantiles against vectors in 60 digits and against quadruple precision, tails included,
// and the law of draws.
#include "core/normal.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "check.hpp"
#include "core/stream.hpp"
#include "quad.hpp"

namespace autophage::test {
namespace {

using core::normal_quantile;
using core::u64;

constexpr u64 half = u64{1} << 51;  // of the midpoints

double midpoint(u64 m) { return (static_cast<double>(m) + 0.5) * 0x1p-52; }

// The quantile at u <= 1/2 in quadruple precision: one step of Newton's method from a double.
quad truth(double u) {
  const quad z = normal_quantile(u), root = sqrtq(quad{2});
  const quad density = expq(-z * z / 2) / sqrtq(2 * acosq(quad{-1}));
  const quad step = (erfcq(-z / root) / 2 - u) / density;
  return z - step / (1 + z * step / 2);  // Halley's: the rest is the step's cube
}

void quantiles_meet_the_vectors() {
  std::ifstream file(AUTOPHAGE_TEST_DATA "/normal_vectors.txt");
  double worst = 0, worst_truth = 0;
  int count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    u64 m;
    std::string text;
    words >> m >> text;
    const quad z = strtoflt128(text.c_str(), nullptr);
    worst = std::fmax(worst, ulps(normal_quantile(midpoint(m)), z));
    worst_truth = std::fmax(worst_truth, narrow(size_of(truth(midpoint(m)) / z - 1)));
    ++count;
  }
  CHECK(count >= 25);
  CHECK_AT_MOST(worst, 8, "ulp, against vectors");
  CHECK_AT_MOST(worst_truth, 1e-18, "the judge in quadruple precision against vectors");
}

// Random u, of every size alike in logarithm, and evenly in (0, 1/2).
void quantiles_are_accurate() {
  core::Stream words(1, 2, 3, core::Purpose::truth);
  double central = 0, tail = 0;
  for (long i = 0; i < share_of(200'000); ++i) {
    const u64 even = words.next64() >> 13;
    const u64 small = (words.next64() >> 13) >> (words.next32() % 51);
    for (const u64 m : {even, small}) {
      const double u = midpoint(m), error = ulps(normal_quantile(u), truth(u));
      (u < 0.075 ? tail : central) = std::fmax(u < 0.075 ? tail : central, error);
    }
  }
  CHECK_AT_MOST(central, 8, "ulp, |u - 1/2| <= .425");
  CHECK_AT_MOST(tail, 8, "ulp, tails");
}

void quantiles_are_odd_and_rise() {
  core::Stream words(1, 2, 4, core::Purpose::truth);
  for (long i = 0; i < share_of(100'000); ++i) {
    const u64 m = (words.next64() >> 13) >> (words.next32() % 51);
    CHECK(normal_quantile(midpoint(2 * half - 1 - m)) == -normal_quantile(midpoint(m)));
  }
  // Cells are far apart where the law is thin; elsewhere neighbours may be equal, or off by
  // rounding.
  for (u64 m = 0; m < 100'000; ++m)
    CHECK(normal_quantile(midpoint(m + 1)) > normal_quantile(midpoint(m)));
  for (const double u : {0.075, std::exp(-25.0)}) {  // where two pieces meet
    const auto m = static_cast<u64>(u * 0x1p52);
    for (u64 near = m - 1000; near < m + 1000; ++near)
      CHECK(normal_quantile(midpoint(near + 1)) >= normal_quantile(midpoint(near)) - 1e-14);
  }
  CHECK(normal_quantile(midpoint(0)) < -8.2 && normal_quantile(midpoint(0)) > -8.3);
  CHECK(normal_quantile(0.5) == 0.0);
}

// The largest distance between the law of a sample and the normal law, times sqrt(count).
double distance(std::vector<double> sample) {
  std::sort(sample.begin(), sample.end());
  double worst = 0;
  const auto count = static_cast<double>(sample.size());
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double below = std::erfc(-sample[i] / std::sqrt(2.0)) / 2, at = static_cast<double>(i);
    worst = std::max({worst, below - at / count, (at + 1) / count - below});
  }
  return worst * std::sqrt(count);
}

void draws_are_normal() {
  core::Stream stream(5, 6, 7, core::Purpose::pool_noise);
  std::vector<double> sample;
  double fourth = 0;
  const long count = share_of(1'000'000);
  for (long i = 0; i < count; ++i) {
    sample.push_back(core::draw_normal(stream));
    fourth += std::pow(sample.back(), 4);
  }
  CHECK_AT_MOST(distance(sample), 2.69, "Kolmogorov's distance, 1e-6 by chance");
  const double error = std::sqrt(96.0 / static_cast<double>(count));
  CHECK_AT_MOST(std::fabs(fourth / static_cast<double>(count) - 3) / error, 5, "z, 4th moment");
  for (double& z : sample) z *= 1.01;
  if (effort() >= 1) CHECK(distance(sample) > 2.69);  // the judge sees a deviation of 1.01
}

void a_draw_takes_one_word_of_64_bits() {
  core::Stream stream(5, 6, 7, core::Purpose::pool_noise), words = stream;
  for (int i = 0; i < 100; ++i)
    CHECK(core::draw_normal(stream) == normal_quantile(midpoint(words.next64() >> 12)));
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  quantiles_meet_the_vectors();
  quantiles_are_accurate();
  quantiles_are_odd_and_rise();
  draws_are_normal();
  a_draw_takes_one_word_of_64_bits();
  return finish();
}
