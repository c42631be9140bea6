// Chains of 129 to 1024 samples in lanes give the bits of the core, for every instruction set:
// whole studies over sizes, laws, horizons, records, numbers of runs, threads and shards.
#include "cpu/count_lanes.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "check.hpp"
#include "regimes.hpp"

namespace autophage::test {
namespace {

using core::i64;

const std::vector<const char*> sets{"baseline", "avx2", "avx512"};

std::uint64_t hash_of(const Study& study, Records records) {
  Hash hash;
  const Trajectories got = trajectories(study, records);
  hash.add(got);
  for (const Reals& reals : got.reals) hash.add(reals);
  return hash.value();
}

// Every set, alone and on threads, against the core alone.
void compare(const Study& study, Records records) {
  setenv("AUTOPHAGE_INSTRUCTIONS", "baseline", 1);
  const std::uint64_t truth = hash_of(study, records);
  Study part = study;
  part.job.first_run += 2;
  part.job.runs = study.job.runs > 4 ? study.job.runs - 4 : 1;
  const std::uint64_t truth_of_part = hash_of(part, records);
  for (const char* set : sets) {
    setenv("AUTOPHAGE_INSTRUCTIONS", set, 1);
    Study again = study;
    again.job.threads = 3;
    CHECK(hash_of(study, records) == truth);
    CHECK(hash_of(again, records) == truth);
    CHECK(hash_of(part, records) == truth_of_part);
  }
  unsetenv("AUTOPHAGE_INSTRUCTIONS");
}

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
  for (const i64 n : {129, 400, 1024}) {
    Study study(Regime::fully_synthetic, three_laws(), {n}, 70, 30, 5);
    setenv("AUTOPHAGE_INSTRUCTIONS", "baseline", 1);
    const Totals truth = totals(study), times = totals(study, false);
    for (const char* set : sets) {
      setenv("AUTOPHAGE_INSTRUCTIONS", set, 1);
      const Totals got = totals(study), times_got = totals(study, false);
      for (int i = 0; i < 20; ++i) CHECK(got.limbs[i] == truth.limbs[i]);
      for (int i = 0; i < 4; ++i) CHECK(times_got.limbs[i] == times.limbs[i]);
      for (int i = 0; i < 2; ++i) CHECK(times_got.reached[i] == times.reached[i]);
    }
    unsetenv("AUTOPHAGE_INSTRUCTIONS");
  }
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
  for (const char* set : sets) {
    setenv("AUTOPHAGE_INSTRUCTIONS", set, 1);
    const auto kernels = cpu::count_kernels();
    unsetenv("AUTOPHAGE_INSTRUCTIONS");
    if (!kernels) continue;
    kernels->shares(all, n, part, whole, word, x);
    for (std::size_t i = 0; i < all; ++i) {
      const double u = (static_cast<double>(word[i] >> 12) + 0.5) * 0x1p-52;
      CHECK(static_cast<double>(x[i]) == core::share_from_middle(n[i], part[i], whole[i], u));
    }
  }
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
  sizes_laws_and_horizons();
  numbers_of_runs();
  sizes_that_change();
  sums_are_the_same();
  draws_by_themselves();
  a_study_can_be_stopped();
  return finish();
}
