// A network of mixtures that post to a common pool and learn from it (theory of `webdynamics2025`).
//
// K mixtures share M components N(mu_k, I) in r dimensions; what moves are their weights. In a
// generation every mixture in turn adds posts drawn from itself to the pool; then every mixture
// reads so many posts of the pool, chosen uniformly without replacement and in random order, and
// makes one update for each (mixture_update.hpp).
//
// Draws of a run, by purpose and context:
//   posts          of model j: for each post a uniform that picks the component (inverse of the
//                  cumulative weights; none of weight 0), then r normals
//   reading        of model j (of all together in context 0, if shared): word i decides draw i.
//                  A number below `bound` is the upper half of word * bound; it is refused where
//                  the lower half is below 2^32 mod bound
//   reading_again  the words that replace refused ones, in order
// Posts are read by a shuffle from the front that is never undone: each model has a permutation of
// the pool, to which new posts are appended; draw i of a generation swaps entries i and
// i + below(posts - i). With shared reading there is one permutation, and a model reads as many of
// its first entries as it reads posts.
#pragma once

#include "mixture_update.hpp"
#include "normal.hpp"
#include "stream.hpp"

namespace autophage::core {

// The log-likelihood of a post but for what all components have in common: x mu_k - |mu_k|^2 / 2.
AUTOPHAGE_HD inline double log_likelihood(const MixtureNetwork& net, const double* x, i64 k) {
  double sum = -net.heights[k];
  for (i64 i = 0; i < net.features; ++i) sum += net.means[k * net.features + i] * x[i];
  return sum;
}

// f_k = exp(l_k - max_l l_l); `room` is for M numbers.
template <class Real>
AUTOPHAGE_HD void likelihoods(const MixtureNetwork& net, const double* x, double* room, Real* f) {
  for (i64 k = 0; k < net.components; ++k) room[k] = log_likelihood(net, x, k);
  double most = room[0];
  for (i64 k = 1; k < net.components; ++k) most = room[k] > most ? room[k] : most;
  for (i64 k = 0; k < net.components; ++k)
    f[k] = static_cast<Real>(exp_of_negative(room[k] - most));
}

// An update by a post that is far from all living components: the o_k come from log-likelihoods
// relative to the nearest of these.
template <class Real>
AUTOPHAGE_HD void update_far(const MixtureNetwork& net, const MixtureRate<Real>& rate,
                             const double* x, Real* w, Real& sum) {
  double most = 0.0, hit = 0.0;
  bool any = false;
  for (i64 k = 0; k < net.components; ++k) {
    if (!(w[k] > Real(0))) continue;
    const double height = log_likelihood(net, x, k);
    if (!any || height > most) most = height;
    any = true;
  }
  if (!any) {  // see normalise
    for (i64 k = 0; k < net.components; ++k) w[k] = Real(1) / static_cast<Real>(net.components);
    sum = Real(1);
    return;
  }
  const Real more = rate.gained * sum, less = rate.dropped * sum;
  for (int pass = 0; pass < 2; ++pass)
    for (i64 k = 0; k < net.components; ++k) {
      if (!(w[k] > Real(0))) continue;
      const double hits =
          exp_of_negative(log_likelihood(net, x, k) - most) * static_cast<double>(w[k]);
      if (pass == 0) {
        hit += hits;
      } else {
        const Real next = w[k] + more * static_cast<Real>(hits / hit) - less;
        w[k] = next > Real(0) ? next : Real(0);
      }
    }
  sum = rate.losing ? sum_by_ways<Real>(net.components, [&](i64 k) { return w[k]; }) : sum + more;
  if (sum > Real(2)) rescale(net.components, w, sum);
}

// The form of the update that Zivkovic's program has. M is the number of components with w_k > 0
// before the post, and these alone take part, with o_k from the weights before the post. For
// k = 0, 1, .. in order: w_k becomes w_k + a (o_k / (1 - M c) - w_k) - a c / (1 - M c); if that is
// not above 0, it becomes 0 and all weights, those already updated and those to come, are divided
// by their sum. After the last, all weights are divided by their sum. `share` is room for M
// numbers.
template <class Real>
AUTOPHAGE_HD void update_active(const MixtureNetwork& net, double a, const double* x, double* share,
                                Real* w) {
  i64 living = 0;
  double most = 0.0, hit = 0.0;
  for (i64 k = 0; k < net.components; ++k) {
    if (!(w[k] > Real(0))) continue;
    share[k] = log_likelihood(net, x, k);
    most = living == 0 || share[k] > most ? share[k] : most;
    ++living;
  }
  for (i64 k = 0; k < net.components; ++k) {
    share[k] = w[k] > Real(0) ? exp_of_negative(share[k] - most) * static_cast<double>(w[k]) : 0.0;
    hit += share[k];
  }
  const MixtureRate<Real> rate(a, net.prior, living);
  for (i64 k = 0; k < net.components; ++k) {
    if (!(w[k] > Real(0))) continue;
    const Real next =
        rate.kept * w[k] + rate.learnt * static_cast<Real>(share[k] / hit) - rate.lost;
    w[k] = next > Real(0) ? next : Real(0);
    if (!(next > Real(0))) normalise(net.components, w);
  }
  normalise(net.components, w);
}

// A number below `bound` from a word, and from the words of `again` while one is refused.
template <class Source>
AUTOPHAGE_HD inline u32 draw_below(u32 word, u32 bound, Source& again) {
  u64 product = u64{word} * bound;
  if (static_cast<u32>(product) < bound) {
    const u32 least = (0U - bound) % bound;  // 2^32 mod bound
    while (static_cast<u32>(product) < least) product = u64{again.next32()} * bound;
  }
  return static_cast<u32>(product >> 32);
}

// The component at u of the cumulative weights; none of weight 0.
template <class Real>
AUTOPHAGE_HD i64 pick_component(const Real* w, i64 components, double u) {
  const double at =
      u * sum_by_ways<double>(components, [&](i64 k) { return static_cast<double>(w[k]); });
  double upto = 0.0;
  i64 last = 0;
  for (i64 k = 0; k < components; ++k) {
    if (!(w[k] > Real(0))) continue;
    upto += static_cast<double>(w[k]);
    last = k;
    if (upto > at) break;
  }
  return last;
}

// The sum of a run's first weights, which without a prior is taken for 1.
template <class Real>
AUTOPHAGE_HD Real starting_sum(const MixtureNetwork& net, const Real* w) {
  return net.prior > 0 ? sum_by_ways<Real>(net.components, [&](i64 k) { return w[k]; }) : Real(1);
}

// What one run keeps. Rows of likelihoods and weights are `stride` >= M numbers apart.
template <class Real, class Source = Stream>
struct MixtureSpace {
  i64 stride, capacity;     // capacity: of the pool, in posts
  double* points;           // (capacity, r)
  Real* likelihoods;        // (capacity, stride)
  u32* order;               // (K, or 1 if shared; capacity), permutations of the pool
  Real* weights;            // (K, stride)
  Real* sums;               // (K)
  double* room;             // (stride)
  Source* posting;          // (K)
  Source *reading, *again;  // (K, or 1 if shared)
};

// The steps that take most of the time, one number after another.
template <class Real>
struct PlainSteps {
  AUTOPHAGE_HD void find_likelihoods(const MixtureNetwork& net, const double* x, double* room,
                                     Real* f) const {
    likelihoods(net, x, room, f);
  }

