// How many random words runs draw, for chain_profile.py. It rewrites a copy of the sources so that
// each word that a stream gives is counted, and compiles this file against it: a vector form draws
// the same words as the portable chain that is counted here.
#include <cstdint>

namespace profile {
std::uint64_t words = 0;
}  // namespace profile

#include "cpu/chain.cpp"

// numbers: regime, window, runs, generations, seed. One context and one thread.
extern "C" std::uint64_t count_words(const double* law, std::int64_t tokens, const std::int64_t* n,
                                     const double* alpha, const std::int64_t* real,
                                     std::int64_t rows, const std::int64_t* numbers) {
  autophage::ChainJob job;
  job.laws = law;
  job.contexts = 1;
  job.tokens = tokens;
  job.rows = rows;
  job.n = n;
  job.alpha = alpha;
  job.real = real;
  job.regime = static_cast<autophage::Regime>(numbers[0]);
  job.window = numbers[1];
  job.runs = numbers[2];
  job.generations = numbers[3];
  job.seed = static_cast<std::uint64_t>(numbers[4]);
  profile::words = 0;
  autophage::cpu::run(job, autophage::ChainTrajectories{}, autophage::Poll{});
  return profile::words;
}
