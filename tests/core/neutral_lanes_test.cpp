// Fully synthetic chains in lanes give the bits of the core, for every instruction set: whole
// studies over sizes, laws, schedules, horizons and records, and each kernel by itself.
#include "cpu/neutral_lanes.hpp"

#include <vector>

#include "check.hpp"
#include "lane_studies.hpp"

namespace autophage::test {
namespace {

using core::i32;
using core::i64;
using core::u64;

std::vector<std::vector<Reals>> laws() {
  Reals wide(900, 0.0), one(5, 0.0), two{0.0, 0.4, 0.0, 0.6, 0.0};
  for (std::size_t i = 0; i < wide.size(); i += i % 3 + 1) wide[i] = 1.0;
  double sum = 0;
  for (double p : wide) sum += p;
  for (double& p : wide) p /= sum;
  one[2] = 1.0;
  return {three_laws(), {wide}, {one, two}, {Reals(256, 1.0 / 256)}, {Reals(257, 1.0 / 257)}};
}

void sizes_laws_and_horizons() {
  std::uint64_t seed = 10;
  const auto all = laws();
  for (const i64 n : {1, 2, 3, 10, 32, 33, 50, 63, 64, 65, 100, 127, 128, 129, 300, 1024, 1025})
    for (std::size_t l = 0; l < all.size(); ++l)
      for (const i64 horizon : {0, 1, 2, 37}) {
        if (n > 128 && (l > 1 || horizon == 2)) continue;
        Study study(Regime::fully_synthetic, all[l], {n}, n > 128 ? 12 : 41, horizon, ++seed);
        if (horizon == 37) study.job.first_run = (i64{1} << 38) - study.job.runs;
        if (horizon == 2) study.job.first_run = (i64{1} << 32) - 5;
        compare(study, Records::times);
        if (horizon > 0) compare(study, Records::all);
      }
}

// Labels, pairs and counts are left and entered again, and indices are read with changing bounds.
void sizes_that_change() {
  Integers saw, drift;
  core::Stream source(7, 0, 0, core::Purpose::counts);
  for (int t = 0; t < 60; ++t) saw.push_back(static_cast<i64>(source.next32() % 128 + 1));
  for (int t = 0; t < 60; ++t) drift.push_back(t % 7 < 5 ? 100 : 40 + t);
  const std::vector<Integers> schedules{saw,
                                        drift,
                                        {3, 3, 128},
                                        {2, 2, 2, 2, 2, 120},
                                        {100, 100, 100, 101},
                                        {64, 65, 64, 65, 64},
                                        {20, 200, 128, 2000, 5, 5, 5, 5, 90},
                                        {1200, 40, 40, 40, 40, 40, 40, 40, 40, 41}};
  std::uint64_t seed = 900;
  for (const Integers& n : schedules)
    for (const auto& law : {laws()[0], laws()[1]})
      for (const i64 horizon : {0, 1, 25, 90}) {
        Study study(Regime::fully_synthetic, law, n, 30, horizon, ++seed);
        compare(study, Records::times);
        if (horizon > 0) compare(study, Records::all);
      }
}

void sums_are_the_same() {
  for (const i64 n : {9, 100, 128})
    compare_sums(Study(Regime::fully_synthetic, three_laws(), {n}, 70, 30, 5));
}

// Memory of a table for sizes up to n.
struct Table {
  std::vector<u64> entry, threshold;
  std::vector<core::PairTable::Row> row;
  std::vector<double> weight;
  std::vector<i32> alias, stack;
  core::PairTable table;

  explicit Table(i64 n)
      : entry(static_cast<std::size_t>(core::PairTable::rows(n) * core::PairTable::stride(n))),
        threshold(static_cast<std::size_t>(core::PairTable::stride(n))),
        row(static_cast<std::size_t>(core::PairTable::rows(n))),
        weight(threshold.size()),
        alias(threshold.size()),
        stack(threshold.size()),
        table(entry.data(), row.data(), weight.data(), threshold.data(), alias.data(),
              stack.data()) {
    table.prepare(n);
  }
  Table(const Table&) = delete;
};

// Runs that come to two tokens at any generation, count and word.
void pairs_from_anywhere() {
  const core::StopFlag stop;
  for (const i64 n : {2, 3, 100, 129, 1024})
    for (const i64 horizon : {0, 1, 40})
      for (const i64 runs : {1, 16, 50}) {
        std::vector<simd::PairRun> start;
        for (i64 i = 0; i < runs; ++i)
          start.push_back({(i64{1} << 32) - 3 + 7 * i, 1 + i % 50, 4, 9, 1 + 13 * i % (n - 1),
                           static_cast<u64>(i % 5) + (i == 3 ? u64{1} << 33 : 0)});
        Table plain(n);
        std::vector<simd::PairRun> end = start;
        for (simd::PairRun& run : end) {
          core::Stream stream(77, static_cast<u64>(run.run), 12, core::Purpose::pair);
          stream.seek(2 * run.word);
          while (run.count > 0 && run.count < n && run.t != horizon) {
            run.count = plain.table.next(run.count, stream.next64());
            ++run.t;
          }
        }
        for (const NamedSet& each : vector_sets()) {
          const WithSet with(each.name);
          const auto kernels = cpu::neutral_kernels();
          if (!CHECK(kernels.has_value())) continue;
          Table table(n);
          std::vector<simd::PairRun> got = start;
          const simd::StreamFamily stream(77, 12, core::Purpose::pair);
          kernels->pairs({&stream, &table.table, horizon, &stop}, got.data(), runs);
          for (std::size_t i = 0; i < got.size(); ++i)
            CHECK(got[i].t == end[i].t && got[i].count == end[i].count);
        }
      }
}

// Whether the driver gives a study to lanes, and its generations to labels.
void check_reach(const Study& study, bool job_fits, bool on, bool labels_fit) {
  with_space(study, [&](const ChainJob& job, cpu::ChainWorkspace& space, core::PairTable& table) {
    const core::StopFlag stop;
    cpu::NeutralLanes lanes(job, space, table, stop);
    CHECK(cpu::NeutralLanes::fit(job) == job_fits);
    CHECK(lanes.on() == on && lanes.open(0) == on);
    CHECK(cpu::NeutralLanes::fit(cpu::schedule_of(job, 0)) == labels_fit);
  });
}

void lanes_are_reached() {
  const auto study = [](const Integers& n, Regime regime = Regime::fully_synthetic) {
    return Study(regime, three_laws(), n, 5, 9);
  };
  for (const NamedSet& each : vector_sets()) {
    const WithSet with(each.name);
    for (const i64 n : {1, 2, 64, 127, 128}) check_reach(study({n}), true, true, true);
    for (const i64 n : {129, 1024}) check_reach(study({n}), true, true, false);
    check_reach(study({1025}), false, true, false);
    check_reach(study({100, 101}), true, true, false);
    check_reach(study({100}, Regime::randomly_sampled), false, false, true);
  }
  const WithSet with("baseline");
  CHECK(!cpu::neutral_kernels());
  check_reach(study({100}), false, false, true);
}

void a_study_can_be_stopped() {
  Study study(Regime::fully_synthetic, {three_laws()[2]}, {128}, 1 << 22, 0);
  const Poll poll{[](void*, std::int64_t) { return false; }, nullptr};
  CHECK(trajectories(study, Records::times, poll).outcome.ending == Ending::stopped);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  lanes_are_reached();
  sizes_laws_and_horizons();
  sizes_that_change();
  sums_are_the_same();
  pairs_from_anywhere();
  a_study_can_be_stopped();
  return finish();
}
