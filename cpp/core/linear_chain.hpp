// One run of a network of linear models: K entities that fit d coefficients, generation after
// generation, to private data, public data and what all of them generated (theory of
// `interactive2025`).
//
// Entity k's estimate minimises a weighted sum of squares, so that
//   theta_tk = H_tk (c u_k + c* v + a z_t),      z_t = (1/K) sum_k S_k theta_{t-1,k} + noise,
// where u_k and v are the moments X^T y of the private and the public data, drawn once, c, c* and a
// the three weights, and H_tk the (pseudo-)inverse of the weighted second moments. Given u and v, a
// generation is a draw of the d numbers z_t, and z_{t+1} is affine in z_t.
//
// All matrices are d x d, stored by columns (most are symmetric).
#pragma once

#include "normal.hpp"
#include "stream.hpp"

namespace autophage::core {

struct LinearNetwork {
  i64 entities = 0, features = 0;
  const double* private_mean = nullptr;  // (K, d), E u_k
  const double* private_root = nullptr;  // (K, d, d), a square root R R^T of Cov u_k
  const double* public_mean = nullptr;   // (d), E v
  const double* public_root = nullptr;   // (d, d), of Cov v
  const double* pool_root = nullptr;     // (d, d), of the covariance of the pool's noise
  const double* synthetic = nullptr;     // (K, d, d), S_k / K
};

// What depends on the weights of a generation.
struct LinearWeights {
  double privately, publicly, pooled;  // c, c*, a
  const double* response = nullptr;    // (K, d, d), H_k
  const double* feedback = nullptr;    // (d, d), a (1/K) sum_k S_k H_k: from z_t to E z_{t+1}
};

// out += matrix x. Each entry is summed in the order of the columns.
AUTOPHAGE_HD inline void add_product(const double* matrix, const double* x, i64 d, double* out) {
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

// x^T matrix x; `product` is room for d numbers.
AUTOPHAGE_HD inline double quadratic_form(const double* matrix, const double* x, i64 d,
                                          double* product) {
  for (i64 i = 0; i < d; ++i) product[i] = 0.0;
  add_product(matrix, x, d, product);
  double sum = 0.0;
  for (i64 i = 0; i < d; ++i) sum += product[i] * x[i];
  return sum;
}

// out = mean + root xi, xi standard normal; `draws` is room for d numbers.
template <class Source>
AUTOPHAGE_HD void draw_gaussian(const double* mean, const double* root, i64 d, Source& source,
                                double* draws, double* out) {
  for (i64 i = 0; i < d; ++i) draws[i] = draw_normal(source);
  for (i64 i = 0; i < d; ++i) out[i] = mean[i];
  add_product(root, draws, d, out);
}

template <class Source = Stream>
class LinearChain {
 public:
  AUTOPHAGE_HD static i64 room(i64 entities, i64 features) { return features * (3 * entities + 5); }

  // `space`: room(K, d) numbers. Draws the initial data, stream by stream: `open(purpose, context)`
  // gives a source.
  template <class Open>
  AUTOPHAGE_HD LinearChain(const LinearNetwork& net, Open&& open, double* space)
      : net_(net),
        pool_(open(Purpose::pool_noise, 0)),
        private_(space),
        settled_(private_ + net.entities * net.features),
        estimates_(settled_ + net.entities * net.features),
        public_(estimates_ + net.entities * net.features),
        carried_(public_ + net.features),
        now_(carried_ + net.features),
        next_(now_ + net.features),
        draws_(next_ + net.features) {
    const i64 d = net.features;
    for (i64 k = 0; k < net.entities; ++k) {
      auto source = open(Purpose::private_noise, k);
      draw_gaussian(net.private_mean + k * d, net.private_root + k * d * d, d, source, draws_,
                    private_ + k * d);
    }
    auto source = open(Purpose::public_noise, 0);
    draw_gaussian(net.public_mean, net.public_root, d, source, draws_, public_);
    for (i64 i = 0; i < d; ++i) now_[i] = 0.0;
  }

  // Generation 0, which has no pool.
  AUTOPHAGE_HD void start(const LinearWeights& weights) {
    settle(weights);
    weights_ = &weights;
    respond();
  }

  // The next generation; `weights` may be those of the last one, which saves work.
  AUTOPHAGE_HD void step(const LinearWeights& weights) {
    const i64 d = net_.features;
    draw_gaussian(carried_, net_.pool_root, d, pool_, draws_, next_);
    add_product(weights_->feedback, now_, d, next_);
    double* const last = now_;
    now_ = next_;
    next_ = last;
    if (&weights != weights_) settle(weights);
    weights_ = &weights;
    respond();
  }

  // (K, d)
  AUTOPHAGE_HD const double* estimates() const { return estimates_; }

 private:
  // The part of the estimates that the initial data settle, H_k (c u_k + c* v), and what they add
  // to the next pool.
  AUTOPHAGE_HD void settle(const LinearWeights& weights) {
    const i64 d = net_.features;
    for (i64 i = 0; i < d; ++i) carried_[i] = 0.0;
    for (i64 k = 0; k < net_.entities; ++k) {
      double* const part = settled_ + k * d;
      for (i64 i = 0; i < d; ++i) {
        draws_[i] = weights.privately * private_[k * d + i] + weights.publicly * public_[i];
        part[i] = 0.0;
      }
      add_product(weights.response + k * d * d, draws_, d, part);
      add_product(net_.synthetic + k * d * d, part, d, carried_);
    }
  }

  AUTOPHAGE_HD void respond() {
    const i64 d = net_.features;
    for (i64 i = 0; i < d; ++i) draws_[i] = weights_->pooled * now_[i];
    for (i64 i = 0; i < net_.entities * d; ++i) estimates_[i] = settled_[i];
    if (weights_->pooled == 0.0) return;
    for (i64 k = 0; k < net_.entities; ++k)
      add_product(weights_->response + k * d * d, draws_, d, estimates_ + k * d);
  }

  const LinearNetwork& net_;
  Source pool_;
  double *private_, *settled_, *estimates_, *public_, *carried_, *now_, *next_, *draws_;
  const LinearWeights* weights_ = nullptr;
};

}  // namespace autophage::core
