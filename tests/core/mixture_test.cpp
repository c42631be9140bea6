// One update against its definition in long double, near and far, with either way to prune; the
// parts of a run, draw by draw.
#include "core/mixture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "check.hpp"
#include "statistics.hpp"

namespace autophage::test {
namespace {

using core::i64;
using core::u32;
using core::u64;
using Reals = std::vector<double>;
using LongReals = std::vector<long double>;

core::Stream words(u64 seed) { return core::Stream(seed, 0, 0, core::Purpose::truth); }

// Components on a line or in a plane, some `spread` from each other.
struct Network {
  Reals means, heights;
  core::MixtureNetwork net;
  Network(i64 components, i64 features, double spread, double prior = 0.0) {
    core::Stream source = words(7);
    for (i64 k = 0; k < components; ++k) {
      double square = 0.0;
      for (i64 i = 0; i < features; ++i) {
        means.push_back(spread * core::draw_normal(source));
        square += means.back() * means.back();
      }
      heights.push_back(square / 2);
    }
    net.models = 1;
    net.components = components;
    net.features = features;
    net.means = means.data();
    net.heights = heights.data();
    net.prior = prior;
  }
};

template <class Real>
std::vector<Real> some_weights(i64 components, core::Stream& source, bool some_dead) {
  Reals w;
  double sum = 0.0;
  for (i64 k = 0; k < components; ++k) {
    w.push_back(some_dead && k % 3 == 1 ? 0.0 : -std::log(source.uniform()));
    sum += w.back();
  }
  std::vector<Real> weights;
  for (const double one : w) weights.push_back(static_cast<Real>(one / sum));
  return weights;
}

// The ownerships by definition, for components of positive weight.
template <class Real>
LongReals ownerships(const core::MixtureNetwork& net, const double* x, const std::vector<Real>& w) {
  LongReals logs, owned(w.size(), 0.0L);
  long double most = -1e4000L, sum = 0.0L;
  for (std::size_t k = 0; k < w.size(); ++k) {
    long double square = 0.0L;
    for (i64 i = 0; i < net.features; ++i) {
      const long double gap =
          static_cast<long double>(x[i]) - net.means[static_cast<i64>(k) * net.features + i];
      square += gap * gap;
    }
    logs.push_back(w[k] > 0 ? std::log(static_cast<long double>(w[k])) - square / 2 : -1e4000L);
    most = std::max(most, logs.back());
  }
  for (std::size_t k = 0; k < w.size(); ++k)
    if (w[k] > 0) sum += owned[k] = std::exp(logs[k] - most);
  for (long double& one : owned) one /= sum;
  return owned;
}

// One update by definition: project all, then normalise once.
template <class Real>
LongReals updated(const core::MixtureNetwork& net, double rate, const double* x,
                  const std::vector<Real>& w) {
  const LongReals owned = ownerships(net, x, w);
  const long double a = rate, c = net.prior, left = 1 - static_cast<long double>(w.size()) * c;
  LongReals next;
  long double whole = 0.0L, sum = 0.0L;
  for (const Real one : w) whole += one;
  for (std::size_t k = 0; k < w.size(); ++k) {
    const long double old = w[k] / whole;
    next.push_back(std::max(old + a * (owned[k] / left - old) - a * c / left, 0.0L));
    sum += next.back();
  }
  for (long double& one : next) one /= sum;
  return next;
}

template <class Real>
double difference(std::vector<Real> w, const LongReals& truth) {
  long double sum = 0.0L, most = 0.0L;
  for (const Real one : w) sum += one;
  for (std::size_t k = 0; k < w.size(); ++k) most = std::max(most, std::abs(w[k] / sum - truth[k]));
  return static_cast<double>(most);
}

template <class Real>
void an_update_follows_the_definition(const char* what) {
  double worst = 0.0;
  long far = 0, died = 0;
  core::Stream source = words(3);
  for (const i64 components : {1, 2, 3, 4, 5, 16, 17, 50, 70})
    for (const double prior : {0.0, 0.01})
      for (int repeat = 0; repeat < 60; ++repeat) {
        const i64 features = repeat % 2 + 1;
        const Network network(components, features, repeat % 3 == 2 ? 60.0 : 2.0, prior);
        const core::MixtureRate<Real> rate(0.05, prior, components);
        std::vector<Real> w = some_weights<Real>(components, source, repeat % 2 == 0), f(w.size());
        Real sum = core::starting_sum(network.net, w.data());
        Reals room(w.size());
        for (int step = 0; step < 3; ++step) {
          double x[2];
          for (i64 i = 0; i < features; ++i)
            x[i] = network.means[static_cast<std::size_t>((step + 1) % components * features + i)] +
                   3 * core::draw_normal(source);
          core::likelihoods(network.net, x, room.data(), f.data());
          const LongReals truth = updated(network.net, 0.05, x, w);
          const bool dead = w.front() == Real(0);
          if (!core::update(rate, f.data(), components, w.data(), sum)) {
            ++far;
            core::update_far(network.net, rate, x, w.data(), sum);
          }
          for (const Real one : w) died += one == Real(0);
          CHECK(!dead || w.front() == Real(0));
          worst = std::max(worst, difference(w, truth));
        }
      }
  CHECK(far > 20);
  CHECK(died > 1000);
  CHECK_AT_MOST(worst, sizeof(Real) == 8 ? 1e-12 : 3e-7, what);
}

// A post that no living component explains, however far it is.
template <class Real>
void far_posts_are_owned_by_the_nearest() {
  Network network(3, 1, 1.0, 0.001);
  network.means = {0.0, 1e5, 2e5};
  network.heights = {0.0, 5e9, 2e10};
  network.net.means = network.means.data();
  network.net.heights = network.heights.data();
  const core::MixtureRate<Real> rate(0.25, 0.001, 3);
  for (const double x : {-1e8, 0.0, 1.9e5, 1e60}) {
    std::vector<Real> w{Real(0), Real(0.5), Real(0.5)}, f(3);
    Reals room(3);
    Real sum = 1;
    core::likelihoods(network.net, &x, room.data(), f.data());
    const LongReals truth = updated(network.net, 0.25, &x, w);
    if (!core::update(rate, f.data(), 3, w.data(), sum))
      core::update_far(network.net, rate, &x, w.data(), sum);
    CHECK(w[0] == Real(0));
    CHECK(x > 1e10 || difference(w, truth) < 1e-6);  // beyond, long double is not enough
    CHECK(w[x > 1.5e5 ? 2 : 1] > Real(0.6));
  }
  std::vector<Real> none{Real(0), Real(0), Real(0)};
  Real sum = 0;
  const double x = 0.0;
  core::update_far(network.net, rate, &x, none.data(), sum);
  CHECK(none[0] == none[2] && sum == Real(1) && none[1] > Real(0.3));
}

// The other way to prune, component by component.
void living_components_alone_count() {
  core::Stream source = words(5);
  double worst = 0.0;
  long pruned = 0;
  for (int repeat = 0; repeat < 2000; ++repeat) {
    const Network network(5, 1, 2.0, 0.05);
    Reals w = some_weights<double>(5, source, repeat % 2 == 0), room(5);
    const double x = 3 * core::draw_normal(source), a = 0.2, c = 0.05;
    const LongReals owned = ownerships(network.net, &x, w);
    LongReals truth(w.begin(), w.end());
    const long living = std::count_if(w.begin(), w.end(), [](double one) { return one > 0; });
    const long double left = 1 - living * static_cast<long double>(c);
    const auto divide = [&] {
      long double sum = 0.0L;
      for (const long double one : truth) sum += one;
      for (long double& one : truth) one /= sum;
    };
    for (std::size_t k = 0; k < 5; ++k) {
      if (!(truth[k] > 0)) continue;
      truth[k] += a * (owned[k] / left - truth[k]) - a * c / left;
      if (truth[k] > 0) continue;
      truth[k] = 0;
      ++pruned;
      divide();
    }
    divide();
    core::update_active(network.net, a, &x, room.data(), w.data());
    worst = std::max(worst, difference(w, truth));
  }
  CHECK(pruned > 100);
  CHECK_AT_MOST(worst, 1e-14, "worst error of a weight, living components alone");
}

void the_exponential_is_near() {
  double worst = 0.0;
  for (double x = 0.0; x > -700.0; x -= 0.0137) {
    const long double truth = std::exp(static_cast<long double>(x));
    worst = std::max(worst, static_cast<double>(std::abs(core::exp_of_negative(x) / truth - 1)));
  }
  CHECK_AT_MOST(worst / 0x1p-52, 2.0, "worst error of the exponential in ulp");
  CHECK(core::exp_of_negative(0.0) == 1.0 && core::exp_of_negative(-701.0) == 0.0 &&
        core::exp_of_negative(-1e300) == 0.0);
}

void sums_have_one_order() {
  core::Stream source = words(9);
  Reals x(4);
  for (double& one : x) one = source.uniform() * std::exp(20 * source.uniform());
  const auto value = [&](i64 k) { return x[static_cast<std::size_t>(k)]; };
  CHECK(core::sum_known<4>(value) == (x[0] + x[2]) + (x[1] + x[3]));
  CHECK(core::sum_known<3>(value) == (x[0] + x[2]) + x[1]);
  for (int repeat = 0; repeat < 100; ++repeat) {
    Reals y(37);
    for (double& one : y) one = source.uniform() * std::exp(20 * source.uniform());
    double way[16] = {};
    for (std::size_t k = 0; k < y.size(); ++k) way[k % 16] += y[k];
    for (std::size_t half = 8; half > 0; half /= 2)
      for (std::size_t k = 0; k < half; ++k) way[k] += way[k + half];
    CHECK(way[0] ==
          core::sum_by_ways<double>(37, [&](i64 k) { return y[static_cast<std::size_t>(k)]; }));
  }
}

void components_of_weight_zero_are_never_picked() {
  const Reals w{0.0, 0.25, 0.0, 0.5, 0.25, 0.0};
  const double first = 0.5 * 0x1p-52, last = 1 - 0.5 * 0x1p-52;
  CHECK(core::pick_component(w.data(), 6, first) == 1);
  CHECK(core::pick_component(w.data(), 6, last) == 4);
  CHECK(core::pick_component(w.data(), 6, 0.25) == 3);
  CHECK(core::pick_component(w.data(), 6, 0.25 - 0x1p-53) == 1);
  core::Stream source = words(11);
  std::vector<double> seen(6), law(6);
  const std::vector<float> odd{0.0F, 0.1F, 0.2F, 0.0F, 0.7F, 0.0F};
  for (int i = 0; i < 200000; ++i)
    seen[static_cast<std::size_t>(core::pick_component(odd.data(), 6, source.uniform()))] += 1;
  CHECK(seen[0] + seen[3] + seen[5] == 0);
  CHECK(chi_square({seen[1], seen[2], seen[4]}, {0.1, 0.2, 0.7}) > ALPHA);
}

// Chosen words; what is asked for beyond them is counted.
struct Planted {
  std::vector<u32> given;
  std::size_t used = 0;
  u32 next32() { return used < given.size() ? given[used++] : (++used, 0xffffffffU); }
};

void refused_words_are_replaced() {
  // 2^32 mod 3 = 1: of all words only 0 is refused.
  Planted again{{0, 0, 0x60000000, 5}, 0};
  CHECK(core::draw_below(1U, 3, again) == 0 && again.used == 0);
  CHECK(core::draw_below(0U, 3, again) == 1 && again.used == 3);
  CHECK(core::draw_below(0U, 4, again) == 0 && again.used == 3);  // no word is refused
  CHECK(core::draw_below(0xffffffffU, 3, again) == 2 && again.used == 3);
  // Every value is left by equally many words.
  for (const u64 bound : {1ULL, 2ULL, 3ULL, 7ULL, 10ULL, 1000ULL, 65537ULL, 1000003ULL}) {
    const u64 range = u64{1} << 32, least = range % bound, share = range / bound;
    bool even = true;
    for (u64 value = 0; value < bound; ++value) {
      const u64 begin = (value * range + bound - 1) / bound;
      const u64 end = ((value + 1) * range + bound - 1) / bound;
      u64 kept = 0, word = begin;
      for (; word < end && word < begin + 2; ++word) {
        Planted more{{0xffffffffU}, 0};
        core::draw_below(static_cast<u32>(word), static_cast<u32>(bound), more);
        kept += more.used == 0;
      }
      even = even && kept + (end - word) == share;
    }
    CHECK(even);
    CHECK(least < bound);
  }
}

void permutations_are_uniform() {
  constexpr i64 posts = 5, reads = 3;
  const core::PlainSteps<double> steps;
  std::vector<double> seen(125), found;
  const long runs = share_of(300000);
  for (long run = 0; run < runs; ++run) {
    core::Stream reading(1, static_cast<u64>(run), 0, core::Purpose::reading),
        again(1, static_cast<u64>(run), 0, core::Purpose::reading_again);
    u32 order[posts] = {0, 1, 2, 3, 4};
    steps.shuffle(order, 4, 2, reading, again, nullptr);  // as the generation before left it
    steps.shuffle(order, posts, reads, reading, again, nullptr);
    seen[order[0] * 25 + order[1] * 5 + order[2]] += 1;
    u32 sorted[posts];
    std::copy_n(order, posts, sorted);
    std::sort(sorted, sorted + posts);
    CHECK(sorted[0] == 0 && sorted[4] == 4 && sorted[2] == 2);
  }
  for (const double count : seen)
    if (count > 0) found.push_back(count);
  CHECK(found.size() == 60);
  const double p = chi_square(found, std::vector<double>(found.size(), 1.0 / 60));
  CHECK(p > ALPHA && p < 1 - ALPHA);
}

void streams_can_be_entered_anywhere() {
  core::Stream whole = words(13);
  for (u64 at = 0; at < 40; ++at) {
    core::Stream part = words(13);
    part.seek(at);
    const u32 word = whole.next32();
    CHECK(part.next32() == word);
  }
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  an_update_follows_the_definition<double>("worst error of a weight after three updates, double");
  an_update_follows_the_definition<float>("worst error of a weight after three updates, float");
  far_posts_are_owned_by_the_nearest<double>();
  far_posts_are_owned_by_the_nearest<float>();
  living_components_alone_count();
  the_exponential_is_near();
  sums_have_one_order();
  components_of_weight_zero_are_never_picked();
  refused_words_are_replaced();
  permutations_are_uniform();
  streams_can_be_entered_anywhere();
  return finish();
}
