// The driver of the token chains: what it gives depends on the study alone, not on threads, shards,
// other contexts or what is recorded; sums are the exact sums of the trajectories; a study can be
// stopped, and says where it got stuck.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <vector>

#include "check.hpp"
#include "core/sums.hpp"
#include "regimes.hpp"

namespace autophage::test {
namespace {

std::uint64_t hash_of(const Study& study, Records records) {
  Hash hash;
  hash.add(trajectories(study, records));
  return hash.value();
}

std::vector<Study> studies() {
  std::vector<Study> all = every_regime(share_of(15) + 3, 6);
  if (effort() >= 1) return all;
  std::vector<Study> some;  // every size and regime, but not every pair
  for (std::size_t i = 0; i < all.size(); i += 7) some.push_back(all[i]);
  return some;
}

void threads_do_not_matter() {
  for (Study study : studies()) {
    const std::uint64_t alone = hash_of(study, Records::all);
    for (const int threads : {2, 3, 8}) {
      study.job.threads = threads;
      CHECK(hash_of(study, Records::all) == alone);
    }
  }
}

void threads_do_not_matter_for_sums() {
  for (Study study : studies()) {
    const Totals alone = totals(study);
    study.job.threads = 3;
    const Totals shared = totals(study);
    for (int i = 0; i < 20; ++i) CHECK(shared.limbs[i] == alone.limbs[i]);
    CHECK(shared.reached[0] == alone.reached[0] && shared.reached[1] == alone.reached[1]);
  }
}

// Runs first .. first + k - 1 alone give what they give among the others.
void shards_do_not_matter() {
  for (const Study& study : studies()) {
    const Trajectories whole = trajectories(study, Records::all);
    const std::int64_t half = study.job.runs / 2;
    for (const std::int64_t first : {std::int64_t{0}, half}) {
      Study part = study;
      part.job.first_run = first;
      part.job.runs = first == 0 ? half : study.job.runs - half;
      const Trajectories shard = trajectories(part, Records::all);
      const auto same = [&](const auto& some, const auto& all) {
        const std::size_t each = all.size() / static_cast<std::size_t>(study.job.runs);
        return std::equal(some.begin(), some.end(),
                          all.begin() + static_cast<std::ptrdiff_t>(each) * first);
      };
      CHECK(same(shard.collapse_time, whole.collapse_time));
      CHECK(same(shard.absorption_time, whole.absorption_time));
      CHECK(same(shard.final_token, whole.final_token));
      CHECK(same(shard.support, whole.support));
      CHECK(same(shard.p, whole.p));
      for (int r = 0; r < 6; ++r) CHECK(same(shard.reals[r], whole.reals[r]));
    }
  }
}

void records_do_not_matter() {
  for (const Study& study : studies()) {
    const Trajectories full = trajectories(study, Records::all);
    const Trajectories times = trajectories(study, Records::times);
    CHECK(full.collapse_time == times.collapse_time);
    CHECK(full.absorption_time == times.absorption_time);
    CHECK(full.final_token == times.final_token);
  }
}

// A longer horizon repeats a shorter one and goes on.
void horizons_do_not_matter() {
  for (const Study& study : studies()) {
    Study longer = study;
    longer.job.generations += 4;
    const Trajectories a = trajectories(study, Records::all),
                       b = trajectories(longer, Records::all);
    const std::size_t each = a.support.size() / static_cast<std::size_t>(study.job.runs);
    const std::size_t more = b.support.size() / static_cast<std::size_t>(study.job.runs);
    bool same = true;
    for (std::size_t r = 0; r < static_cast<std::size_t>(study.job.runs); ++r)
      for (std::size_t i = 0; i < each; ++i)
        same = same && a.support[r * each + i] == b.support[r * more + i];
    CHECK(same);
  }
}

// What happens in one context has nothing to do with the law of another.
void contexts_do_not_matter() {
  for (const Study& study : studies()) {
    Study other = study;
    other.laws[0] = other.laws[1];
    const Trajectories a = trajectories(study, Records::all), b = trajectories(other, Records::all);
    for (std::size_t i = 0; i < a.support.size(); ++i)
      CHECK(i % 3 == 0 || a.support[i] == b.support[i]);
  }
}

// Sums over runs, exactly, of what the trajectories say; absorbed runs keep their last value.
void sums_are_those_of_the_trajectories() {
  for (const Study& study : studies()) {
    const Trajectories got = trajectories(study, Records::all);
    const Totals sums = totals(study);
    const std::size_t points = got.support.size() / static_cast<std::size_t>(study.job.runs);
    const auto compare = [&](int which, std::size_t size, auto&& value) {
      for (std::size_t i = 0; i < size; ++i) {
        core::ExactSum total;
        for (std::size_t r = 0; r < static_cast<std::size_t>(study.job.runs); ++r)
          if (const std::int64_t x = value(r * size + i); x >= 0)
            total.add(static_cast<std::uint64_t>(x));
        CHECK(std::equal(total.sum, total.sum + 2, &sums.limbs[2 * which][2 * i]));
        CHECK(std::equal(total.squares, total.squares + 3, &sums.limbs[2 * which + 1][3 * i]));
      }
    };
    const auto fixed = [](double x) { return static_cast<std::int64_t>(core::to_fixed(x)); };
    compare(0, 3, [&](std::size_t i) { return got.collapse_time[i]; });
    compare(1, 3, [&](std::size_t i) { return got.absorption_time[i]; });
    compare(2, points * study.tokens(), [&](std::size_t i) { return fixed(got.p[i]); });
    for (int r = 0; r < 6; ++r)
      compare(3 + r, points, [&](std::size_t i) { return fixed(got.reals[r][i]); });
    compare(9, points, [&](std::size_t i) { return got.support[i]; });
    for (int which = 0; which < 2; ++which)
      for (std::size_t c = 0; c < 3; ++c) {
        std::int64_t reached = 0;
        for (std::size_t r = 0; r < static_cast<std::size_t>(study.job.runs); ++r)
          reached += (which == 0 ? got.collapse_time : got.absorption_time)[3 * r + c] >= 0;
        CHECK(sums.reached[which][c] == reached);
      }
  }
}

// Laws of the runs add up to one, and tokens without chance never come: 1e8 draws.
void laws_are_laws() {
  for (const Study& study : studies()) {
    const Trajectories got = trajectories(study, Records::all);
    const std::size_t tokens = study.tokens();
    for (std::size_t i = 0; i < got.support.size(); ++i) {
      double sum = 0;
      std::int64_t living = 0;
      for (std::size_t token = 0; token < tokens; ++token) {
        const double p = got.p[i * tokens + token];
        sum += p;
        living += p > 0;
        CHECK(p == 0 || study.laws[i % 3][token] > 0);
      }
      CHECK(std::fabs(sum - 1) < 1e-12 && living == got.support[i]);
    }
  }
  for (const std::vector<Reals>& laws : {std::vector<Reals>{{0, 0, 0.5, 0.5}},
                                         {{0.5, 0.5, 0, 0}},
                                         {{0, 1, 0, 0}},
                                         {{0.5, 0, 0, 0.5}}}) {
    Study study(Regime::fully_synthetic, laws, {16}, share_of(1.6e6), 1, 3);
    const Totals sums = totals(study);
    for (std::size_t token = 0; token < 4; ++token)
      CHECK((sums.limbs[4][2 * token] > 0 || sums.limbs[4][2 * token + 1] > 0) ==
            (laws[0][token] > 0));
  }
}

void a_study_can_be_stopped() {
  Study study(Regime::fully_synthetic, {{0.5, 0.5}}, {std::int64_t{1} << 40}, 1000, 0, 1);
  study.job.threads = 2;
  int calls = 0;
  const Poll poll{[](void* context, std::int64_t) { return ++*static_cast<int*>(context) < 3; },
                  &calls};
  const Trajectories got = trajectories(study, Records::times, poll);
  CHECK(got.outcome.ending == Ending::stopped && calls == 3);
}

// All real data thrown away, all synthetic data too: the second generation keeps nothing.
void a_study_can_get_stuck() {
  Study study(Regime::mixed, {{0.5, 0.5}, {0.25, 0.75}}, {10}, 30, 5, 1);
  study = filtered(study, 1, 1.0, 0.0);
  study.job.first_run = 1000;
  for (const int threads : {1, 4}) {
    study.job.threads = threads;
    const ChainOutcome outcome = trajectories(study, Records::all).outcome;
    CHECK(outcome.ending == Ending::stuck && outcome.generation == 2);
    CHECK(outcome.run >= 1000 && outcome.run < 1030 && outcome.context >= 0 && outcome.context < 2);
  }
}

void nothing_to_do() {
  Study study(Regime::fully_synthetic, {{0.5, 0.5}}, {10}, 0, 5, 1);
  study.job.threads = 4;
  CHECK(trajectories(study, Records::all).outcome.ending == Ending::done);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  threads_do_not_matter();
  threads_do_not_matter_for_sums();
  shards_do_not_matter();
  records_do_not_matter();
  horizons_do_not_matter();
  contexts_do_not_matter();
  sums_are_those_of_the_trajectories();
  laws_are_laws();
  a_study_can_be_stopped();
  a_study_can_get_stuck();
  nothing_to_do();
  return finish();
}
