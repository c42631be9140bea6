// Chains of 129 to 1024 samples in lanes give the bits of the core, for every instruction set:
// whole studies over sizes, laws, horizons, records, numbers of runs, threads and shards.
#include "cpu/count_lanes.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "check.hpp"
#include "lane_studies.hpp"

namespace autophage::test {
namespace {

using core::i64;

// Many tokens, three laws side by side, one token, two, few with large counts, one that takes
// nearly all, and exact halves.
std::vector<std::vector<Reals>> laws() {
  Reals wide(3000, 0.0), one(5, 0.0), two{0.0, 0.4, 0.0, 0.6, 0.0}, most(7, 0.001);
  double sum = 0;
  for (std::size_t i = 0; i < wide.size(); i += i % 3 + 1)
    sum += wide[i] = 1.0 / static_cast<double>(1 + i % 50);
  for (double& p : wide) p /= sum;
  one[2] = 1.0;
  most[3] = 0.994;
  return {three_laws(), {wide}, {one, two}, {most}, {Reals(4, 0.25)}, {{0.2, 0.0, 0.3, 0.5, 0.0}}};
}

void sizes_laws_and_horizons() {
  std::uint64_t seed = 10;
  const auto all = laws();
  for (const i64 n : {129, 130, 191, 256, 300, 511, 700, 1023, 1024, 1025})
    for (const auto& law : all)
      for (const i64 horizon : {0, 1, 2, 45}) {
        if (n > 600 && horizon == 0 && effort() < 1) continue;
        Study study(Regime::fully_synthetic, law, {n}, 21, horizon, ++seed);
        if (horizon == 45) study.job.first_run = (i64{1} << 38) - study.job.runs;
        if (horizon == 2) study.job.first_run = (i64{1} << 32) - 5;
        compare(study, Records::times);
        if (horizon > 0) compare(study, Records::all);
      }
}

// Fewer runs than lanes, as many, and more.
void numbers_of_runs() {
  for (const i64 runs : {1, 2, 7, 8, 9, 15, 16, 17, 40}) {
    Study study(Regime::fully_synthetic, three_laws(), {200}, runs, 30, 77);
    compare(study, Records::times);
    compare(study, Records::all);
  }
}

// Sizes that leave the range and come back are drawn by the core.
void sizes_that_change() {
  for (const Integers& n :
       std::vector<Integers>{{300, 300, 301, 300}, {1024, 1024, 1025}, {129, 128}})
    compare(Study(Regime::fully_synthetic, three_laws(), n, 20, 30, 5), Records::all);
}

void sums_are_the_same() {
  for (const i64 n : {129, 400, 1024})
    compare_sums(Study(Regime::fully_synthetic, three_laws(), {n}, 70, 30, 5));
}

// One draw a lane, over all sizes and shares, against the core's.
void draws_by_themselves() {
  constexpr std::size_t all = 1 << 16;
  std::vector<double> memory(3 * all + 8);
  std::vector<core::u64> words(2 * all + 8);
  const auto aligned = [](auto* at) {
    return reinterpret_cast<decltype(at)>((reinterpret_cast<std::uintptr_t>(at) + 63) &
                                          ~std::uintptr_t{63});
  };
  double* const n = aligned(memory.data());
  double *const part = n + all, *const whole = part + all;
  core::u64* const word = aligned(words.data());
  i64* const x = reinterpret_cast<i64*>(word + all);
  core::Stream source(3, 0, 0, core::Purpose::counts);
  for (std::size_t i = 0; i < all; ++i) {
    n[i] = static_cast<double>(1 + source.next32() % core::middle_limit);
    whole[i] = 2 + source.next32() % (i % 2 == 0 ? 1200 : 1U << 31);
    part[i] =
        1 + std::floor((whole[i] - 1) * std::pow(source.uniform(), static_cast<double>(i % 5)));
    word[i] = i % 1000 < 4 ? ~core::u64{0} * (i % 2) : source.next64();
    if (part[i] >= whole[i]) part[i] = whole[i] - 1;
  }
  for (const NamedSet& each : vector_sets()) {
    const WithSet with(each.name);
    const auto kernels = cpu::count_kernels();
    if (!CHECK(kernels.has_value())) continue;
    kernels->shares(all, n, part, whole, word, x);
    for (std::size_t i = 0; i < all; ++i) {
      const double u = (static_cast<double>(word[i] >> 12) + 0.5) * 0x1p-52;
      CHECK(static_cast<double>(x[i]) == core::share_from_middle(n[i], part[i], whole[i], u));
    }
  }
}

// Whether the driver gives a study's first context to lanes of counts.
bool reached(const Study& study, bool every, bool wants_first = false, i64 support = 40) {
  bool fits = false;
  with_space(study, [&](const ChainJob& job, cpu::ChainWorkspace&, core::PairTable& table) {
    const core::StopFlag stop;
    const cpu::Shape shape{job.generations, job.contexts, job.tokens};
    const ChainTrajectories nothing;
    cpu::TrajectorySink sink(shape, nothing);
    const cpu::CountRuns<cpu::TrajectorySink> runs(job, every, wants_first, support, table, sink,
                                                   stop);
    fits = runs.fit(cpu::schedule_of(job, 0));
  });
  return fits;
}

void lanes_are_reached() {
  const auto study = [](const Integers& n, Regime regime = Regime::fully_synthetic) {
    return Study(regime, three_laws(), n, 5, 9);
  };
  for (const NamedSet& each : vector_sets()) {
    const WithSet with(each.name);
    for (const bool every : {false, true}) {
      for (const i64 n : {129, 130, 1023, 1024}) CHECK(reached(study({n}), every));
      for (const i64 n : {1, 128, 1025}) CHECK(!reached(study({n}), every));
      CHECK(!reached(study({300, 300, 301}), every));
      CHECK(!reached(study({300}, Regime::randomly_sampled), every));
      CHECK(reached(study({300}), every, true, 1 << 16));
      CHECK(!reached(study({300}), every, true, (1 << 16) + 1));
      CHECK(reached(study({300}), every, false, (1 << 16) + 1));
    }
  }
  const WithSet with("baseline");
  CHECK(!cpu::count_kernels());
  CHECK(!reached(study({300}), true) && !reached(study({300}), false));
}

void a_study_can_be_stopped() {
  Study study(Regime::fully_synthetic, {three_laws()[2]}, {1000}, 1 << 22, 0);
  const Poll poll{[](void*, std::int64_t) { return false; }, nullptr};
  CHECK(trajectories(study, Records::times, poll).outcome.ending == Ending::stopped);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  lanes_are_reached();
  sizes_laws_and_horizons();
  numbers_of_runs();
  sizes_that_change();
  sums_are_the_same();
  draws_by_themselves();
  a_study_can_be_stopped();
  return finish();
}
