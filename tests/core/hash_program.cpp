// Runs integer chains of every regime and prints one number for all they give: their times, final
// tokens, supports and laws, the tables and ends of paths of ancestors, and draws from a law. It
// must be the same for every compiler, optimisation and machine.
//
// To build it anywhere:
//   g++ -std=c++20 -O2 -ffp-contract=off -I cpp tests/core/hash_program.cpp cpp/cpu/chain*.cpp
//   cpp/cpu/ancestral_tables.cpp cpp/simd/chain_*.cpp cpp/simd/ancestral_*.cpp -pthread
#include <cstdio>

#include "backend/ancestral.hpp"
#include "cpu/exact_alias.hpp"
#include "entities.hpp"
#include "regimes.hpp"

namespace {

using namespace autophage::test;

// What the vector forms are for: sums of sigma and of the distance to generation 1, and of times.
void add_sums(Hash& hash, const Study& study) {
  const std::size_t points = study.contexts() * static_cast<std::size_t>(study.job.generations);
  std::vector<std::uint64_t> limbs[6];
  autophage::ChainSums out;
  autophage::ExactSums* const asked[] = {&out.collapse_time, &out.records[0], &out.records[3]};
  for (int i = 0; i < 3; ++i) {
    const std::size_t size = i == 0 ? study.contexts() : points;
    limbs[2 * i].resize(2 * size);
    limbs[2 * i + 1].resize(3 * size);
    *asked[i] = {limbs[2 * i].data(), limbs[2 * i + 1].data()};
  }
  with_job(study, [&](const autophage::ChainJob& job) {
    return autophage::cpu::run(job, out, autophage::Poll{});
  });
  for (const auto& each : limbs) hash.add(each);
}

void add_regimes_with_memory(Hash& hash) {
  using autophage::Regime;
  for (const std::int64_t n : {1, 10, 100, 500}) {
    Study kept(Regime::partially_synthetic, three_laws(), {n}, 70, 30, 7);
    kept.real = {100};
    add_sums(hash, kept);
    for (const auto regime : {Regime::fully_synthetic, Regime::randomly_sampled, Regime::mixed})
      add_sums(hash, Study(regime, three_laws(), {n}, 70, 30, 8));
    for (const std::int64_t window : {1, 5, 10}) {
      Study recent(Regime::most_recent, three_laws(), {n}, 70, 60, 9);
      recent.job.window = window;
      add_sums(hash, recent);
    }
  }
}

// Paths of ancestors in three contexts, all of one n: the table, and times and tokens of 3000 runs.
void add_ancestors(Hash& hash, std::int32_t n) {
  autophage::AncestralTable table;
  autophage::cpu::ancestral_table(n, table, {});
  hash.add(table.row);
  hash.add(table.column);
  hash.add(table.above);
  hash.add(table.start);
  hash.add(Integers(table.level.begin(), table.level.end()));
  const std::vector<Reals> some = three_laws();
  Reals laws;
  for (const Reals& law : some) laws.insert(laws.end(), law.begin(), law.end());
  const std::int64_t table_of[] = {0, 0, 0};
  autophage::AncestralJob job;
  job.laws = laws.data();
  job.contexts = 3;
  job.tokens = static_cast<std::int64_t>(some[0].size());
  job.tables.push_back({n, table.row.data(), table.column.data(),
                        static_cast<std::int64_t>(table.level.size()), table.start.data(),
                        table.level.data(), table.above.data()});
  job.table_of = table_of;
  job.seed = 21;
  job.first_run = (std::int64_t{1} << 32) - 1500;
  job.runs = 3000;
  Integers time(9000), token(9000);
  autophage::ChainTrajectories out;
  out.collapse_time = time.data();
  out.final_token = token.data();
  autophage::cpu::run(job, out, autophage::Poll{});
  hash.add(time);
  hash.add(token);
}

// Draws from a law of which one in ten goes beyond the columns.
void add_draws(Hash& hash, std::uint32_t size) {
  Reals weight;
  std::vector<std::uint32_t> outcome;
  double left = 1.0;
  for (std::uint32_t i = 1; i <= size; left -= weight.back(), ++i) {
    weight.push_back(left * (i % 7 + 1) / (4.0 * size));
    outcome.push_back(i);
  }
  weight.push_back(0.1);
  outcome.push_back(size + 1);
  std::vector<std::uint64_t> columns;
  autophage::cpu::append_columns(weight, outcome, columns);
  Integers times(3001);
  const std::uint64_t ratio = ~std::uint64_t{0} / 100 * 99;
  autophage::cpu::draw_times(columns.data(), size + 1, size, ratio, 22, 5, 3001, times.data(), 1,
                             {});
  hash.add(columns);
  hash.add(times);
}

}  // namespace

int main() {
  Hash hash;
  for (const Study& study : every_regime(6, 12)) hash.add(trajectories(study, Records::all));
  // Until absorption, by times alone, and at the ends of the numbers of runs and contexts.
  for (const std::int64_t n : {1, 2, 30, 128, 129, 1000, 1025}) {
    Study study(autophage::Regime::fully_synthetic, three_laws(), {n}, 50, 0, 99);
    study.job.first_run = (std::int64_t{1} << 38) - 50;
    hash.add(trajectories(study, Records::times));
  }
  for (const std::int64_t n : {9, 100, 3000, 70000, 1 << 30})
    for (const bool kept : {false, true})
      for (const bool own_pools : {false, true})
        hash.add(trajectories(three_entities({n, 40, n, 9, n, n}, kept, own_pools, 6, 7)));
  add_regimes_with_memory(hash);
  for (const std::int32_t n : {1, 2, 3, 4, 5, 30, 129, 3000}) add_ancestors(hash, n);
  for (const std::uint32_t size : {1, 40, 5000}) add_draws(hash, size);
  std::printf("%016llx\n", static_cast<unsigned long long>(hash.value()));
  return 0;
}
