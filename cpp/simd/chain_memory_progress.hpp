// What is known of a run as its generations go by, for every instruction set.
#pragma once

#include "chain_memory_kernels.hpp"

namespace autophage::simd {
namespace {

class Progress {
 public:
  Progress(const MemoryStudy& study, MemoryTrace& trace)
      : study_(study), trace_(trace), n_(static_cast<u64>(study.n)) {}

  // Of n labels in bytes, the first of them `first`, `pairs` pairs are equal. False at the end.
  bool generation(i64 t, u64 pairs, i32 first) {
    const u64 squares = n_ + 2 * pairs;
    if (trace_.squares != nullptr) trace_.squares[t - 1] = static_cast<u32>(squares);
    if (squares == n_ * n_) {
      if (trace_.collapse < 0) trace_.collapse = t;
      if (streak_++ == 0 || first != token_) streak_ = 1;
      token_ = first;
      if (streak_ >= study_.read) {
        absorb(t);
        return false;
      }
    } else {
      streak_ = 0;
    }
    if ((t & 1023) == 0 && study_.stop->raised()) return false;
    return t != study_.generations;
  }

 private:
  void absorb(i64 t) {
    trace_.absorption = t;
    trace_.final_token = token_;
    for (i64 g = t; trace_.squares != nullptr && g < study_.generations; ++g)
      trace_.squares[g] = static_cast<u32>(n_ * n_);
  }

  const MemoryStudy& study_;
  MemoryTrace& trace_;
  u64 n_;
  i64 streak_ = 0;
  i32 token_ = -1;
};

}  // namespace
}  // namespace autophage::simd
