// What the drivers of mixtures work with: the steps of the chosen instruction set, memory for
// vectors, and streams that are computed many words at once.
#pragma once

#include <cstddef>
#include <new>

#include "../core/stream.hpp"
#include "../simd/mixture_kernels.hpp"
#include "instructions.hpp"

namespace autophage::cpu {

inline simd::MixtureSet mixture_set() {
#if defined(__x86_64__)
  switch (chosen_instructions()) {
    case Instructions::avx512:
      return simd::avx512_mixtures();
    case Instructions::avx2:
      return simd::avx2_mixtures();
    case Instructions::baseline:
      break;
  }
#endif
  return simd::baseline_mixtures();
}

template <class Real>
const simd::MixtureKernels<Real>& kernels_of(const simd::MixtureSet& set) {
  if constexpr (sizeof(Real) == sizeof(double))
    return set.in_double;
  else
    return set.in_single;
}

// Numbers that start on a cache line's boundary, which is what the widest vectors ask for.
template <class T>
class Aligned {
 public:
  explicit Aligned(std::int64_t count)
      : at_(static_cast<T*>(
            ::operator new(static_cast<std::size_t>(count) * sizeof(T), alignment))) {}
  Aligned(Aligned&& other) noexcept : at_(other.at_) { other.at_ = nullptr; }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  Aligned& operator=(Aligned&&) = delete;
  ~Aligned() {
    if (at_ != nullptr) ::operator delete(at_, alignment);
  }
  T* data() { return at_; }

 private:
  static constexpr std::align_val_t alignment{64};
  T* at_;
};

// The words of core::Stream, sixteen blocks at a time. Contexts are below 2^20.
class WideStream {
 public:
  WideStream(const simd::MixtureSet& set, std::uint64_t seed, std::uint64_t run,
             std::uint64_t context, core::Purpose purpose)
      : blocks_(set.blocks),
        key_(core::split_key(seed)),
        run_(static_cast<std::uint32_t>(run)),
        name_(static_cast<std::uint32_t>(purpose) << 26 | static_cast<std::uint32_t>(context) << 6 |
              static_cast<std::uint32_t>(run >> 32)) {}

  // Words are held in blocks; word n of those at hand is block()[place(n)].
  static constexpr unsigned held = 64;
  static unsigned place(unsigned n) { return 16 * (n % 4) + n / 4; }
  const std::uint32_t* block() {
    if (used_ == held) {
      blocks_(key_, block_, run_, name_, words_);
      block_ += held / 4;
      used_ = 0;
    }
    return words_;
  }
  unsigned used() const { return used_; }
  void skip(unsigned count) { used_ += count; }  // no more than are at hand

  std::uint32_t next32() {
    const std::uint32_t* const words = block();
    return words[place(used_++)];
  }
  // As core::Stream::uniform has it.
  double uniform() {
    const std::uint64_t low = next32();
    const std::uint64_t whole = (low | std::uint64_t{next32()} << 32) >> 12;
    return (static_cast<double>(whole) + 0.5) * 0x1p-52;
  }

 private:
  void (*blocks_)(core::PhiloxKey, std::uint64_t, std::uint32_t, std::uint32_t, std::uint32_t*);
  core::PhiloxKey key_;
  std::uint32_t run_, name_;
  std::uint64_t block_ = 0;
  unsigned used_ = held;
  alignas(64) std::uint32_t words_[held];
};

}  // namespace autophage::cpu