  template <class Source>
  AUTOPHAGE_HD void draw_normals(Source& source, i64 count, double* out) const {
    for (i64 i = 0; i < count; ++i) out[i] = draw_normal(source);
  }

  // The first `reads` entries of a permutation of `posts` become those to be read.
  template <class Source>
  AUTOPHAGE_HD void shuffle(u32* order, i64 posts, i64 reads, Source& reading, Source& again,
                            const StopFlag* stop) const {
    for (i64 i = 0; i < reads; ++i) {
      if ((i & 4095) == 4095 && stop != nullptr && stop->raised()) return;
      const i64 at = i + draw_below(reading.next32(), static_cast<u32>(posts - i), again);
      const u32 read = order[at];
      order[at] = order[i];
      order[i] = read;
    }
  }

  template <class Source>
  AUTOPHAGE_HD void learn(const MixtureNetwork& net, const MixtureSpace<Real, Source>& space,
                          const i64* reads, const double* rate, const StopFlag* stop) const {
    for (i64 j = 0; j < net.models; ++j) {
      const u32* const order = space.order + (net.shared ? 0 : j) * space.capacity;
      Real* const w = space.weights + j * space.stride;
      const MixtureRate<Real> numbers(rate[j], net.prior, net.components);
      for (i64 i = 0; i < reads[j]; ++i) {
        if ((i & 255) == 255 && stop != nullptr && stop->raised()) return;
        const double* const x = space.points + order[i] * net.features;
        const Real* const f = space.likelihoods + order[i] * space.stride;
        if (net.active)
          update_active(net, rate[j], x, space.room, w);
        else if (!update(numbers, f, net.components, w, space.sums[j]))
          update_far(net, numbers, x, w, space.sums[j]);
      }
    }
  }
};

// One run; the steps that take most of the time are those of `Steps`.
template <class Real, class Source, class Steps>
class MixtureRun {
 public:
  // The sources of the space are open. Once `stop` is raised, what follows is of no use.
  AUTOPHAGE_HD MixtureRun(const MixtureNetwork& net, const MixtureSpace<Real, Source>& space,
                          const Steps& steps, const StopFlag* stop = nullptr)
      : net_(net), space_(space), steps_(steps), stop_(stop) {
    for (i64 j = 0; j < net.models; ++j) {
      Real* const w = space.weights + j * space.stride;
      for (i64 k = 0; k < space.stride; ++k)
        w[k] =
            k < net.components ? static_cast<Real>(net.weights[j * net.components + k]) : Real(0);
      space.sums[j] = starting_sum(net, w);
    }
    for (i64 i = 0; i < net.given && !stopped(); ++i) {
      for (i64 d = 0; d < net.features; ++d) point()[d] = net.first_posts[i * net.features + d];
      append();
    }
  }

