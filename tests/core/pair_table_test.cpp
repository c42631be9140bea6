// The table for two tokens: the law of every row over all 2^64 words, counted by bisection, against
// Binomial(n, k / n) in quadruple precision.
#include <algorithm>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/chain_neutral.hpp"
#include "quad.hpp"

namespace autophage::test {
namespace {

using core::i32;
using core::i64;
using core::PairTable;
using core::u64;

__extension__ using u128 = unsigned __int128;

// A table with memory for sizes up to n.
struct Table {
  std::vector<u64> entry, threshold;
  std::vector<PairTable::Row> row;
  std::vector<double> weight;
  std::vector<i32> alias, stack;
  PairTable table;

  explicit Table(i64 n)
      : entry(static_cast<std::size_t>(PairTable::rows(n) * PairTable::stride(n))),
        threshold(static_cast<std::size_t>(PairTable::stride(n))),
        row(static_cast<std::size_t>(PairTable::rows(n))),
        weight(threshold.size()),
        alias(threshold.size()),
        stack(threshold.size()),
        table(entry.data(), row.data(), weight.data(), threshold.data(), alias.data(),
              stack.data()) {}
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
};

// How many words lead to each count. A column's words keep its own count up to some word, and give
// the other one from there on.
std::vector<u128> words_of(Table& t, i64 n, i64 k) {
  std::vector<u128> words(static_cast<std::size_t>(n + 1));
  t.table.next(k, 0);  // builds the row
  const auto width = static_cast<u128>(t.row[static_cast<std::size_t>(std::min(k, n - k))].width);
  const u128 all = u128{1} << 64;
  for (u128 j = 0; j < width; ++j) {
    const u128 begin = (j * all + width - 1) / width, end = ((j + 1) * all + width - 1) / width;
    const auto at = [&](u128 word) {
      return static_cast<std::size_t>(t.table.next(k, static_cast<u64>(word)));
    };
    const std::size_t own = at(begin), other = at(end - 1);
    u128 low = begin, high = end - 1;  // own at low, other at high
    while (own != other && high - low > 1) {
      const u128 middle = low + (high - low) / 2;
      (at(middle) == own ? low : high) = middle;
    }
    words[own] += own == other ? end - begin : high - begin;
    if (own != other) words[other] += end - high;
  }
  return words;
}

struct Worst {
  double variation = 0, lost = 0;
};

// Binomial(n, k / n) by the ratios of neighbours, from the mode.
std::vector<quad> truth_of(i64 n, i64 k) {
  std::vector<quad> law(static_cast<std::size_t>(n + 1));
  const quad odds = wide(k) / wide(n - k);
  law[static_cast<std::size_t>(k)] = 1;
  quad all = 1;
  for (i64 x = k; x < n; ++x)
    all += law[static_cast<std::size_t>(x + 1)] =
        law[static_cast<std::size_t>(x)] * odds * (n - x) / (x + 1);
  for (i64 x = k; x > 0; --x)
    all += law[static_cast<std::size_t>(x - 1)] =
        law[static_cast<std::size_t>(x)] / odds * x / (n - x + 1);
  for (quad& mass : law) mass /= all;
  return law;
}

void compare(Table& t, i64 n, i64 k, Worst& worst) {
  const std::vector<u128> words = words_of(t, n, k);
  const std::vector<quad> truth = truth_of(n, k);
  quad sum = 0, lost = 0;
  for (std::size_t x = 0; x < truth.size(); ++x) {
    const quad found = static_cast<quad>(words[x]) * 0x1p-64;
    sum += size_of(found - truth[x]);
    if (words[x] == 0) lost += truth[x];
  }
  worst.variation = std::fmax(worst.variation, narrow(sum / 2));
  worst.lost = std::fmax(worst.lost, narrow(lost));
}

void rows_follow_the_law() {
  Worst worst;
  long rows = 0;
  for (const i64 n :
       {2, 3, 4, 5, 10, 50, 100, 128, 129, 156, 157, 158, 256, 400, 700, 1023, 1024}) {
    Table t(n);
    t.table.prepare(n);
    const i64 step = n <= 129 || effort() >= 1 ? 1 : 37;
    for (i64 k = 1; k < n; k += step, ++rows) compare(t, n, k, worst);
  }
  std::printf("%ld rows\n", rows);
  CHECK_AT_MOST(worst.variation, 1e-14, "rows, n to 1024: total variation");
  CHECK_AT_MOST(worst.lost, 0x1p-50, "counts that no word leads to: probability");
}

// The room for a row never cuts off a count that the threshold of 2^-66 would keep.
void strides_are_long_enough() {
  double worst = 0;
  for (i64 n = 2; n <= core::pair_limit; n += effort() >= 1 ? 1 : 97)
    for (i64 k = 1; 2 * k <= n; k += 1 + k / 16) {
      const double odds = static_cast<double>(k) / static_cast<double>(n - k);
      double above = 1, below = 1;
      i64 high = k, low = k;
      while (high < n && above > 0x1p-66)
        above *= static_cast<double>(n - high) / static_cast<double>(high + 1) * odds, ++high;
      while (low > 0 && below > 0x1p-66)
        below *= static_cast<double>(low) / static_cast<double>(n - low + 1) / odds, --low;
      worst = std::fmax(worst, static_cast<double>(high - low + 1 - PairTable::stride(n)));
    }
  CHECK_AT_MOST(worst, 0.0, "counts beyond the room of a row");
}

// One table serves sizes that change, in memory for the largest; rows of an earlier size are
// forgotten.
void sizes_may_change() {
  Table t(400);
  Worst worst;
  for (const i64 n : {400, 10, 129, 400, 3})
    for (const i64 k : {i64{1}, n / 2, n - 1}) {
      t.table.prepare(n);
      compare(t, n, k, worst);
    }
  CHECK_AT_MOST(worst.variation, 1e-14, "rows of changing sizes: total variation");
}

// A count beyond one half is the mirror of its complement, word by word.
void mirrored_rows() {
  for (const i64 n : {7, 129, 1024}) {
    Table t(n);
    t.table.prepare(n);
    for (i64 k = 1; k < n; k += 1 + n / 50)
      for (u64 word = 0; word < ~u64{0} - (u64{1} << 58); word += u64{1} << 58)
        CHECK(t.table.next(k, word) + t.table.next(n - k, word) == n || 2 * k == n);
  }
}

// A planted fault: the row of the next count.
void the_judge_sees_a_wrong_row() {
  Table t(100);
  t.table.prepare(100);
  const std::vector<u128> words = words_of(t, 100, 51);
  const std::vector<quad> truth = truth_of(100, 50);
  quad sum = 0;
  for (std::size_t x = 0; x < truth.size(); ++x)
    sum += size_of(static_cast<quad>(words[x]) * 0x1p-64 - truth[x]);
  CHECK(sum / 2 > 0.01);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  rows_follow_the_law();
  strides_are_long_enough();
  sizes_may_change();
  mirrored_rows();
  the_judge_sees_a_wrong_row();
  return finish();
}
