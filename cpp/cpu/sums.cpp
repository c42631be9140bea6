// Exact sums of any record: added, and turned into means and variances.
#include "../core/sums.hpp"

#include <algorithm>
#include <iterator>

#include "../backend.hpp"

namespace autophage::cpu {
namespace {

template <class Sum>
void finish(const std::uint64_t* sum, const std::uint64_t* squares, const std::int64_t* count,
            double scale, std::int64_t size, double* mean, double* variance) {
  for (std::int64_t i = 0; i < size; ++i) {
    Sum total;
    std::copy_n(sum, std::size(total.sum), total.sum);
    std::copy_n(squares, std::size(total.squares), total.squares);
    sum += std::size(total.sum);
    squares += std::size(total.squares);
    const auto values = static_cast<std::uint64_t>(count[i]);
    mean[i] = core::mean_of(total, values, scale);
    variance[i] = core::variance_of(total, values, scale);
  }
}

}  // namespace

void add_sums(std::uint64_t* total, const std::uint64_t* part, int limbs, std::int64_t size) {
  for (std::int64_t i = 0; i < size * limbs; i += limbs)
    core::add_limbs(total + i, limbs, part + i, limbs);
}

void finish_means(const std::uint64_t* sum, const std::uint64_t* squares, const std::int64_t* count,
                  double scale, bool with_sign, std::int64_t size, double* mean, double* variance) {
  if (with_sign)
    finish<core::SignedSum>(sum, squares, count, scale, size, mean, variance);
  else
    finish<core::ExactSum>(sum, squares, count, scale, size, mean, variance);
}

}  // namespace autophage::cpu
