// One run of a network of linear models, step by step against the definition with scripted draws;
// the driver's independence of threads and shards; signed sums.
#include "core/linear_chain.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "backend.hpp"
#include "check.hpp"
#include "core/sums.hpp"

namespace autophage::test {
namespace {

using Reals = std::vector<double>;
using core::i64;

constexpr i64 entities = 3, features = 5;  // five: four columns at once, and one
constexpr std::size_t size = features * features, all = entities * size;

// Numbers without a pattern, in (-1, 1).
Reals numbers(std::size_t count, std::uint64_t seed) {
  core::Stream words(seed, 0, 0, core::Purpose::truth);
  Reals values(count);
  for (double& value : values) value = 2 * words.uniform() - 1;
  return values;
}

// matrix x, by columns, entry by entry.
Reals product(const double* matrix, const Reals& x) {
  Reals y(x.size(), 0.0);
  for (std::size_t j = 0; j < x.size(); ++j)
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += matrix[j * x.size() + i] * x[j];
  return y;
}

Reals sum(const Reals& x, const Reals& y, double weight = 1.0) {
  Reals z = x;
  for (std::size_t i = 0; i < x.size(); ++i) z[i] += weight * y[i];
  return z;
}

// A network of any numbers: a step is the same function of them, whatever they mean.
struct Network {
  Reals offset = numbers(2 * entities * features, 1), private_root = numbers(all, 2);
  Reals units{1.0, 1.0, 1.0}, public_root = numbers(size, 4);
  Reals pool_root = numbers(size, 5), synthetic = numbers(all, 6);
  Reals response = numbers(2 * all, 7), feedback = Reals(2 * size, 0.0);
  Reals weights{0.2, 0.8, 0.0, 0.5, 0.2, 0.3};
  std::vector<std::int64_t> choice{0, 1, 1, 0, 1, 1, 1};
  Reals truth = numbers(features, 8), moments = numbers(all, 9);

