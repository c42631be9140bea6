// Chains that remember some of the past give the same bits by every instruction set, in
// trajectories and in sums, whatever is asked for, wherever the vector forms begin and end.
#include <vector>

#include "check.hpp"
#include "core/sums.hpp"
#include "cpu/chain_sinks.hpp"
#include "cpu/memory_lanes.hpp"
#include "instruction_sets.hpp"
#include "study.hpp"

namespace autophage::test {
namespace {

// Which of the vector forms' records are asked for.
struct Asked {
  bool sigma = true, l1_to_first = false;
};

struct Given {
  Reals sigma, l1_to_first;
  Integers times[3];
  std::vector<std::uint64_t> sums;
  bool operator==(const Given&) const = default;
};

void take_sums(const Study& study, Asked asked, Given& got) {
  const std::size_t points = study.contexts() * static_cast<std::size_t>(study.job.generations);
  std::vector<std::uint64_t> limbs[6];
  Integers reached(2 * study.contexts());
  ChainSums out;
  const auto ask = [&](int which, std::size_t size) {
    limbs[2 * which].resize(2 * size);
    limbs[2 * which + 1].resize(3 * size);
    return ExactSums{limbs[2 * which].data(), limbs[2 * which + 1].data()};
  };
  if (asked.sigma) out.records[0] = ask(0, points);
  if (asked.l1_to_first) out.records[3] = ask(1, points);
  out.collapse_time = ask(2, study.contexts());
  out.collapse_reached = reached.data();
  out.absorption_reached = reached.data() + study.contexts();
  with_job(study, [&](const ChainJob& job) { return cpu::run(job, out, Poll{}); });
  for (const auto& part : limbs) got.sums.insert(got.sums.end(), part.begin(), part.end());
  for (const std::int64_t count : reached) got.sums.push_back(static_cast<std::uint64_t>(count));
}

Given given(const Study& study, Asked asked) {
  const std::size_t runs = static_cast<std::size_t>(study.job.runs) * study.contexts();
  const std::size_t points = runs * static_cast<std::size_t>(study.job.generations);
  Given got;
  ChainTrajectories out;
  for (Integers& times : got.times) times.resize(runs);
  out.collapse_time = got.times[0].data();
  out.absorption_time = got.times[1].data();
  out.final_token = got.times[2].data();
  if (asked.sigma) got.sigma.resize(points), out.reals[0] = got.sigma.data();
  if (asked.l1_to_first) got.l1_to_first.resize(points), out.reals[3] = got.l1_to_first.data();
  with_job(study, [&](const ChainJob& job) { return cpu::run(job, out, Poll{}); });
  if (study.job.generations > 0) take_sums(study, asked, got);
  return got;
}

void check_sets(const Study& study, Asked asked) {
  const Given truth = [&] {
    const WithSet with("baseline");
    return given(study, asked);
  }();
  for (const NamedSet& each : vector_sets()) {
    const WithSet with(each.name);
    const bool same = given(study, asked) == truth;
    if (!same)
      std::printf("%s: regime %d, n %lld, real %lld, window %lld, %zu tokens\n", each.name,
                  static_cast<int>(study.job.regime), static_cast<long long>(study.n[0]),
                  static_cast<long long>(study.real[0]), static_cast<long long>(study.job.window),
                  study.tokens());
    CHECK(same);
  }
}

Reals skewed(std::size_t support, double ratio, std::size_t zeros) {
  Reals law(zeros, 0.0);
  double sum = 0.0, weight = 1.0;
  for (std::size_t i = 0; i < support; ++i, weight *= ratio) sum += weight;
  weight = 1.0 / sum;
  for (std::size_t i = 0; i < support; ++i, weight *= ratio) law.push_back(weight);
  law.resize(zeros + support + zeros, 0.0);
  return law;
}

std::vector<std::vector<Reals>> laws() {
  return {{skewed(52, 0.82, 3), skewed(58, 0.99, 0), skewed(1, 1.0, 28)},
          {skewed(2, 0.1, 1), skewed(4, 1e-3, 0)},
          {skewed(256, 0.999, 0), skewed(255, 0.98, 0)},
          {skewed(257, 0.999, 0)},
          {skewed(3000, 0.9999, 0)}};
}

std::vector<Reals> same_length(std::vector<Reals> some) {
  std::size_t most = 0;
  for (const Reals& law : some) most = std::max(most, law.size());
  for (Reals& law : some) law.resize(most, 0.0);
  return some;
}

Study make(Regime regime, const std::vector<Reals>& some, Integers n, std::int64_t generations) {
  Study study(regime, same_length(some), std::move(n), share_of(37) + 3, generations, 0x5eed);
  study.job.first_run = (std::int64_t{1} << 32) - 20;
  return study;
}

void windows() {
  for (const auto& some : laws())
    for (const std::int64_t n : {1, 2, 5, 10, 11, 12, 16, 17, 32, 33, 63, 64, 65, 128, 129})
      for (const std::int64_t window : {1, 2, 3, 5, 6, 10, 13, 64, 1025}) {
        if (window > 13 && n > 33) continue;
        Study study = make(Regime::most_recent, some, {n, n}, window > 13 ? 150 : 60);
        study.job.window = window;
        check_sets(study, {});
        check_sets(study, {false, false});
      }
  Study study = make(Regime::most_recent, laws()[0], {7, 9, 7, 7}, 40);
  study.job.window = 3;
  check_sets(study, {});
  study.n = {6};
  study.job.window = 3;
  study.job.generations = 0;  // until absorption
  check_sets(study, {false, false});
}

void all_models() {
  for (const auto& some : laws())
    for (const std::int64_t n : {1, 2, 10, 11, 12, 17, 32, 33, 64, 65})
      check_sets(make(Regime::randomly_sampled, some, {n}, 70), {});
  // Where the pool becomes too large for labels.
  for (const std::int64_t generations : {1023, 1024})
    check_sets(make(Regime::randomly_sampled, laws()[1], {64}, generations), {});
  check_sets(make(Regime::randomly_sampled, laws()[0], {10, 11, 10}, 40), {});
}

void kept_data() {
  for (const auto& some : laws())
    for (const std::int64_t n : {1, 2, 10, 15, 16, 17, 64, 65, 100, 128, 129, 500, 1500})
      for (const std::int64_t real : {1, 2, 100, 128, 129, 240, 255, 300, 600}) {
        if (n + real > 1000 && (n + real) % 3 > 0) continue;
        Study study = make(Regime::partially_synthetic, some, {n}, 20);
        study.real = {real, real, real};
        check_sets(study, {true, true});
        if (n == 10) check_sets(study, {false, true});
        if (n == 17) check_sets(study, {true, false});
      }
  Study study = make(Regime::partially_synthetic, laws()[0], {20, 30, 20}, 20);
  study.real = {10, 10, 15};
  check_sets(study, {true, true});
}

constexpr unsigned none = 0, sigma = 1U << 0, max_p = 1U << 1, l1_to_first = 1U << 3;

// Whether the driver gives a study's first context to the vector forms. They then do all runs of at
// most 128 draws, and of more where the real data has a token for each few draws.
bool reached(const Study& study, unsigned records) {
  bool takes = false;
  with_job(study, [&](const ChainJob& job) {
    core::StopFlag stop;
    cpu::MemoryRuns<cpu::TrajectorySink> runs(job, records, stop);
    const cpu::PreparedLaw law(job.laws, job.tokens);
    takes = runs.takes(0, law.truth());
    const cpu::Shape shape{job.generations, job.contexts, job.tokens};
    const ChainTrajectories nothing;
    cpu::TrajectorySink sink(shape, nothing);
    std::int64_t others = 0;
    if (takes) runs.block(0, job.runs, 0, law, sink, [&](std::int64_t) { ++others; });
    const bool few_tokens = job.n[0] > core::byte_limit && job.real[0] < 100;
    CHECK(others == 0 || few_tokens);
    return ChainOutcome{};
  });
  return takes;
}

Study even(Regime regime, std::size_t tokens, Integers n, std::int64_t generations = 20) {
  const Reals law(tokens, 1.0 / static_cast<double>(tokens));
  return Study(regime, {law}, std::move(n), 5, generations, 3);
}

void windows_are_reached() {
  const auto study = [](std::int64_t window, std::size_t tokens, Integers n) {
    Study made = even(Regime::most_recent, tokens, std::move(n));
    made.job.window = window;
    return made;
  };
  for (const std::int64_t n : {1, 10, 64})
    for (const std::int64_t window : {1, 5, 1024})
      for (const std::size_t tokens : {2, 256})
        for (const unsigned records : {none, sigma})
          CHECK(reached(study(window, tokens, {n}), records));
  CHECK(!reached(study(1025, 9, {10}), sigma));
  CHECK(!reached(study(5, 9, {65}), sigma));
  CHECK(!reached(study(5, 9, {10, 11}), sigma));
  CHECK(!reached(study(5, 1, {10}), sigma) && !reached(study(5, 257, {10}), sigma));
  CHECK(!reached(study(5, 9, {10}), max_p) && !reached(study(5, 9, {10}), l1_to_first));
}

void all_models_are_reached() {
  const Regime regime = Regime::randomly_sampled;
  for (const std::int64_t n : {1, 10, 64})
    for (const std::size_t tokens : {2, 256}) CHECK(reached(even(regime, tokens, {n}), sigma));
  CHECK(reached(even(regime, 9, {64}, 1023), sigma));
  CHECK(!reached(even(regime, 9, {64}, 1024), sigma));
  CHECK(!reached(even(regime, 9, {65}), sigma) && !reached(even(regime, 257, {10}), sigma));
  CHECK(!reached(even(regime, 9, {10}), none) && !reached(even(regime, 9, {10}), sigma | max_p));
}

void kept_data_are_reached() {
  const Regime regime = Regime::partially_synthetic;
  const auto study = [](std::int64_t real, Integers n, std::size_t tokens = 40) {
    Study made = even(regime, tokens, std::move(n));
    made.real = {real};
    return made;
  };
  for (const std::int64_t n : {1, 10, 100, 500})
    for (const std::int64_t real : {1, 100, 128, 300})
      for (const unsigned records : {sigma, l1_to_first, sigma | l1_to_first})
        CHECK(reached(study(real, {n}), records));
  CHECK(reached(study(48, {2000}), sigma) && !reached(study(48, {2001}), sigma));
  CHECK(reached(study(320, {10}), sigma) && !reached(study(321, {10}), sigma));
  CHECK(!reached(study(100, {10, 11}), sigma));
  CHECK(!reached(study(100, {10}), max_p) && !reached(study(100, {10}), none));
  CHECK(!reached(even(Regime::fully_synthetic, 40, {10}), sigma));
}

void vector_forms_are_reached() {
  for (const NamedSet& each : vector_sets()) {
    const WithSet with(each.name);
    const simd::MemorySet set = cpu::memory_set();
    CHECK(set.partially_synthetic != nullptr && set.most_recent != nullptr &&
          set.randomly_sampled != nullptr && set.add != nullptr);
    windows_are_reached();
    all_models_are_reached();
    kept_data_are_reached();
  }
  const WithSet with("baseline");
  CHECK(cpu::memory_set().most_recent == nullptr);
  CHECK(!reached(even(Regime::randomly_sampled, 9, {10}), sigma));
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  vector_forms_are_reached();
  windows();
  all_models();
  kept_data();
  return finish();
}
