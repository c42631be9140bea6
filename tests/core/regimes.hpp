// Studies of every regime, small and large, for tests that compare runs with runs.
#pragma once

#include <vector>

#include "study.hpp"

namespace autophage::test {

inline std::vector<Reals> three_laws() {
  Reals zipf(40), steep(40, 0.0), even(40, 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < 40; ++i) sum += zipf[39 - i] = 1.0 / static_cast<double>(i + 1);
  for (double& p : zipf) p /= sum;
  steep[3] = 0.75;
  steep[20] = 0.25 - 1e-9;
  steep[39] = 1e-9;
  for (std::size_t i = 4; i < 36; ++i) even[i] = 1.0 / 32;
  return {zipf, steep, even};
}

// The study with a mixture's options set.
inline Study filtered(Study study, std::int32_t filter, double type1, double type2) {
  study.alpha = {0.0, 0.5, 0.25};
  study.job.filter = filter;
  study.job.type1 = type1;
  study.job.type2 = type2;
  return study;
}

inline std::vector<Study> every_regime(std::int64_t runs, std::int64_t generations) {
  const std::vector<Reals> laws = three_laws();
  std::vector<Study> all;
  const std::vector<Integers> sizes = {{1},
                                       {7},
                                       {128},
                                       {129},
                                       {300},
                                       {1024},
                                       {2500},
                                       {70000},
                                       {1000000000},
                                       {std::int64_t{1} << 50},
                                       {20, 200, 128, 2000, 5}};
  std::uint64_t seed = 1;
  const auto add = [&](Regime regime, const Integers& n) -> Study& {
    return all.emplace_back(regime, laws, n, runs, generations, ++seed);
  };
  for (const Integers& n : sizes) {
    add(Regime::fully_synthetic, n);
    add(Regime::partially_synthetic, n).real = {n[0] / 2 + 1, n[0] / 2 + 1, n[0] + 1};
    for (const std::int64_t window : {1, 3, 100}) add(Regime::most_recent, n).job.window = window;
    add(Regime::randomly_sampled, n);
    Study& mixed = add(Regime::mixed, n);
    mixed.alpha = {0.0, 0.1, 0.0};
    all.push_back(filtered(mixed, 1, 0.25, 0.5));
    all.push_back(filtered(mixed, 2, 0, 0));
    for (const std::int32_t rule : {1, 2}) {
      Study& adaptive = add(Regime::mixed, n);
      adaptive.job.adaptation = rule;
      adaptive.job.constant = rule == 1 ? 0.01 : 3.0;
    }
    for (const bool subsample : {false, true})
      for (const bool replace : {false, true}) {
        Study& gathered = add(Regime::accumulate, n);
        gathered.job.subsample = subsample;
        gathered.job.replace = replace;
        gathered.alpha = {0.0, replace ? 0.2 : 0.0};
      }
  }
  return all;
}

}  // namespace autophage::test
