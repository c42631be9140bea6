// Studies of mixtures: runs in lanes, components in lanes and one number at a time give the same
// bits, for every instruction set, thread count and shard; refused words and far posts in lanes.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "backend/mixture.hpp"
#include "check.hpp"
#include "core/mixture.hpp"
#include "core/sums.hpp"
#include "cpu/mixture_memory.hpp"

namespace autophage::test {
namespace {

using Reals = std::vector<double>;
using core::i64;
using core::u32;
using core::u64;

struct Study {
  Reals means, first, weights, rate;
  std::vector<std::int64_t> posts, reads;
  MixtureJob job;

  Study(i64 models, i64 components, i64 features, i64 generations, double spread, double prior) {
    core::Stream source(17, static_cast<u64>(components), 0, core::Purpose::truth);
    for (i64 i = 0; i < components * features; ++i)
      means.push_back(spread * core::draw_normal(source));
    for (i64 i = 0; i < 3 * features; ++i) first.push_back(core::draw_normal(source));
    for (i64 j = 0; j < models; ++j)
      for (i64 k = 0; k < components; ++k)
        weights.push_back((k == 0 ? 0.5 : 0.0) + 0.5 / static_cast<double>(components));
    i64 pool = 3;
    for (i64 t = 0; t < generations; ++t) {
      for (i64 j = 0; j < models; ++j) posts.push_back((t + j) % 3);
      for (i64 j = 0; j < models; ++j) pool += posts[static_cast<std::size_t>(t * models + j)];
      for (i64 j = 0; j < models; ++j) {
        reads.push_back(pool * (j + 1) / (models + 1));
        rate.push_back(0.05 / static_cast<double>(t + 1));
      }
    }
    job.models = models;
    job.components = components;
    job.features = features;
    job.means = means.data();
    job.first_posts = first.data();
    job.given = 3;
    job.weights = weights.data();
    job.posts = posts.data();
    job.reads = reads.data();
    job.rate = rate.data();
    job.prior = prior;
    job.seed = 0x123456789abcdefULL;
    job.first_run = (i64{1} << 32) - 5;
    job.runs = 35;
    job.generations = generations;
  }
  Study(const Study&) = delete;
};

struct Results {
  Reals distance, distances, weights;
  bool operator==(const Results&) const = default;
};

Results results(const MixtureJob& job) {
  const i64 rows = job.runs * (job.generations + 1);
  const auto size = [](i64 count) { return static_cast<std::size_t>(count); };
  Results got{Reals(size(rows)), Reals(size(rows * job.models * job.models)),
              Reals(size(rows * job.models * job.components))};
  const MixtureTrajectories out{got.distance.data(), got.distances.data(), got.weights.data()};
  CHECK(cpu::run(job, out, Poll{}) == Ending::done);
  return got;
}

Reals distances_alone(const MixtureJob& job) {
  Reals distance(static_cast<std::size_t>(job.runs * (job.generations + 1)));
  CHECK(cpu::run(job, MixtureTrajectories{distance.data(), nullptr, nullptr}, Poll{}) ==
        Ending::done);
  return distance;
}

// The weights of a run at the end, one number at a time.
template <class Real>
Reals plain_weights(const MixtureJob& job, i64 run) {
  Reals heights;
  for (i64 k = 0; k < job.components; ++k) {
    double square = 0.0;
    for (i64 i = 0; i < job.features; ++i)
      square += job.means[k * job.features + i] * job.means[k * job.features + i];
    heights.push_back(square / 2);
  }
  const core::MixtureNetwork net{job.models,     job.components,  job.features, job.means,
                                 heights.data(), job.first_posts, job.given,    job.weights,
                                 job.prior,      job.active,      job.shared};
  i64 capacity = job.given;
  for (i64 i = 0; i < job.generations * job.models; ++i) capacity += job.posts[i];
  const auto size = [](i64 count) { return static_cast<std::size_t>(count); };
  Reals points(size(capacity * job.features)), room(size(job.components));
  std::vector<Real> likelihoods(size(capacity * job.components)),
      weights(size(job.models * job.components)), sums(size(job.models));
  std::vector<u32> order(size(capacity * job.models));
  std::vector<core::Stream> streams[3];
  for (int which = 0; which < 3; ++which)
    for (i64 j = 0; j < job.models; ++j)
      streams[which].emplace_back(
          job.seed, static_cast<u64>(job.first_run + run), static_cast<u64>(j),
          static_cast<core::Purpose>(static_cast<int>(core::Purpose::posts) + which));
  const core::MixtureSpace<Real> space{job.components,     capacity,         points.data(),
                                       likelihoods.data(), order.data(),     weights.data(),
                                       sums.data(),        room.data(),      streams[0].data(),
                                       streams[1].data(),  streams[2].data()};
  const core::PlainSteps<Real> steps;
  core::MixtureRun<Real, core::Stream, core::PlainSteps<Real>> chain(net, space, steps);
  for (i64 t = 0; t < job.generations; ++t)
    chain.generation(job.posts + t * job.models, job.reads + t * job.models,
                     job.rate + t * job.models);
  CHECK(chain.posts() == capacity);
  Reals shown(weights.begin(), weights.end());
  for (i64 j = 0; j < job.models; ++j)
    core::normalise(job.components, shown.data() + j * job.components);
  return shown;
}

// Norms of matrices of distances, from the weights that are recorded.
Reals norms(const MixtureJob& job, const Reals& weights) {
  Reals found;
  const i64 row = job.models * job.components;
  for (const double* w = weights.data(); w != weights.data() + weights.size(); w += row) {
    double pairs = 0.0;
    for (i64 i = 0; i < job.models; ++i)
      for (i64 j = 0; j < i; ++j)
        pairs += core::sum_by_ways<double>(job.components, [&](i64 k) {
          const double gap = w[i * job.components + k] - w[j * job.components + k];
          return gap * gap;
        });
    const double around = core::sum_of_squares_around_mean(
        job.models, job.components, [&](i64 j, i64 k) { return w[j * job.components + k]; });
    CHECK(std::fabs(around - 2.0 * pairs) <= 1e-14 * around);
    found.push_back(std::sqrt(job.models > core::most_in_pairs ? around : 2.0 * pairs));
  }
  return found;
}

Reals part(const Reals& values, i64 runs, i64 first, i64 count) {
  const auto a_run = static_cast<std::ptrdiff_t>(values.size()) / runs;
  return {values.begin() + first * a_run, values.begin() + (first + count) * a_run};
}

// All ways to do a study agree to the last bit.
void check_all_ways(MixtureJob job) {
  job.threads = 1;
  const Results truth = results(job);
  CHECK(norms(job, truth.weights) == truth.distance);
  CHECK(std::all_of(truth.weights.begin(), truth.weights.end(), [](double w) { return w >= 0; }));
  for (const char* set : {"baseline", "avx2", "avx512"}) {
    setenv("AUTOPHAGE_INSTRUCTIONS", set, 1);
    for (const int threads : {1, 3}) {
      job.threads = threads;
      CHECK(results(job) == truth);
      CHECK(distances_alone(job) == truth.distance);
    }
    MixtureJob few = job;  // too few for runs in lanes
    few.first_run += 7;
    few.runs = 2;
    few.threads = 1;
    CHECK(results(few).distance == part(truth.distance, job.runs, 7, 2));
    CHECK(results(few).distances == part(truth.distances, job.runs, 7, 2));
    CHECK(distances_alone(few) == part(truth.distance, job.runs, 7, 2));
    CHECK(results(few).weights == part(truth.weights, job.runs, 7, 2));
  }
  unsetenv("AUTOPHAGE_INSTRUCTIONS");
  for (const i64 run : {0, 5, 34}) {
    const Reals plain =
        job.single ? plain_weights<float>(job, run) : plain_weights<double>(job, run);
    const Reals path = part(truth.weights, job.runs, run, 1);
    CHECK(Reals(path.end() - static_cast<std::ptrdiff_t>(plain.size()), path.end()) == plain);
  }
}

void every_way_gives_the_same_bits() {
  for (const i64 components : {1, 2, 3, 4, 5, 9, 17, 50, 130})
    for (const double prior : {0.0, 0.002})
      for (const bool single : {false, true})
        for (const bool shared : {false, true}) {
          const bool far = components % 2 == 0;
          const i64 models = components == 50 ? 13 : components % 13 == 4 ? 5 : 3;
          Study study(models, components, components % 3 + 1, 8, far ? 60.0 : 2.0, prior);
          study.job.single = single;
          study.job.shared = shared;
          check_all_ways(study.job);
        }
  Study study(3, 4, 2, 8, 2.0, 0.01);
  study.job.active = true;
  check_all_ways(study.job);
}

// In lanes, a refused word is replaced as it is elsewhere.
void refused_words_in_lanes() {
  static int asked = 0;
  const auto test = [](const simd::MixtureSet& set) {
    constexpr i64 posts = 3, lanes = 16;
    core::MixtureNetwork net;
    net.models = 1;
    net.components = 2;
    alignas(64) u32 order[posts * lanes], reading[4 * lanes] = {};
    alignas(64) double likelihoods[posts * lanes], weights[2 * lanes], sums[lanes];
    std::fill_n(likelihoods, posts * lanes, 0.5);
    std::fill_n(weights, 2 * lanes, 0.5);
    for (u32 e = 0; e < posts * lanes; ++e) order[e] = e;
    for (i64 l = 0; l < lanes; ++l) reading[lanes + l] = 0x55555556U * static_cast<u32>(l % 3);
    u64 read = 1;  // the second words of the block are next: 0, refused, in every third lane
    simd::MixtureLanes<double> state{};
    state.net = &net;
    state.capacity = posts;
    state.likelihoods = likelihoods;
    state.order = order;
    state.weights = weights;
    state.sums = sums;
    state.reading = reading;
    state.read = &read;
    state.redraw = [](const simd::MixtureLanes<double>&, i64 j, u32 bound, u32* words) {
      ++asked;
      CHECK(j == 0 && bound == 3 && words[0] == 0);
      for (u32 l = 0; l < 16; ++l) words[l] = words[l] == 0 ? 2 : l % 3;
    };
    const i64 reads = 1;
    const core::MixtureRate<double> rate(0.1, 0.0, 2);
    asked = 0;
    set.in_double.generation(state, posts, &reads, &rate, nullptr);
    CHECK(asked == 1 && read == 2);
    for (u32 l = 0; l < lanes; ++l)
      CHECK(order[l] == (l % 3 == 0 ? 2 : l % 3) * 16 + l &&
            order[(l % 3 == 0 ? 2 : l % 3) * 16 + l] == l);
  };
  for (const char* name : {"baseline", "avx2", "avx512"}) {
    setenv("AUTOPHAGE_INSTRUCTIONS", name, 1);
    test(cpu::mixture_set());
  }
  unsetenv("AUTOPHAGE_INSTRUCTIONS");
}

void wide_streams_are_streams() {
  const simd::MixtureSet set = cpu::mixture_set();
  const u64 run = (u64{3} << 32) + 9;
  core::Stream plain(99, run, 1234, core::Purpose::reading);
  cpu::WideStream wide(set, 99, run, 1234, core::Purpose::reading);
  for (int i = 0; i < 200; ++i) {
    const u32 word = plain.next32();
    CHECK(wide.next32() == word);
    const double u = plain.uniform();
    CHECK(wide.uniform() == u);
  }
  alignas(64) double values[16];
  for (int repeat = 0; repeat < 2000; ++repeat) {
    double z[16];
    for (int l = 0; l < 16; ++l) z[l] = core::normal_quantile(values[l] = plain.uniform());
    set.quantiles(values);
    CHECK(std::equal(z, z + 16, values));
  }
}

void sums_are_those_of_the_runs() {
  const Study study(3, 2, 1, 8, 2.0, 0.0);
  const Results truth = results(study.job);
  std::vector<u64> sum(9 * 4), squares(9 * 7), weight_sum(9 * 6 * 2), weight_squares(9 * 6 * 3);
  const MixtureSums out{
      {sum.data(), squares.data()}, {}, {weight_sum.data(), weight_squares.data()}};
  CHECK(cpu::run(study.job, out, Poll{}) == Ending::done);
  for (std::size_t t = 0; t < 9; ++t) {
    core::SignedSum one;
    core::ExactSum weight;
    for (std::size_t run = 0; run < 35; ++run) {
      one.add(truth.distance[run * 9 + t]);
      weight.add(core::to_fixed(truth.weights[(run * 9 + t) * 6 + 4]));
    }
    CHECK(std::equal(one.sum, one.sum + 4, &sum[t * 4]));
    CHECK(std::equal(one.squares, one.squares + 7, &squares[t * 7]));
    CHECK(std::equal(weight.sum, weight.sum + 2, &weight_sum[(t * 6 + 4) * 2]));
    CHECK(std::equal(weight.squares, weight.squares + 3, &weight_squares[(t * 6 + 4) * 3]));
  }
}

void a_study_can_be_stopped() {
  Study study(3, 2, 1, 8, 2.0, 0.0);
  study.job.runs = 1 << 24;
  Reals all(static_cast<std::size_t>(study.job.runs) * 9);
  const Poll poll{[](void*, std::int64_t) { return false; }, nullptr};
  CHECK(cpu::run(study.job, MixtureTrajectories{all.data(), nullptr, nullptr}, poll) ==
        Ending::stopped);
}

// Ratios of densities are the same in the new coordinates.
void coordinates_keep_ratios_of_densities() {
  const Reals covariance{2.0, 0.5, 0.1, 0.5, 1.0, -0.3, 0.1, -0.3, 0.7};
  const Reals means{5.0, 1.0, 2.0, 6.0, 0.0, 2.5, 4.0, 2.0, 1.5};  // on a line: one dimension
  const Reals points{0.3, 0.2, 0.1, 7.0, -3.0, 1.0};
  Reals new_means, new_points;
  CHECK(cpu::find_coordinates(3, 3, means.data(), covariance.data(), 2, points.data(), new_means,
                              new_points) == cpu::Coordinates::fine);
  CHECK(new_means.size() == 3 && new_points.size() == 2);
  const double determinant = 2.0 * (0.7 - 0.09) - 0.5 * (0.35 + 0.03) + 0.1 * (-0.15 - 0.1);
  const double inverse[9] = {0.61, -0.38, -0.25, -0.38, 1.39, 0.65, -0.25, 0.65, 1.75};
  for (std::size_t i = 0; i < 2; ++i) {
    double whole[3];
    for (std::size_t k = 0; k < 3; ++k) {
      whole[k] = 0.0;
      for (std::size_t a = 0; a < 3; ++a)
        for (std::size_t b = 0; b < 3; ++b)
          whole[k] += (points[3 * i + a] - means[3 * k + a]) * inverse[3 * a + b] / determinant *
                      (points[3 * i + b] - means[3 * k + b]);
    }
    const auto apart = [&](std::size_t k) { return std::pow(new_points[i] - new_means[k], 2); };
    CHECK_AT_MOST(std::fabs((whole[1] - whole[0]) - (apart(1) - apart(0))), 1e-12, "ratio");
    CHECK_AT_MOST(std::fabs((whole[2] - whole[0]) - (apart(2) - apart(0))), 1e-12, "ratio");
  }
  const Reals flat{1.0, 1.0, 1.0, 1.0}, far{0.0, 0.0, 1e150, 0.0}, unit{1.0, 0.0, 0.0, 1.0};
  CHECK(cpu::find_coordinates(2, 2, far.data(), flat.data(), 0, nullptr, new_means, new_points) ==
        cpu::Coordinates::not_definite);
  CHECK(cpu::find_coordinates(2, 2, far.data(), unit.data(), 0, nullptr, new_means, new_points) ==
        cpu::Coordinates::too_far);
  const Reals same{1.0, 2.0, 1.0, 2.0};
  CHECK(cpu::find_coordinates(2, 2, same.data(), unit.data(), 0, nullptr, new_means, new_points) ==
        cpu::Coordinates::fine);
  CHECK(new_means == Reals(2, 0.0));
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  every_way_gives_the_same_bits();
  refused_words_in_lanes();
  wide_streams_are_streams();
  sums_are_those_of_the_runs();
  a_study_can_be_stopped();
  coordinates_keep_ratios_of_densities();
  return finish();
}
