// Small samples as byte labels: parents are picked by 8-bit rejection.
#pragma once

#include "chain.hpp"

namespace autophage::core {

// A sample of at most 128 draws as byte labels, each an index into the tokens that it began with.
class ByteLabels {
 public:
  AUTOPHAGE_HD explicit ByteLabels(const RunName& name)
      : parents_(Stream(name, Purpose::parents8)) {
    for (i64 i = 0; i < byte_limit; ++i) buffer_[0][i] = buffer_[1][i] = 0;
  }

  // Generation 1: n draws from p.
  AUTOPHAGE_HD void first(const Truth& law, i64 n, Draws& draws, Builder& builder) {
    draws.from_truth(law, n, builder);
  }

  // Begins with a sample: the labels of a token side by side.
  AUTOPHAGE_HD void open(const Sample& sample) {
    u8* const label = buffer_[newest_];
    i64 filled = 0;
    for (i32 j = 0; j < sample.size; ++j) {
      name_[j] = sample.token[j];
      for (i64 i = 0; i < sample.frozen[j]; ++i) label[filled++] = static_cast<u8>(j);
    }
    names_ = sample.size;
    size_ = sample.total;
  }

  // Replaces the labels by n draws from them.
  AUTOPHAGE_HD void step(i64 n) {
    const u8* const parent = buffer_[newest_];
    newest_ = 1 - newest_;
    u8* const child = buffer_[newest_];
    parents_.fill(static_cast<u32>(size_), n, [=](i64 i, u32 index) { child[i] = parent[index]; });
    size_ = n;
  }

  AUTOPHAGE_HD bool at_most_two() const {
    const u8* const label = buffer_[newest_];
    i64 i = 1;
    while (i < size_ && label[i] == label[0]) ++i;
    if (i == size_) return true;
    const u8 other = label[i];
    while (i < size_ && (label[i] == other || label[i] == label[0])) ++i;
    return i == size_;
  }

  // The labels as counts.
  AUTOPHAGE_HD void tally(Sample& sample) const {
    u8 count[byte_limit];
    for (i32 j = 0; j < names_; ++j) count[j] = 0;
    for (i64 i = 0; i < size_; ++i) ++count[buffer_[newest_][i]];
    sample.size = 0;
    for (i32 j = 0; j < names_; ++j) {
      if (count[j] == 0) continue;
      sample.token[sample.size] = name_[j];
      sample.frozen[sample.size++] = count[j];
    }
    sample.total = size_;
  }

 private:
  IndexReader<8> parents_;
  u8 buffer_[2][byte_limit];
  int newest_ = 0;
  i32 name_[byte_limit];
  i32 names_ = 0;
  i64 size_ = 0;
};

}  // namespace autophage::core