  // Posts and reads of each model, and its rate.
  AUTOPHAGE_HD void generation(const i64* posts, const i64* reads, const double* rate) {
    for (i64 j = 0; j < net_.models; ++j)
      for (i64 i = 0; i < posts[j] && !stopped(); ++i) post(j);
    i64 most = 0;
    for (i64 j = 0; net_.shared && j < net_.models; ++j) most = reads[j] > most ? reads[j] : most;
    if (net_.shared) shuffle(0, most);
    for (i64 j = 0; !net_.shared && j < net_.models && !stopped(); ++j) shuffle(j, reads[j]);
    steps_.learn(net_, space_, reads, rate, stop_);
  }

  AUTOPHAGE_HD i64 posts() const { return posts_; }

 private:
  AUTOPHAGE_HD bool stopped() const { return stop_ != nullptr && stop_->raised(); }
  AUTOPHAGE_HD double* point() const { return space_.points + posts_ * net_.features; }

  AUTOPHAGE_HD void post(i64 j) {
    Source& source = space_.posting[j];
    const i64 k =
        pick_component(space_.weights + j * space_.stride, net_.components, source.uniform());
    steps_.draw_normals(source, net_.features, point());
    for (i64 d = 0; d < net_.features; ++d) point()[d] += net_.means[k * net_.features + d];
    append();
  }

  AUTOPHAGE_HD void append() {
    steps_.find_likelihoods(net_, point(), space_.room,
                            space_.likelihoods + posts_ * space_.stride);
    const i64 permutations = net_.shared ? 1 : net_.models;
    for (i64 j = 0; j < permutations; ++j)
      space_.order[j * space_.capacity + posts_] = static_cast<u32>(posts_);
    ++posts_;
  }

  AUTOPHAGE_HD void shuffle(i64 j, i64 reads) {
    u32* const order = space_.order + j * space_.capacity;
    steps_.shuffle(order, posts_, reads, space_.reading[j], space_.again[j], stop_);
  }

  const MixtureNetwork& net_;
  const MixtureSpace<Real, Source>& space_;
  const Steps& steps_;
  const StopFlag* stop_;
  i64 posts_ = 0;
};

}  // namespace autophage::core
