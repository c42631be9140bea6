// Runs integer chains of every regime and prints one number for all they give: their times, final
// tokens, supports and laws. It must be the same for every compiler, optimisation and machine.
//
// To build it anywhere:
//   g++ -std=c++20 -O2 -ffp-contract=off -I cpp tests/core/hash_program.cpp cpp/cpu/chain.cpp
//   cpp/cpu/chain_interacting.cpp cpp/simd/chain_*.cpp -pthread
#include <cstdio>

#include "entities.hpp"
#include "regimes.hpp"

int main() {
  using namespace autophage::test;
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
  std::printf("%016llx\n", static_cast<unsigned long long>(hash.value()));
  return 0;
}
