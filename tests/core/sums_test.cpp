// Exact sums against long-hand arithmetic in 32-bit digits, and means and variances against
// quadruple precision.
#include "core/sums.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/stream.hpp"
#include "quad.hpp"

namespace autophage::test {
namespace {

using core::ExactSum;
using core::u32;
using core::u64;

// A natural number of any size, least digit first.
struct Natural {
  std::vector<u32> digit;

  explicit Natural(u64 x = 0) : digit{static_cast<u32>(x), static_cast<u32>(x >> 32)} {}
  Natural(const u64* limb, int size) {
    for (int i = 0; i < size; ++i) {
      digit.push_back(static_cast<u32>(limb[i]));
      digit.push_back(static_cast<u32>(limb[i] >> 32));
    }
  }
  u32 at(std::size_t i) const { return i < digit.size() ? digit[i] : 0; }

  friend Natural operator+(const Natural& a, const Natural& b) {
    Natural sum;
    sum.digit.clear();
    u64 carry = 0;
    for (std::size_t i = 0; i < std::max(a.digit.size(), b.digit.size()) + 1; ++i) {
      carry += u64{a.at(i)} + b.at(i);
      sum.digit.push_back(static_cast<u32>(carry));
      carry >>= 32;
    }
    return sum;
  }
  friend Natural operator*(const Natural& a, const Natural& b) {
    Natural product;
    product.digit.assign(a.digit.size() + b.digit.size(), 0);
    for (std::size_t i = 0; i < a.digit.size(); ++i) {
      u64 carry = 0;
      for (std::size_t j = 0; j < b.digit.size() || carry > 0; ++j) {
        if (i + j >= product.digit.size()) break;
        carry += u64{a.digit[i]} * b.at(j) + product.digit[i + j];
        product.digit[i + j] = static_cast<u32>(carry);
        carry >>= 32;
      }
    }
    return product;
  }
  friend Natural operator-(const Natural& a, const Natural& b) {  // a >= b
    Natural difference;
    difference.digit.clear();
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < std::max(a.digit.size(), b.digit.size()); ++i) {
      borrow += std::int64_t{a.at(i)} - b.at(i);
      difference.digit.push_back(static_cast<u32>(borrow));
      borrow >>= 32;
    }
    CHECK(borrow == 0);
    return difference;
  }
  friend bool operator==(const Natural& a, const Natural& b) {
    for (std::size_t i = 0; i < std::max(a.digit.size(), b.digit.size()); ++i)
      if (a.at(i) != b.at(i)) return false;
    return true;
  }
  quad value() const {
    quad x = 0;
    for (std::size_t i = digit.size(); i-- > 0;) x = x * 0x1p32 + digit[i];
    return x;
  }
};

Natural sum_in(const ExactSum& total) { return {total.sum, 2}; }
Natural squares_in(const ExactSum& total) { return {total.squares, 3}; }

core::Stream& words() {
  static core::Stream stream(6, 0, 0, core::Purpose::truth);
  return stream;
}

double relative(double found, quad truth) {
  return truth == 0 ? std::fabs(found) : narrow(size_of((found - truth) / truth));
}

// Mean and variance of `count` values from exact sums, against the same in quadruple precision.
void check_moments(const ExactSum& total, const Natural& sum, const Natural& squares, u64 count,
                   double scale) {
  CHECK(sum_in(total) == sum);
  CHECK(squares_in(total) == squares);
  CHECK(relative(core::mean_of(total, count, scale), sum.value() / count / scale) < 4e-16);
  if (count < 2) return;
  const Natural centred = Natural(count) * squares - sum * sum;
  const quad variance =
      centred.value() / (wide(static_cast<double>(count)) * (count - 1)) / scale / scale;
  CHECK(relative(core::centred_squares(total, count), centred.value()) < 4e-16);
  CHECK(relative(core::variance_of(total, count, scale), variance) < 1e-15);
}

void random_values() {
  for (int round = 0; round < 200; ++round) {
    ExactSum total;
    Natural sum, squares;
    const u64 count = 1 + words().next64() % 40;
    for (u64 i = 0; i < count; ++i) {
      u64 x = words().next64() >> (words().next64() % 64);
      if (words().next64() % 8 == 0) x = ~u64{0} - x % 3;  // carries all the way
      total.add(x);
      sum = sum + Natural(x);
      squares = squares + Natural(x) * Natural(x);
    }
    check_moments(total, sum, squares, count, round % 2 == 0 ? 1.0 : core::fixed_point);
  }
}

// Values that differ in the last place only: no digits are lost in the difference of the squares.
void close_values() {
  ExactSum total;
  Natural sum, squares;
  const u64 base = (u64{1} << 60) + 12345;
  for (u64 i = 0; i < 1001; ++i) {
    const u64 x = base + i % 2;
    total.add(x);
    sum = sum + Natural(x);
    squares = squares + Natural(x) * Natural(x);
  }
  check_moments(total, sum, squares, 1001, core::fixed_point);
  CHECK(relative(core::centred_squares(total, 1001), quad{501} * 500) == 0);
}

// 2^38 runs of the largest value, 2 (or of the longest time, 2^63), by doubling.
void all_the_runs_there_can_be() {
  for (const u64 largest : {core::to_fixed(2.0), u64{1} << 63, ~u64{0} >> 1}) {
    ExactSum total, one_less;
    total.add(largest);
    one_less.add(largest - 1);
    for (int i = 1; i < 38; ++i) {
      total.add(ExactSum(total));
      one_less.add(ExactSum(one_less));
    }
    total.add(one_less);  // one half of each
    const u64 half = u64{1} << 37, count = 2 * half;
    const Natural sum = Natural(half) * (Natural(largest) + Natural(largest - 1));
    const Natural squares = Natural(half) * (Natural(largest) * Natural(largest) +
                                             Natural(largest - 1) * Natural(largest - 1));
    check_moments(total, sum, squares, count, core::fixed_point);
    check_moments(total, sum, squares, count, 1.0);
  }
}

void constants_have_no_variance() {
  for (const u64 x : {u64{0}, u64{1}, u64{999}, core::to_fixed(1.0 / 3), core::to_fixed(2.0)})
    for (const u64 count : {2U, 3U, 7U, 1000U, 99991U}) {
      ExactSum total;
      for (u64 i = 0; i < count; ++i) total.add(x);
      CHECK(core::variance_of(total, count, core::fixed_point) == 0.0);
      CHECK(core::centred_squares(total, count) == 0.0);
    }
}

// Any grouping and order gives the same limbs.
void order_does_not_matter() {
  std::vector<u64> values(1000);
  for (u64& x : values) x = words().next64();
  ExactSum forward;
  for (const u64 x : values) forward.add(x);
  std::vector<ExactSum> shards(7);
  for (std::size_t i = values.size(); i-- > 0;) shards[i % 7].add(values[i]);
  ExactSum merged;
  for (const std::size_t s : {3U, 0U, 6U, 1U, 5U, 2U, 4U}) merged.add(shards[s]);
  CHECK(std::equal(forward.sum, forward.sum + 2, merged.sum));
  CHECK(std::equal(forward.squares, forward.squares + 3, merged.squares));
}

void too_few_and_fixed_point() {
  const ExactSum nothing;
  CHECK(std::isnan(core::mean_of(nothing, 0, 1.0)) &&
        std::isnan(core::variance_of(nothing, 0, 1.0)));
  ExactSum one;
  one.add(5);
  CHECK(core::mean_of(one, 1, 1.0) == 5.0 && std::isnan(core::variance_of(one, 1, 1.0)));
  CHECK(core::to_fixed(0.0) == 0 && core::to_fixed(1.0) == u64{1} << 60);
  CHECK(core::to_fixed(2.0) == u64{1} << 61 && core::to_fixed(0x1p-60) == 1);
  CHECK(core::to_fixed(0x1.fp-61) == 0);  // truncated
  CHECK(core::to_fixed(1.0 - 0x1p-53) == (u64{1} << 60) - 128);
}

void products() {
  for (int round = 0; round < 500; ++round) {
    u64 a[3], b[2], product[5];
    for (u64& limb : a) limb = round % 3 == 0 ? ~u64{0} : words().next64();
    for (u64& limb : b) limb = round % 5 == 0 ? ~u64{0} : words().next64();
    core::multiply_limbs(a, 3, b, 2, product);
    CHECK(Natural(product, 5) == Natural(a, 3) * Natural(b, 2));
    core::add_limbs(a, 3, b, 2);
    core::add_limbs(a, 3, product, 1);
  }
  u64 full[3] = {~u64{0}, ~u64{0}, 0};
  const u64 one = 1;
  core::add_limbs(full, 3, &one, 1);
  CHECK(full[0] == 0 && full[1] == 0 && full[2] == 1);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  random_values();
  close_values();
  all_the_runs_there_can_be();
  constants_have_no_variance();
  order_does_not_matter();
  too_few_and_fixed_point();
  products();
  return finish();
}
