// Paths of ancestors: the tables against laws stepped in long double, powers by squaring against
// products, and the same bits from every instruction set, thread count and shard as from core.
#include "backend/ancestral.hpp"

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "check.hpp"
#include "core/chain_ancestral.hpp"
#include "cpu/instructions.hpp"
#include "simd/ancestral_kernels.hpp"

namespace autophage::test {
namespace {

using core::i32;
using core::i64;
using core::u32;
using core::u64;
using Reals = std::vector<long double>;
using Law = std::map<u32, long double>;

constexpr long double word = 0x1p-64L;

core::AncestralTables view(i64 n, const AncestralTable& t) {
  return {n,
          t.row.data(),
          t.column.data(),
          static_cast<i64>(t.level.size()),
          t.start.data(),
          t.level.data(),
          t.above.data()};
}

AncestralTable made(i32 n) {
  AncestralTable table;
  CHECK(cpu::ancestral_table(n, table, {}));
  return table;
}

// What a row of columns draws.
Law law_of(const AncestralTable& table, u64 row) {
  Law law;
  const u64 first = table.row[row] >> 32, size = table.row[row] & 0xffffffff;
  for (u64 i = first; i < first + size; ++i) {
    const long double own = static_cast<long double>(table.column[2 * i]) * word;
    law[static_cast<u32>(table.column[2 * i + 1])] += own / static_cast<long double>(size);
    law[static_cast<u32>(table.column[2 * i + 1] >> 32)] +=
        (1 - own) / static_cast<long double>(size);
  }
  return law;
}

// q[j][k], j and k up to n: j balls hit k of n boxes.
std::vector<Reals> occupancy(i64 n) {
  const auto size = static_cast<std::size_t>(n) + 1;
  std::vector<Reals> q(size, Reals(size, 0));
  q[0][0] = 1;
  for (std::size_t j = 1; j < size; ++j)
    for (std::size_t k = 1; k <= j; ++k) {
      const auto boxes = static_cast<long double>(n), hit = static_cast<long double>(k);
      q[j][k] = (q[j - 1][k] * hit + q[j - 1][k - 1] * (boxes - hit + 1)) / boxes;
    }
  return q;
}

double variation(const Law& found, const Law& wanted) {
  long double sum = 0;
  for (const auto& [outcome, chance] : wanted) {
    const auto at = found.find(outcome);
    sum += std::fabs(chance - (at == found.end() ? 0 : at->second));
  }
  for (const auto& [outcome, chance] : found)
    if (wanted.find(outcome) == wanted.end()) sum += chance;
  return static_cast<double>(sum / 2);
}

void check_tables(i32 n) {
  const AncestralTable table = made(n);
  const std::vector<Reals> q = occupancy(n);
  const auto low = static_cast<std::size_t>(view(n, table).low());
  double worst = 0;
  for (std::size_t j = 2; j <= low; ++j) {
    const Law found = law_of(table, j);
    const i64 longest = found.rbegin()->first >> core::ancestor_bits;
    Law wanted;
    for (i64 wait = 0; wait < longest; ++wait)
      for (std::size_t k = 1; k < j; ++k)
        wanted[core::jump_outcome(wait + 1, static_cast<i64>(k))] =
            std::pow(q[j][j], static_cast<long double>(wait)) * q[j][k];
    wanted[core::jump_outcome(longest, static_cast<i64>(j))] =
        std::pow(q[j][j], static_cast<long double>(longest));
    worst = std::fmax(worst, variation(found, wanted));
  }
  const auto size = static_cast<std::size_t>(n) + 1;
  Reals law(size, 0);
  law[size - 1] = 1;
  Law start;
  double above = 0;
  if (n <= core::low_ancestors) start[core::jump_outcome(0, n)] = 1;
  for (std::size_t k = 0; k < table.level.size(); ++k) {
    long double more = 0;
    for (std::size_t level = size; level-- > low;) {
      const i64 at = static_cast<i64>(level) - table.level[k];
      const i64 entry = table.start[k] + at;
      const long double stored =
          at < 0 ? 1
          : entry < table.start[k + 1]
              ? static_cast<long double>(table.above[static_cast<std::size_t>(entry)]) * word
              : 0;
      above = std::fmax(above, static_cast<double>(std::fabs(more - stored)));
      more += law[level];
    }
    Reals next(size, 0);
    for (std::size_t j = low + 1; j < size; ++j)
      for (std::size_t i = 1; i <= j; ++i) next[i] += law[j] * q[j][i];
    for (std::size_t i = 1; i <= low; ++i) {
      const u32 outcome = core::jump_outcome(static_cast<i64>(k) + 1, static_cast<i64>(i));
      if (next[i] > 0) start[outcome] = next[i];
      next[i] = 0;
    }
    law = next;
  }
  worst = std::fmax(worst, variation(law_of(table, core::start_of_path), start));
  const std::string name = "n = " + std::to_string(n);
  CHECK_AT_MOST(worst, 5e-15, (name + ": jumps in total variation").c_str());
  CHECK_AT_MOST(above, 5e-15, (name + ": chance of more ancestors").c_str());
}

void check_agreement() {
  for (const double p : {1e-300, 0.01, 0.3, 0.5, 0.9, 1 - 1e-3, 1 - 1e-5}) {
    const u64 ratio = core::as_word(p);
    const long double exact = static_cast<long double>(ratio) * word;
    double worst = 0;
    for (const i64 k : {1, 2, 3, 4, 5, 7, 8, 100, 1000, 123456, 1 << 20}) {
      // The greatest word that gives at least k is p^k but for rounding.
      u64 low = 0, high = ~u64{0};
      while (low < high) {
        const u64 middle = high - (high - low) / 2;
        if (core::count_agreeing(middle, ratio, i64{1} << 40) >= k)
          low = middle;
        else
          high = middle - 1;
      }
      const long double chance = std::pow(exact, static_cast<long double>(k));
      worst = std::fmax(
          worst, static_cast<double>(std::fabs(static_cast<long double>(low) * word - chance)));
      CHECK(core::count_agreeing(0, ratio, k) <= k);
    }
    CHECK_AT_MOST(worst, 2e-13, "P(at least k agree)");
  }
  CHECK(core::count_agreeing(~u64{0} - 1, ~u64{0}, 77) == 77);
  CHECK(core::count_agreeing(0, ~u64{0} - 1, 0) == 0);
  CHECK(core::count_agreeing(0, 1, i64{1} << 61) == 1);
  CHECK(core::count_agreeing(5, 5, 9) == 0 && core::count_agreeing(4, 5, 9) == 1);
  for (i64 most = 1; most < 70; ++most) CHECK(core::count_agreeing(0, ~u64{0} - 1, most) == most);
}

void check_passages(i32 n) {
  const AncestralTable table = made(n);
  const core::AncestralTables tables = view(n, table);
  core::Stream words(n, 0, 0, core::Purpose::truth);
  for (i64 level = tables.low(); level <= n; ++level)
    for (const u64 w : {words.next64(), words.next64() >> 30, u64{0}, ~u64{0}}) {
      i64 k = 0;
      for (; k < tables.generations; ++k) {
        const i64 entry = table.start[static_cast<std::size_t>(k)] + level -
                          table.level[static_cast<std::size_t>(k)];
        const bool certain = level < table.level[static_cast<std::size_t>(k)];
        const bool never = entry >= table.start[static_cast<std::size_t>(k) + 1];
        if (never || (!certain && w >= table.above[static_cast<std::size_t>(entry)])) break;
      }
      CHECK(tables.passage(w, level) == k);
    }
}

// Laws by their ranks, as the driver prepares them.
struct Tokens {
  std::vector<u64> column, ratio;
  explicit Tokens(const std::vector<double>& p) {
    for (std::size_t i = 0; i < p.size(); ++i) {
      column.push_back(core::as_word(0.25 * static_cast<double>(i % 5)));
      column.push_back(core::pack_column(static_cast<u32>(i), static_cast<u32>(p.size() - 1 - i)));
      ratio.push_back(core::as_word(p[i]));
    }
  }
  core::AncestralLaw law() const { return {{column.data(), ratio.size()}, ratio.data()}; }
};

void check_lanes(const simd::AncestralKernels& kernels) {
  const std::vector<Tokens> laws{Tokens({1.0}), Tokens({0.5, 0.5}), Tokens({0.9999, 1e-4}),
                                 Tokens({0.3, 0.25, 0.2, 0.15, 0.05, 0.05, 1e-12}),
                                 Tokens(std::vector<double>(3000, 1.0 / 3000))};
  auto batch = std::make_unique<simd::AncestralBatch>();
  u64 seed = 3;
  for (const i32 n : {1, 2, 3, 4, 5, 6, 17, 128, 1025, 20000}) {
    const AncestralTable table = made(n);
    batch->tables = view(n, table);
    for (const Tokens& tokens : laws)
      for (const i64 runs : {1, 3, 8, 13, 1023, 1024}) {
        const u64 firsts[] = {0, (u64{1} << 32) - 5, (u64{1} << 38) - 1024};
        const u64 contexts[] = {0, (u64{1} << 20) - 1, (u64{1} << 20) + 3};
        batch->law = tokens.law();
        batch->seed = ++seed * 0x9e3779b97f4a7c15ULL;
        batch->first_run = firsts[seed % 3];
        batch->context = contexts[seed / 3 % 3];
        batch->runs = runs;
        kernels.runs(*batch);
        for (i64 i = 0; i < runs; ++i) {
          const core::AncestralEnd end = core::draw_ancestral(
              batch->law, batch->tables,
              core::AncestralWords(
                  {batch->seed, batch->first_run + static_cast<u64>(i), batch->context}));
          CHECK(batch->time[i] == end.time && batch->token[i] == end.token);
        }
      }
    for (const i64 count : {1, 3, 8, 511, 512})
      for (const u64 first : {u64{1} << 32, (u64{1} << 33) - 6, u64{1} << 63}) {
        const core::AliasColumns columns{table.column.data(), table.row.back() & 0xffffffff};
        std::vector<i64> found(static_cast<std::size_t>(2 * count));
        kernels.draws({columns, seed, 5, first, count}, found.data());
        const core::AncestralWords words({seed, 0, 5});
        for (i64 j = 0; j < 2 * count; ++j) {
          u64 two[2];
          words.read(first + static_cast<u64>(j) / 2, two);
          CHECK(found[static_cast<std::size_t>(j)] == core::pick(columns, two[j % 2]));
        }
      }
  }
}

struct Found {
  std::vector<i64> time, token;
};

Found study(i64 first_run, i64 runs, int threads) {
  static const AncestralTable small = made(3), large = made(60);
  const double laws[] = {0.2, 0.0, 0.8, 0.0, 0.0, 1.0, 0.5, 0.25, 0.25};
  const i64 table_of[] = {1, 1, 0};
  AncestralJob job;
  job.laws = laws;
  job.contexts = job.tokens = 3;
  for (const auto* table : {&small, &large}) {
    const core::AncestralTables t = view(table == &small ? 3 : 60, *table);
    job.tables.push_back({t.n, t.row, t.column, t.generations, t.start, t.level, t.above});
  }
  job.table_of = table_of;
  job.seed = 11;
  job.first_run = first_run;
  job.runs = runs;
  job.generations = 100;
  job.threads = threads;
  const auto cells = static_cast<std::size_t>(3 * runs);
  Found found{std::vector<i64>(cells), std::vector<i64>(cells)};
  ChainTrajectories out;
  out.collapse_time = found.time.data();
  out.final_token = found.token.data();
  CHECK(cpu::run(job, out, {}) == Ending::done);
  return found;
}

void check_driver() {
  constexpr i64 runs = 5000;
  const Found whole = study(0, runs, 1);
  i64 late = 0;
  for (std::size_t i = 0; i < whole.time.size(); ++i) {
    CHECK((whole.time[i] == -1) == (whole.token[i] == -1));
    CHECK(whole.time[i] == -1 || (whole.time[i] >= 1 && whole.time[i] <= 100));
    if (i % 3 == 0) CHECK(whole.token[i] != 1);
    if (i % 3 == 1) CHECK(whole.time[i] == 1 && whole.token[i] == 2);
    late += whole.time[i] == -1;
  }
  CHECK(late > 100);
  for (const char* const set : {"baseline", "avx2", "avx512"}) {
    setenv("AUTOPHAGE_INSTRUCTIONS", set, 1);
    for (const int threads : {1, 3, 16}) {
      Found joined;
      for (const auto& [first, part] : {std::pair<i64, i64>{0, 1}, {1, 2999}, {3000, 2000}}) {
        const Found shard = study(first, part, threads);
        joined.time.insert(joined.time.end(), shard.time.begin(), shard.time.end());
        joined.token.insert(joined.token.end(), shard.token.begin(), shard.token.end());
      }
      CHECK(joined.time == whole.time && joined.token == whole.token);
    }
  }
  unsetenv("AUTOPHAGE_INSTRUCTIONS");
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage;
  using namespace autophage::test;
  for (const i32 n : {1, 2, 3, 4, 5, 6, 20, 100}) check_tables(n);
  check_agreement();
  for (const i32 n : {1, 4, 5, 30, 200}) check_passages(n);
  check_lanes(simd::baseline_ancestral());
#if defined(__x86_64__)
  const cpu::Instructions widest = cpu::widest_instructions();
  if (widest != cpu::Instructions::baseline) check_lanes(simd::avx2_ancestral());
  if (widest == cpu::Instructions::avx512) check_lanes(simd::avx512_ancestral());
#endif
  check_driver();
  return finish();
}
