// Draws over three tokens as points of a square that they must fill evenly.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/stream.hpp"
#include "statistics.hpp"

namespace autophage::test {

// Counts become two hidden uniforms: one of the first token's count, one of the second's given it.
class Square {
 public:
  explicit Square(std::uint64_t seed) : words_(seed, 0, 0, core::Purpose::truth) {}

  // `count` of n draws from the law q over three tokens.
  void add(long n, const double* q, const long* count) {
    const double rest = q[1] + q[2];
    const double u = hidden_uniform(n, q[0] / (q[0] + rest), count[0], words_.uniform());
    const double v =
        hidden_uniform(n - count[0], rest > 0 ? q[1] / rest : 0, count[1], words_.uniform());
    ++hits_[cell(u) * cells + cell(v)];
    ++total_;
  }
  double p_value() const {
    const double even = 1.0 / static_cast<double>(hits_.size());
    return chi_square(hits_, std::vector<double>(hits_.size(), even));
  }
  long total() const { return total_; }

 private:
  static constexpr std::size_t cells = 10;  // a side

  static std::size_t cell(double u) {
    return static_cast<std::size_t>(std::fmin(std::fmax(u, 0), 0.999999) * cells);
  }
  core::Stream words_;
  std::vector<double> hits_ = std::vector<double>(cells * cells);
  long total_ = 0;
};

}  // namespace autophage::test
