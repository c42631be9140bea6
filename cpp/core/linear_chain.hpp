// Runs of a network of linear models: K entities that fit d coefficients, generation after
// generation, to private data, public data and what all of them generated (theory of
// `interactive2025`).
//
// Entity k's estimate minimises a weighted sum of squares, so that
//   theta_tk = H_tk (c u_k + c* v + a z_t),      z_t = (1/K) sum_k S_k theta_{t-1,k} + noise,
// where u_k and v are the moments X^T y of the private and the public data, drawn once, c, c* and a
// the three weights, and H_tk the (pseudo-)inverse of the weighted second moments G_tk. Given u and
// v, a generation is a draw of the d numbers z_t, and z_{t+1} is affine in z_t.
//
// What is carried are deviations from the true coefficients theta, which keep their digits however
// large these are: with u, v and z those of the noise and of deviations alone,
//   theta_tk - theta = H_tk (c u_k + c* v + a z_t) + (H_tk G_tk - I) theta,
// where the last term, the `offset`, is zero unless G_tk is singular.
//
// All matrices are d x d, stored by columns (most are symmetric). `lanes` runs go side by side, so
// that a matrix is read once for all; vectors hold the runs' values of an entry next to each other.
// Entries are summed in the order of the columns for any number of lanes: the bits are the same.
#pragma once

#include "normal.hpp"
#include "stream.hpp"

namespace autophage::core {

struct LinearNetwork {
  i64 entities = 0, features = 0;
  const double* private_root = nullptr;  // (K, d, d), a square root R R^T of Cov u_k
  const double* public_root = nullptr;   // (d, d), of Cov v
  const double* pool_root = nullptr;     // (d, d), of the covariance of the pool's noise
  const double* synthetic = nullptr;     // (K, d, d), S_k / K
};

// What depends on the weights of a generation.
struct LinearWeights {
  double privately, publicly, pooled;  // c, c*, a
  const double* response = nullptr;    // (K, d, d), H_k
  const double* offset = nullptr;      // (K, d), (H_k G_k - I) theta
  const double* feedback = nullptr;    // (d, d), a (1/K) sum_k S_k H_k: from z_t to E z_{t+1}
};

// out += matrix x.
template <int lanes>
AUTOPHAGE_HD void add_product(const double* matrix, const double* x, i64 d, double* out) {
  i64 i = 0;
  for (; i + 2 <= d; i += 2) {
    double first[lanes], second[lanes];
    for (int r = 0; r < lanes; ++r) {
      first[r] = out[i * lanes + r];
      second[r] = out[(i + 1) * lanes + r];
    }
    for (i64 j = 0; j < d; ++j) {
      const double upper = matrix[j * d + i], lower = matrix[j * d + i + 1];
      for (int r = 0; r < lanes; ++r) {
        first[r] += upper * x[j * lanes + r];
        second[r] += lower * x[j * lanes + r];
      }
    }
    for (int r = 0; r < lanes; ++r) {
      out[i * lanes + r] = first[r];
      out[(i + 1) * lanes + r] = second[r];
    }
  }
  for (; i < d; ++i)
    for (i64 j = 0; j < d; ++j)
      for (int r = 0; r < lanes; ++r) out[i * lanes + r] += matrix[j * d + i] * x[j * lanes + r];
}

// One run alone: four columns at a time, entry by entry.
template <>
AUTOPHAGE_HD inline void add_product<1>(const double* matrix, const double* x, i64 d, double* out) {
  i64 j = 0;
  for (; j + 4 <= d; j += 4) {
    const double* column = matrix + j * d;
    const double x0 = x[j], x1 = x[j + 1], x2 = x[j + 2], x3 = x[j + 3];
    for (i64 i = 0; i < d; ++i)
      out[i] = (((out[i] + column[i] * x0) + column[d + i] * x1) + column[2 * d + i] * x2) +
               column[3 * d + i] * x3;
  }
  for (; j < d; ++j)
    for (i64 i = 0; i < d; ++i) out[i] += matrix[j * d + i] * x[j];
}

// form[r] = x^T matrix x; `product` is room for d numbers a lane.
template <int lanes>
AUTOPHAGE_HD void quadratic_form(const double* matrix, const double* x, i64 d, double* product,
                                 double* form) {
  for (i64 i = 0; i < d * lanes; ++i) product[i] = 0.0;
  add_product<lanes>(matrix, x, d, product);
  for (int r = 0; r < lanes; ++r) form[r] = 0.0;
  for (i64 i = 0; i < d; ++i)
    for (int r = 0; r < lanes; ++r) form[r] += product[i * lanes + r] * x[i * lanes + r];
}

template <int lanes, class Source = Stream>
class LinearChains {
 public:
  // Numbers of room needed.
  AUTOPHAGE_HD static i64 room(i64 entities, i64 features) {
    return lanes * features * (3 * entities + 5);
  }