  Network() {  // feedback is a sum_k (S_k / K) H_k
    for (std::size_t w = 0; w < 2; ++w)
      for (std::size_t k = 0; k < entities; ++k)
        for (std::size_t j = 0; j < features; ++j) {
          const double* const column = &response[w * all + k * size + j * features];
          const Reals part = product(&synthetic[k * size], Reals(column, column + features));
          for (std::size_t i = 0; i < features; ++i)
            feedback[w * size + j * features + i] += weights[3 * w + 2] * part[i];
        }
  }
  core::LinearNetwork core() const {
    return {entities,           features,         private_root.data(),
            public_root.data(), pool_root.data(), synthetic.data()};
  }
  core::LinearWeights chosen(std::size_t w) const {
    return {weights[3 * w],
            weights[3 * w + 1],
            weights[3 * w + 2],
            &response[w * all],
            &offset[w * entities * features],
            &feedback[w * size]};
  }
  LinearJob job(std::int64_t runs) const {
    LinearJob job;
    job.entities = entities;
    job.features = features;
    job.private_root = private_root.data();
    job.public_root = public_root.data();
    job.pool_root = pool_root.data();
    job.synthetic = synthetic.data();
    job.choice = choice.data();
    job.weights = weights.data();
    job.response = response.data();
    job.offset = offset.data();
    job.feedback = feedback.data();
    job.units = units.data();
    job.choices = 2;
    job.truth = truth.data();
    job.second_moment = moments.data();
    job.seed = 11;
    job.runs = runs;
    job.generations = static_cast<std::int64_t>(choice.size()) - 1;
    return job;
  }
};

// Draws that are known: uniforms counted up from a start that depends on the name.
struct Scripted {
  double next;
  double uniform() {
    next += 0.137;
    if (next >= 1.0) next -= 1.0;
    return next;
  }
};

Scripted open(core::Purpose purpose, i64 context, int lane) {
  return {0.05 * static_cast<double>(static_cast<int>(purpose) + context) + 0.01 * lane};
}

Reals gaussian(const double* root, Scripted& source) {
  Reals draws(features);
  for (double& draw : draws) draw = core::normal_quantile(source.uniform());
  return product(root, draws);
}

// The deviations of one lane's run, generation by generation, by definition:
// e_k = H_k (c u_k + c* v + a z) + offset, z = mean_k S_k e_k + noise.
std::vector<Reals> run_by_definition(const Network& network, int lane) {
  std::vector<Reals> moments, deviations;  // u_k first
  for (std::size_t k = 0; k < entities; ++k) {
    Scripted source = open(core::Purpose::private_noise, static_cast<i64>(k), lane);
    moments.push_back(gaussian(&network.private_root[k * size], source));
  }
  Scripted source = open(core::Purpose::public_noise, 0, lane);
  const Reals common = gaussian(network.public_root.data(), source);
  Scripted pool_noise = open(core::Purpose::pool_noise, 0, lane);
  Reals pool(features, 0.0);
  for (std::size_t t = 0; t < network.choice.size(); ++t) {
    const core::LinearWeights weights = network.chosen(static_cast<std::size_t>(network.choice[t]));
    if (t > 0) pool = sum(pool, gaussian(network.pool_root.data(), pool_noise));
    Reals next(features, 0.0), all_deviations;
    for (std::size_t k = 0; k < entities; ++k) {
      Reals mixed(features, 0.0);
      mixed = sum(mixed, moments[k], weights.privately);
      mixed = sum(mixed, common, weights.publicly);
      mixed = sum(mixed, pool, weights.pooled);
      const double* const offset = weights.offset + k * features;
      const Reals deviation =
          sum(product(weights.response + k * size, mixed), Reals(offset, offset + features));
      all_deviations.insert(all_deviations.end(), deviation.begin(), deviation.end());
      next = sum(next, product(&network.synthetic[k * size], deviation));
    }
    pool = next;
    deviations.push_back(all_deviations);
  }
  return deviations;
}

template <int lanes>
void steps_follow_the_definition() {
  const Network network;
  const core::LinearNetwork net = network.core();
  const core::LinearWeights weights[] = {network.chosen(0), network.chosen(1)};
  using Chains = core::LinearChains<lanes, Scripted>;
  Reals space(static_cast<std::size_t>(Chains::room(entities, features)));
  std::vector<Scripted> pool;
  std::vector<std::vector<Reals>> expected;
  for (int lane = 0; lane < lanes; ++lane) {
    pool.push_back(open(core::Purpose::pool_noise, 0, lane));
    expected.push_back(run_by_definition(network, lane));
  }
  Chains chains(net, open, pool.data(), space.data());
  double worst = 0;
  for (std::size_t t = 0; t < network.choice.size(); ++t) {
    const core::LinearWeights& chosen = weights[network.choice[t]];
    if (t == 0)
      chains.start(chosen);
    else
      chains.step(chosen);
    for (std::size_t i = 0; i < entities * features; ++i)
      for (std::size_t lane = 0; lane < lanes; ++lane)
        worst = std::fmax(worst,
                          std::fabs(chains.deviations()[i * lanes + lane] - expected[lane][t][i]));
  }
  CHECK_AT_MOST(worst, 1e-12, "a step, against the definition");
}

// Any number of lanes gives the bits of one.
template <int lanes>
void products_are_summed_in_order() {
  for (const i64 d : {1, 2, 4, 5, 8, 11}) {
    const auto length = static_cast<std::size_t>(d);
    const Reals matrix = numbers(length * length, 21), x = numbers(length * lanes, 22);
    const Reals start = numbers(length * lanes, 23);
    Reals out = start, room(length * lanes), form(lanes);
    core::add_product<lanes>(matrix.data(), x.data(), d, out.data());
    core::quadratic_form<lanes>(matrix.data(), x.data(), d, room.data(), form.data());
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      Reals alone(length), expected(length);
      double one = 0;
      for (std::size_t i = 0; i < length; ++i) {
        alone[i] = x[i * lanes + lane];
        expected[i] = start[i * lanes + lane];
        for (std::size_t j = 0; j < length; ++j)
          expected[i] += matrix[j * length + i] * x[j * lanes + lane];
        CHECK(out[i * lanes + lane] == expected[i]);
      }
      core::quadratic_form<1>(matrix.data(), alone.data(), d, room.data(), &one);
      CHECK(form[lane] == one);
    }
  }
}

struct Results {
  Reals estimate, squared, prediction;
  std::vector<std::uint64_t> sum, squares;
};

Results results(const Network& network, std::int64_t first, std::int64_t runs, int threads) {
  LinearJob job = network.job(runs);
  job.first_run = first;
  job.threads = threads;
  const auto rows = static_cast<std::size_t>((job.generations + 1) * entities);
  const auto count = static_cast<std::size_t>(runs) * rows;
  Results found{Reals(count * features), Reals(count), Reals(count * entities), {}, {}};
  CHECK(cpu::run(job, {found.estimate.data(), found.squared.data(), found.prediction.data()}, {})
            .ending == Ending::done);
  found.sum.resize(4 * rows * features);
  found.squares.resize(7 * rows * features);
  LinearSums sums;
  sums.estimate = {found.sum.data(), found.squares.data()};
  CHECK(cpu::run(job, sums, {}).ending == Ending::done);
  return found;
}

void threads_and_shards_do_not_matter() {
  const Network network;
  const Results whole = results(network, 5, 40, 1);
  for (const int threads : {2, 3, 8}) {
    const Results other = results(network, 5, 40, threads);
    CHECK(other.estimate == whole.estimate && other.squared == whole.squared);
    CHECK(other.prediction == whole.prediction);
    CHECK(other.sum == whole.sum && other.squares == whole.squares);
  }
  Results joined = results(network, 5, 13, 2);
  const Results rest = results(network, 18, 27, 3);
  joined.estimate.insert(joined.estimate.end(), rest.estimate.begin(), rest.estimate.end());
  CHECK(joined.estimate == whole.estimate);
  const auto cells = static_cast<std::int64_t>(whole.sum.size() / 4);
  cpu::add_sums(joined.sum.data(), rest.sum.data(), 4, cells);
  cpu::add_sums(joined.squares.data(), rest.squares.data(), 7, cells);
  CHECK(joined.sum == whole.sum && joined.squares == whole.squares);
}

void a_study_can_be_stopped() {
  const Network network;
  LinearJob job = network.job(100'000'000);
  std::vector<std::uint64_t> sum(4 * 7 * entities), squares(7 * 7 * entities);
  LinearSums out;
  out.squared_error = {sum.data(), squares.data()};
  const Poll poll{[](void*, std::int64_t) { return false; }, nullptr};
  CHECK(cpu::run(job, out, poll).ending == Ending::stopped);
}

void values_beyond_the_range_are_named() {
  Network network;
  network.offset[features] = 1e40;  // of entity 1
  LinearJob job = network.job(3);
  job.first_run = 7;
  const auto rows = static_cast<std::size_t>(7 * entities);
  std::vector<std::uint64_t> sum(4 * rows), squares(7 * rows);
  LinearSums out;
  out.squared_error = {sum.data(), squares.data()};
  const LinearOutcome outcome = cpu::run(job, out, {});
  CHECK(outcome.ending == Ending::stuck && outcome.run == 7);
  CHECK(outcome.entity == 1 && outcome.generation == 0);
}

void signed_sums_are_exact() {
  const double values[] = {0.0, -0.0,         1.0,     -1.0,     0x1p62, -0x1p62, 7.999999999,
                           8.0, -8.000000001, 0x1p-60, -0x1p-61, 1e18,   -3.5e9,  12345.678};
  core::SignedSum forward, backward;
  long double total = 0;
  for (const double value : values) {
    forward.add(value);
    total += static_cast<long double>(value);
  }
  for (int i = 13; i >= 0; --i) backward.add(values[i]);
  for (int i = 0; i < 4; ++i) CHECK(forward.sum[i] == backward.sum[i]);
  for (int i = 0; i < 7; ++i) CHECK(forward.squares[i] == backward.squares[i]);
  const auto mean = static_cast<double>(total / 14);
  CHECK_AT_MOST(std::fabs(core::mean_of(forward, 14, core::SignedSum::scale) / mean - 1), 1e-15,
                "mean");
  core::SignedSum both;
  for (const double value : {0x1p62, -0x1p62, 0x1p-124, 0x1.8p-124, 0x1p-125, -5e-324})
    both.add(value);  // truncated to 1, 1, 0 and 0 units
  CHECK(both.sum[0] == 2 && both.sum[1] == 0 && both.sum[2] == 0 && both.sum[3] == 0);
  for (int i = 0; i < 3; ++i) both.add(-0x1p62);
  CHECK(core::mean_of(both, 6, core::SignedSum::scale) == -0x1p62 / 2);
  core::SignedSum pair;  // 1 and 2: variance 1/2, also far from zero
  for (const double value : {0x1p40 + 1, 0x1p40 + 2}) pair.add(-value);
  CHECK(core::variance_of(pair, 2, core::SignedSum::scale) == 0.5);
  core::SignedSum most;  // the bound of what 2^38 of them take
  for (int i = 0; i < 1000; ++i) most.add(-0x1p62);
  CHECK(core::mean_of(most, 1000, core::SignedSum::scale) == -0x1p62);
  CHECK(core::variance_of(most, 1000, core::SignedSum::scale) == 0.0);
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  steps_follow_the_definition<1>();
  steps_follow_the_definition<8>();
  products_are_summed_in_order<1>();
  products_are_summed_in_order<3>();
  products_are_summed_in_order<8>();
  threads_and_shards_do_not_matter();
  a_study_can_be_stopped();
  values_beyond_the_range_are_named();
  signed_sums_are_exact();
  return finish();
}
