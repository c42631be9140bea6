// Alias tables: the law that a table has over all 2^64 words, counted exactly, against its weights.
#include <algorithm>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/samplers.hpp"
#include "core/stream.hpp"
#include "quad.hpp"
#include "scripted.hpp"
#include "statistics.hpp"

namespace autophage::test {
namespace {

using core::i32;
using core::u64;

__extension__ using u128 = unsigned __int128;

struct Table {
  std::vector<u64> threshold;
  std::vector<i32> alias;
  core::AliasTable view() const {
    return {static_cast<i32>(alias.size()), threshold.data(), alias.data()};
  }
};

Table build(std::vector<double> weight) {
  Table table{std::vector<u64>(weight.size()), std::vector<i32>(weight.size())};
  std::vector<i32> stack(weight.size());
  core::build_alias(weight.data(), static_cast<i32>(weight.size()), table.threshold.data(),
                    table.alias.data(), stack.data());
  return table;
}

// Words that give each index: column j has the words from ceil(j 2^64 / size) on, and keeps those
// whose low product word * size - j 2^64 is below its threshold.
std::vector<u128> words_of(const Table& table) {
  const u128 size = table.alias.size(), all = u128{1} << 64;
  std::vector<u128> words(table.alias.size());
  const auto first = [&](u128 product) { return (product + size - 1) / size; };
  for (std::size_t j = 0; j < table.alias.size(); ++j) {
    const u128 begin = first(j * all), end = first((j + 1) * all);
    const u128 kept = std::min(first(j * all + table.threshold[j]), end) - begin;
    words[j] += kept;
    words[static_cast<std::size_t>(table.alias[j])] += end - begin - kept;
  }
  return words;
}

double total_variation(const Table& table, const std::vector<double>& weight) {
  quad total = 0, sum = 0;
  for (const double w : weight) total += w;
  const std::vector<u128> words = words_of(table);
  for (std::size_t i = 0; i < weight.size(); ++i)
    sum += size_of(static_cast<quad>(words[i]) * 0x1p-64 - weight[i] / total);
  return narrow(sum / 2);
}

void check_law(const std::vector<double>& weight, double allowed, const char* what) {
  const Table table = build(weight);
  u128 all = 0;
  for (const u128 words : words_of(table)) all += words;
  CHECK(all == u128{1} << 64);  // no word is lost
  for (const i32 alias : table.alias)
    CHECK(alias >= 0 && alias < static_cast<i32>(table.alias.size()));
  CHECK_AT_MOST(total_variation(table, weight), allowed, what);
}

std::vector<double> zipf(std::size_t size, double exponent) {
  std::vector<double> weight(size);
  for (std::size_t i = 0; i < size; ++i)
    weight[i] = std::pow(static_cast<double>(i + 1), -exponent);
  return weight;
}

std::vector<double> random_weights(std::size_t size, double power, u64 seed) {
  core::Stream stream(seed, 0, 0, core::Purpose::truth);
  std::vector<double> weight(size);
  for (double& w : weight) w = std::pow(stream.uniform(), power);
  return weight;
}

void laws() {
  check_law({1.0}, 0.0, "one token");
  check_law({0.5, 0.5}, 1e-18, "two tokens alike");
  check_law({0.3, 0.7}, 2e-16, "two tokens");
  check_law({0.1, 0.2, 0.7}, 2e-16, "three tokens");
  check_law({1.0 / 3, 1.0 / 3, 1.0 / 3}, 2e-16, "three tokens alike");
  check_law(zipf(16, 1), 1e-15, "Zipf, 16");
  check_law(zipf(1000, 1), 2e-15, "Zipf, 1,000");
  check_law(zipf(32000, 1), 1e-14, "Zipf, 32,000");
  check_law(zipf(1000000, 1), 1e-13, "Zipf, 1,000,000");
  check_law(zipf(1000000, 0), 1e-13, "1,000,000 alike");
  check_law(random_weights(1000000, 8, 1), 2e-13, "random, 1,000,000");
  std::vector<double> rising = zipf(1000000, 1.2);
  std::reverse(rising.begin(), rising.end());
  check_law(rising, 1e-13, "Zipf rising, 1,000,000");
  double worst = 0;
  for (u64 seed = 0; seed < 300; ++seed) {
    const std::vector<double> weight =
        random_weights(1 + seed % 97, static_cast<double>(seed % 7) * 3, seed);
    worst = std::fmax(worst, total_variation(build(weight), weight));
  }
  CHECK_AT_MOST(worst, 1e-15, "random, up to 97");
}

// Weights at the ends of the range: subnormal, of very different sizes, or all tiny.
void extreme_weights() {
  check_law({0.5, 5e-324, 0.5}, 1e-18, "5e-324 beside one half");
  check_law({5e-324, 1.0}, 1e-18, "5e-324 beside one");
  check_law({1e-300, 1e-200, 1e-100, 1.0}, 1e-16, "1e-300 beside one");
  check_law({5e-324, 5e-324, 5e-324, 5e-324}, 1e-16, "all of them 5e-324");
  check_law({1e-310, 3e-310, 2e-310}, 1e-13, "all of them subnormal");
  check_law({1e300, 1e300, 1e-300}, 1e-16, "1e300");
  std::vector<double> mostly_nothing(100000, 1e-300);
  mostly_nothing[77] = 1.0;
  check_law(mostly_nothing, 1e-15, "one token and 99,999 of 1e-300");
}

// A column is the high half of word * size and the fraction its low half; the draw follows the
// table at the edges of every column.
void draws_read_the_table() {
  const std::vector<double> weight = random_weights(37, 3, 5);
  const Table table = build(weight);
  const u128 size = 37, all = u128{1} << 64;
  const auto draw = [&](u128 word) {
    Scripted source;
    source.bits = static_cast<u64>(word);
    return core::draw_alias(table.view(), source);
  };
  for (std::size_t j = 0; j < 37; ++j) {
    const u128 begin = (j * all + size - 1) / size, end = ((j + 1) * all + size - 1) / size;
    const u128 turn = (j * all + table.threshold[j] + size - 1) / size;
    if (turn > begin) CHECK(draw(begin) == static_cast<i32>(j));
    if (turn > begin) CHECK(draw(turn - 1) == static_cast<i32>(j));
    if (turn < end) CHECK(draw(turn) == table.alias[j] && draw(end - 1) == table.alias[j]);
  }
}

// A token without weight is never in a table; one whose weight is lost in rounding is never drawn.
void rare_tokens_stay_rare() {
  const Table table = build({0.5, 5e-324, 0.25, 0.25});
  core::Stream stream(2, 0, 0, core::Purpose::truth);
  std::vector<double> seen(4);
  const long draws = share_of(2e7);
  for (long i = 0; i < draws; ++i)
    seen[static_cast<std::size_t>(core::draw_alias(table.view(), stream))] += 1;
  CHECK(seen[1] == 0);
  CHECK(plausible(chi_square({seen[0], seen[2], seen[3]}, {0.5, 0.25, 0.25})));
  CHECK(!plausible(chi_square({seen[0], seen[2], seen[3]}, {0.52, 0.24, 0.24})));
}

// Planted faults: thresholds rounded to single precision, and a last category that takes the rest.
void the_judge_sees_faults() {
  const std::vector<double> weight = random_weights(100, 1, 9);
  Table table = build(weight);
  for (u64& t : table.threshold)
    t = t == ~u64{0} ? t : static_cast<u64>(static_cast<float>(t) * 0.9999999F);
  CHECK(total_variation(table, weight) > 1e-9);
  std::vector<double> short_law{0.1, 0.1, 0.1};  // given as if it summed to one
  CHECK(total_variation(build({0.1, 0.1, 0.8}), short_law) > 0.4);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  laws();
  extreme_weights();
  draws_read_the_table();
  rare_tokens_stay_rare();
  the_judge_sees_faults();
  return finish();
}