  // Draws the initial data: `open(purpose, context, lane)` gives a source; `pool` are the lanes'
  // sources of the pool's noise. Once `stop` is raised, what follows is of no use.
  template <class Open>
  AUTOPHAGE_HD LinearChains(const LinearNetwork& net, Open&& open, Source* pool, double* space,
                            const StopFlag* stop = nullptr)
      : net_(net),
        pool_(pool),
        stop_(stop),
        length_(net.features * lanes),
        private_(space),
        settled_(private_ + net.entities * length_),
        deviations_(settled_ + net.entities * length_),
        public_(deviations_ + net.entities * length_),
        carried_(public_ + length_),
        now_(carried_ + length_),
        next_(now_ + length_),
        draws_(next_ + length_) {
    const i64 d = net.features;
    const auto draw = [&](const double* root, Purpose purpose, i64 context, double* out) {
      for (int r = 0; r < lanes; ++r) {
        auto source = open(purpose, context, r);
        for (i64 i = 0; i < d; ++i) draws_[i * lanes + r] = draw_normal(source);
      }
      for (i64 i = 0; i < length_; ++i) out[i] = 0.0;
      add_product<lanes>(root, draws_, d, out);
    };
    for (i64 k = 0; k < net.entities && !stopped(); ++k)
      draw(net.private_root + k * d * d, Purpose::private_noise, k, private_ + k * length_);
    draw(net.public_root, Purpose::public_noise, 0, public_);
    for (i64 i = 0; i < length_; ++i) now_[i] = 0.0;
  }

  // Generation 0, which has no pool.
  AUTOPHAGE_HD void start(const LinearWeights& weights) {
    settle(weights);
    respond();
  }

  // The next generation; `weights` may be those of the last one, which saves work.
  AUTOPHAGE_HD void step(const LinearWeights& weights) {
    const i64 d = net_.features;
    for (int r = 0; r < lanes; ++r)
      for (i64 i = 0; i < d; ++i) draws_[i * lanes + r] = draw_normal(pool_[r]);
    for (i64 i = 0; i < length_; ++i) next_[i] = carried_[i];
    add_product<lanes>(net_.pool_root, draws_, d, next_);
    add_product<lanes>(weights_->feedback, now_, d, next_);
    double* const last = now_;
    now_ = next_;
    next_ = last;
    if (&weights != weights_) settle(weights);
    respond();
  }

  // theta_tk - theta, (K, d, lanes)
  AUTOPHAGE_HD const double* deviations() const { return deviations_; }

 private:
  AUTOPHAGE_HD bool stopped() const { return stop_ != nullptr && stop_->raised(); }

  // The part of the deviations that the initial data settle, all but H_k a z, and what they add
  // to the next pool.
  AUTOPHAGE_HD void settle(const LinearWeights& weights) {
    const i64 d = net_.features;
    weights_ = &weights;
    for (i64 i = 0; i < length_; ++i) carried_[i] = 0.0;
    for (i64 k = 0; k < net_.entities && !stopped(); ++k) {
      double* const part = settled_ + k * length_;
      for (i64 i = 0; i < length_; ++i) {
        draws_[i] = weights.privately * private_[k * length_ + i] + weights.publicly * public_[i];
        part[i] = weights.offset[k * d + i / lanes];
      }
      add_product<lanes>(weights.response + k * d * d, draws_, d, part);
      add_product<lanes>(net_.synthetic + k * d * d, part, d, carried_);
    }
  }

  AUTOPHAGE_HD void respond() {
    const i64 d = net_.features;
    for (i64 i = 0; i < length_; ++i) draws_[i] = weights_->pooled * now_[i];
    for (i64 i = 0; i < net_.entities * length_; ++i) deviations_[i] = settled_[i];
    if (weights_->pooled == 0.0) return;
    for (i64 k = 0; k < net_.entities && !stopped(); ++k)
      add_product<lanes>(weights_->response + k * d * d, draws_, d, deviations_ + k * length_);
  }

  const LinearNetwork& net_;
  Source* pool_;
  const StopFlag* stop_;
  i64 length_;
  double *private_, *settled_, *deviations_, *public_, *carried_, *now_, *next_, *draws_;
  const LinearWeights* weights_ = nullptr;
};

}  // namespace autophage::core
