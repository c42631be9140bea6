// One generation of every regime whose parents are on record: given the law q that it draws from,
// the counts of three tokens are multinomial. Each is turned into two hidden uniforms (the count of
// the first token, and of the second given the first), and those must fill a square evenly. The
// sizes lie on both sides of every change of algorithm: labels, counts, the table for two tokens.
#include <cmath>
#include <cstdio>
#include <vector>

#include "check.hpp"
#include "square.hpp"
#include "study.hpp"

namespace autophage::test {
namespace {

// Laws of the generations of one run, three numbers each; generation 0 is p.
struct Run {
  const Study& study;
  const double* laws;  // of generation 1
  const double* law(long t) const { return t == 0 ? study.laws[0].data() : laws + 3 * (t - 1); }
};

// What a regime draws in generation t: how many, from which law, and what counts came of it.
struct Step {
  long n = 0;
  double q[3] = {};
  long count[3] = {};
};

// The value of a schedule for generation t.
template <class Value>
Value at(const std::vector<Value>& values, long t) {
  const auto row = static_cast<std::size_t>(t - 1);
  return values[row < values.size() ? row : values.size() - 1];
}

Step step_of(const Run& run, long t) {
  const Study& s = run.study;
  Step step;
  step.n = at(s.n, t);
  double before = 0, after = static_cast<double>(step.n);  // sizes of the samples behind the laws
  const double* base = run.law(t - 1);
  double alpha = 0;
  if (s.job.regime == Regime::mixed && t > 1) alpha = at(s.alpha, t);
  if (s.job.regime == Regime::accumulate && t > 1) {
    alpha = at(s.alpha, t);
    for (long u = 1; u < t; ++u) before += static_cast<double>(at(s.n, u));
    after = before + static_cast<double>(step.n);
  }
  if (s.job.regime == Regime::partially_synthetic) {
    if (t == 1) step.n = at(s.real, 1);
    before = t == 1 ? 0 : static_cast<double>(at(s.real, 1));
    after = before + static_cast<double>(step.n);
    base = t == 1 ? run.law(0) : run.law(1);
  }
  for (int i = 0; i < 3; ++i) {
    step.q[i] = alpha * run.law(0)[i] + (1 - alpha) * run.law(t - 1)[i];
    if (s.job.regime == Regime::randomly_sampled) {
      step.q[i] = 0;
      for (long u = 0; u < t; ++u) step.q[i] += run.law(u)[i] / static_cast<double>(t);
    }
    step.count[i] = std::lround(run.law(t)[i] * after - base[i] * before);
  }
  return step;
}

// Fills the square with every generation of every run; `lag` > 0 plants a fault: parents too old.
Square square_of(const Study& study, long lag = 0) {
  const Trajectories got = trajectories(study, Records::all);
  CHECK(got.outcome.ending == Ending::done);
  Square square(study.job.seed + 77);
  const auto generations = study.job.generations;
  for (long r = 0; r < study.job.runs; ++r) {
    const Run run{study, got.p.data() + r * generations * 3};
    for (long t = 1 + lag; t <= generations; ++t) {
      Step step = step_of(run, t);
      if (lag > 0)
        for (int i = 0; i < 3; ++i) step.q[i] = run.law(t - 1 - lag)[i];
      CHECK(step.count[0] + step.count[1] + step.count[2] == step.n);
      square.add(step.n, step.q, step.count);
    }
  }
  return square;
}

Study study_of(Regime regime, Integers n, std::uint64_t seed) {
  Study study(regime, {{0.5, 0.3, 0.2}}, std::move(n), share_of(4000), 5, seed);
  return study;
}

const std::vector<Integers>& sizes() {
  static const std::vector<Integers> all = {{1},
                                            {2},
                                            {5},
                                            {127},
                                            {128},
                                            {129},
                                            {300},
                                            {1024},
                                            {1025},
                                            {2048},
                                            {3000},
                                            {40000},
                                            {5, 128, 129, 300, 1024},
                                            {2000, 129, 128, 3, 200},
                                            {128, 128, 129, 128, 128}};
  return all;
}

void judge(const Study& study, const char* name) {
  const double p_value = square_of(study).p_value();
  if (!CHECK(plausible(p_value)))
    std::printf("  %s, n = %ld, ..: p = %g\n", name, study.n[0], p_value);
}

void one_step_laws() {
  std::uint64_t seed = 100;
  for (const Integers& n : sizes()) {
    judge(study_of(Regime::fully_synthetic, n, ++seed), "fully synthetic");
    Study contaminated = study_of(Regime::mixed, n, ++seed);
    contaminated.alpha = {0.0, 0.25, 0.5, 0.0};
    judge(contaminated, "contaminated");
    judge(study_of(Regime::randomly_sampled, n, ++seed), "randomly sampled");
    Study gathered = study_of(Regime::accumulate, n, ++seed);
    gathered.alpha = {0.0, 0.1, 0.0, 1.0};
    judge(gathered, "accumulate");
    Study kept = study_of(Regime::partially_synthetic, n, ++seed);
    kept.real = {n[0] % 200 + 1};
    judge(kept, "partially synthetic");
    Study latest = study_of(Regime::most_recent, n, ++seed);
    judge(latest, "most recent, one model");
  }
}

// Two tokens left from the start: the table decides every generation.
void two_tokens() {
  for (const std::int64_t n : {2, 5, 128, 129, 1024, 1025}) {
    Study study(Regime::fully_synthetic, {{0.6, 0.4, 0.0}}, {n}, share_of(8000), 5,
                500 + static_cast<std::uint64_t>(n));
    const double p_value = square_of(study).p_value();
    CHECK(plausible(p_value));
  }
}

// Planted faults: parents that are one generation too old, and a law that is a little off.
void the_judge_sees_faults() {
  Study stale = study_of(Regime::fully_synthetic, {300}, 7);
  stale.job.runs = 1000;
  CHECK(!plausible(square_of(stale, 1).p_value()));
  Study biased = study_of(Regime::fully_synthetic, {40000}, 8);
  biased.job.runs = 4000;
  const Trajectories got = trajectories(biased, Records::all);
  Square square(1);
  for (long r = 0; r < biased.job.runs; ++r) {
    const double q[3] = {0.5 + 0.0025, 0.3 - 0.0025, 0.2};  // one deviation of the mean
    long count[3];
    for (int i = 0; i < 3; ++i)
      count[i] = std::lround(got.p[static_cast<std::size_t>(15 * r + i)] * 40000);
    square.add(40000, q, count);
  }
  CHECK(!plausible(square.p_value()));
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  one_step_laws();
  two_tokens();
  the_judge_sees_faults();
  return finish();
}
