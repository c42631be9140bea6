// Interacting entities: every pool has the law that the generation before gives it, at sizes on
// both sides of every change of algorithm; results depend on the study alone; a law that cannot
// change any more is known to.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "check.hpp"
#include "entities.hpp"
#include "square.hpp"

namespace autophage::test {
namespace {

// Fills the square with every pool of every run; `alone` plants a fault: pools that are taken for
// draws from their own entity.
Square square_of(const Entities& study, bool alone = false) {
  const Trajectories got = trajectories(study);
  CHECK(got.outcome.ending == Ending::done);
  Square square(study.job.seed + 77);
  const std::size_t entities = study.count(), row = 3 * entities;
  for (std::size_t run = 0; run < static_cast<std::size_t>(study.job.runs); ++run) {
    const double* first = got.p.data() + run * 6 * row;
    for (std::size_t t = 1; t < 6; ++t) {
      const double *before = first + (t - 1) * row, *after = first + t * row;
      const auto n = static_cast<double>(study.n[t]);
      for (std::size_t k = 0; k < (study.job.own_pools ? entities : 1); ++k) {
        double q[3] = {};
        long count[3];
        for (std::size_t i = 0; i < 3; ++i) {
          for (std::size_t j = 0; j < entities; ++j)
            q[i] += before[3 * (alone ? k : j) + i] / static_cast<double>(entities);
          const double pool =
              after[3 * k + i] / study.alpha[t] - (1 / study.alpha[t] - 1) * first[3 * k + i];
          count[i] = std::lround(pool * n);
          CHECK(std::fabs(pool * n - static_cast<double>(count[i])) < 1e-13 * n + 1e-9);
        }
        CHECK(count[0] + count[1] + count[2] == study.n[t]);
        square.add(static_cast<long>(study.n[t]), q, count);
      }
    }
  }
  return square;
}

void one_step_laws() {
  const std::vector<Integers> sizes = {{1, 1, 1, 1, 1, 1},
                                       {2, 2, 2, 2, 2, 2},
                                       {5, 5, 5, 5, 5, 5},
                                       {24, 25, 24, 25, 26, 25},
                                       {40, 40, 40, 40, 40, 40},
                                       {128, 128, 129, 128, 130, 128},
                                       {300, 20, 300, 3000, 9, 50},
                                       {3000, 3000, 3000, 3000, 3000, 3000},
                                       {70000, 30, 70000, 2, 1000000, 70000}};
  std::uint64_t seed = 900;
  for (const Integers& n : sizes)
    for (const bool kept : {false, true})
      for (const bool own_pools : {false, true}) {
        const double p_value =
            square_of(three_entities(n, kept, own_pools, share_of(3000), ++seed)).p_value();
        if (!CHECK(plausible(p_value)))
          std::printf("  n = %ld, kept %d, own %d: p = %g\n", n[0], kept, own_pools, p_value);
      }
}

void the_judge_sees_a_fault() {
  const Entities study = three_entities({40, 40, 40, 40, 40, 40}, false, true, 3000, 5);
  CHECK(!plausible(square_of(study, true).p_value()));
}

void threads_and_shards_do_not_matter() {
  for (const std::int64_t n : {9, 300, 70000})
    for (const bool kept : {false, true})
      for (const bool own_pools : {false, true}) {
        Entities study = three_entities({n, n, n, n, n, n}, kept, own_pools, 30, 11);
        const Trajectories alone = trajectories(study);
        study.job.threads = 3;
        const Trajectories shared = trajectories(study);
        CHECK(shared.p == alone.p && shared.support == alone.support);
        CHECK(shared.collapse_time == alone.collapse_time);
        for (int r = 0; r < 6; ++r) CHECK(shared.reals[r] == alone.reals[r]);
        study.job.first_run = 17;
        study.job.runs = 4;
        const Trajectories part = trajectories(study);
        CHECK(std::equal(part.p.begin(), part.p.end(), alone.p.begin() + 17 * 6 * 9));
      }
}

// With alpha = 1 a common pool drifts to a point mass and stays: every entity is absorbed at once,
// and only there. With data that keep coming no law is ever sure to stay.
void absorption() {
  for (const bool own_pools : {false, true}) {
    Entities study = three_entities(Integers(200, 4), false, own_pools, 50, 3);
    study.alpha.assign(200, 1.0);
    study.beta.assign(200, 0.625);
    study.job.generations = 200;
    const Trajectories got = trajectories(study);
    for (std::size_t run = 0; run < 50; ++run) {
      const std::int64_t* time = got.absorption_time.data() + 3 * run;
      CHECK(time[0] > 0 && time[1] == time[0] && time[2] == time[0]);
      const auto token = static_cast<std::size_t>(got.final_token[3 * run]);
      for (std::size_t t = static_cast<std::size_t>(time[0]) - 1; t < 200; ++t)
        for (std::size_t k = 0; k < 3; ++k)
          CHECK(got.p[((200 * run + t) * 3 + k) * 3 + token] == 1);
      CHECK(got.collapse_time[3 * run] <= time[0]);
    }
    study.alpha.back() = 0.5;  // the last row holds for ever: data come back
    const Trajectories later = trajectories(study);
    for (const std::int64_t time : later.absorption_time) CHECK(time == -1);
  }
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  one_step_laws();
  the_judge_sees_a_fault();
  threads_and_shards_do_not_matter();
  absorption();
  return finish();
}
