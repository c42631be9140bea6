// Alias tables in integers, laid out as core::AliasColumns: weights are rounded to units, of which
// all columns together have 2^61 to 2^62, and from there on nothing is rounded. The law is that of
// the weights to 1e-16 in total variation for some columns, to 1e-13 for a million.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../core/alias_columns.hpp"

namespace autophage::cpu {

// Sum of weights, each addition with what it lost.
inline double compensated_sum(const std::vector<double>& weight) {
  double sum = 0.0, lost = 0.0;
  for (const double w : weight) {
    const double next = sum + w;
    lost += next >= 2 * w ? (sum - next) + w : (w - next) + sum;
    sum = next;
  }
  return sum + lost;
}

// Appends the columns of the law weight / sum(weight), weight > 0; outcome[i] is drawn with the
// chance of weight[i].
inline void append_columns(const std::vector<double>& weight,
                           const std::vector<std::uint32_t>& outcome,
                           std::vector<std::uint64_t>& columns) {
  using std::int64_t;
  const std::size_t size = weight.size();
  const int bits = 62 - static_cast<int>(std::bit_width(size));
  const int64_t capacity = int64_t{1} << bits;
  const double scale = static_cast<double>(size) * static_cast<double>(capacity);
  const double sum = compensated_sum(weight);
  std::vector<int64_t> units(size);
  std::size_t largest = 0;
  int64_t missing = static_cast<int64_t>(size) << bits;
  for (std::size_t i = 0; i < size; ++i) {
    units[i] = static_cast<int64_t>(weight[i] / sum * scale + 0.5);
    missing -= units[i];
    if (units[i] > units[largest]) largest = i;
  }
  units[largest] += missing;
  // Light columns wait from the front of the stack, heavy ones from its back.
  std::vector<std::size_t> stack(size);
  std::size_t light = 0, heavy = size;
  for (std::size_t i = 0; i < size; ++i) stack[units[i] < capacity ? light++ : --heavy] = i;
  const std::size_t first = columns.size();
  columns.resize(first + 2 * size);
  const auto fill = [&](std::size_t i, std::uint64_t threshold, std::size_t other) {
    columns[first + 2 * i] = threshold;
    columns[first + 2 * i + 1] = core::pack_column(outcome[i], outcome[other]);
  };
  while (light > 0) {  // as all units fill all columns, a heavy one is left
    const std::size_t low = stack[--light], high = stack[heavy];
    fill(low, static_cast<std::uint64_t>(units[low]) << (64 - bits), high);
    units[high] -= capacity - units[low];
    if (units[high] < capacity) {
      ++heavy;
      stack[light++] = high;
    }
  }
  for (; heavy < size; ++heavy) fill(stack[heavy], ~std::uint64_t{0}, stack[heavy]);
}

}  // namespace autophage::cpu
