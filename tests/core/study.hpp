// A study of token chains for tests: what the driver is asked, owned by value, and all it gives
// back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "backend.hpp"

namespace autophage::test {

using Integers = std::vector<std::int64_t>;
using Reals = std::vector<double>;

// One law a context. Schedules have one value a generation, alike in all contexts.
struct Study {
  std::vector<Reals> laws;
  Integers n;
  Reals alpha{0.0};
  Integers real{0};
  ChainJob job;  // but for laws, schedules and their sizes

  Study(Regime regime, std::vector<Reals> laws_, Integers n_, std::int64_t runs,
        std::int64_t generations, std::uint64_t seed = 1)
      : laws(std::move(laws_)), n(std::move(n_)) {
    job.regime = regime;
    job.runs = runs;
    job.generations = generations;
    job.seed = seed;
  }
  std::size_t contexts() const { return laws.size(); }
  std::size_t tokens() const { return laws[0].size(); }
};

// Calls `with(job)` on the study's job, arrays in place.
template <class With>
ChainOutcome with_job(const Study& study, With&& with) {
  ChainJob job = study.job;
  Reals laws, alpha;
  Integers n, real;
  for (const Reals& law : study.laws) laws.insert(laws.end(), law.begin(), law.end());
  const std::size_t rows = std::max({study.n.size(), study.alpha.size(), study.real.size()});
  const auto at = [](const auto& values, std::size_t row) {
    return values[row < values.size() ? row : values.size() - 1];
  };
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t c = 0; c < study.contexts(); ++c) {
      n.push_back(at(study.n, row));
      alpha.push_back(at(study.alpha, row));
      real.push_back(at(study.real, row));
    }
  job.laws = laws.data();
  job.contexts = static_cast<std::int64_t>(study.contexts());
  job.tokens = static_cast<std::int64_t>(study.tokens());
  job.rows = static_cast<std::int64_t>(rows);
  job.n = n.data();
  job.alpha = alpha.data();
  job.real = real.data();
  return with(job);
}

enum class Records { times, all };

struct Trajectories {
  Integers collapse_time, absorption_time, final_token, support;
  Reals p, reals[6];
  ChainOutcome outcome;

  // Makes room for the records of `runs` runs of `chains` chains each.
  ChainTrajectories ask(Records records, std::int64_t runs, std::size_t chains,
                        std::int64_t generations, std::size_t tokens) {
    const std::size_t cells = static_cast<std::size_t>(runs) * chains;
    const std::size_t points = cells * static_cast<std::size_t>(generations);
    ChainTrajectories out;
    const auto room = [](auto& values, std::size_t size, auto*& where) {
      values.resize(size);
      where = values.data();
    };
    room(collapse_time, cells, out.collapse_time);
    room(absorption_time, cells, out.absorption_time);
    room(final_token, cells, out.final_token);
    if (records == Records::all) {
      room(support, points, out.support);
      room(p, points * tokens, out.p);
      for (int r = 0; r < 6; ++r) room(reals[r], points, out.reals[r]);
    }
    return out;
  }
};

// `times` alone lets the driver skip generations between records; `all` asks for each of them.
inline Trajectories trajectories(const Study& study, Records records, const Poll& poll = {}) {
  Trajectories got;
  const ChainTrajectories out =
      got.ask(records, study.job.runs, study.contexts(), study.job.generations, study.tokens());
  got.outcome = with_job(study, [&](const ChainJob& job) { return cpu::run(job, out, poll); });
  return got;
}

// Exact sums over the runs: of the times, and of every record by generation.
struct Totals {
  std::vector<std::uint64_t> limbs[2 * 10];  // sums and squares
  Integers reached[2];
  ChainOutcome outcome;
};

inline Totals totals(const Study& study, bool records = true) {
  const std::size_t points = study.contexts() * static_cast<std::size_t>(study.job.generations);
  Totals got;
  ChainSums out;
  int next = 0;
  const auto ask = [&](ExactSums& sums, std::size_t size) {
    got.limbs[next].resize(2 * size);
    sums.sum = got.limbs[next++].data();
    got.limbs[next].resize(3 * size);
    sums.squares = got.limbs[next++].data();
  };
  ask(out.collapse_time, study.contexts());
  ask(out.absorption_time, study.contexts());
  for (Integers& reached : got.reached) reached.resize(study.contexts());
  out.collapse_reached = got.reached[0].data();
  out.absorption_reached = got.reached[1].data();
  if (records) {
    ask(out.p, points * study.tokens());
    for (ExactSums& record : out.records) ask(record, points);
  }
  got.outcome = with_job(study, [&](const ChainJob& job) { return cpu::run(job, out, Poll{}); });
  return got;
}

// One number for any values: FNV-1a over their 64-bit words.
class Hash {
 public:
  template <class Value>
  void add(const std::vector<Value>& values) {
    static_assert(sizeof(Value) == 8);
    word(values.size());
    for (const Value& value : values) word(__builtin_bit_cast(std::uint64_t, value));
  }
  void add(const Trajectories& got) {
    add(got.collapse_time);
    add(got.absorption_time);
    add(got.final_token);
    add(got.support);
    add(got.p);
  }
  std::uint64_t value() const { return state_; }

 private:
  void word(std::uint64_t x) {
    for (int i = 0; i < 64; i += 8) state_ = (state_ ^ (x >> i & 255)) * 0x100000001b3ULL;
  }
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

}  // namespace autophage::test
