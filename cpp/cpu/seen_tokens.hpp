// Which tokens a unit of work has met.
#pragma once

#include <cstddef>
#include <cstdint>

#include "zeroed.hpp"

namespace autophage::cpu {

// The ranks that were seen, each once: a unit of work ends by going through the tokens that lived
// in it, however many there are besides.
class SeenTokens {
 public:
  SeenTokens() = default;
  explicit SeenTokens(std::size_t support) : seen_(support), order_(support) {}

  void see(std::int32_t rank) {
    bool& seen = seen_[static_cast<std::size_t>(rank)];
    if (!seen) order_[size_++] = rank;
    seen = true;
  }

  std::size_t size() const { return size_; }
  std::size_t operator[](std::size_t i) { return static_cast<std::size_t>(order_[i]); }

  void clear() {
    for (std::size_t i = 0; i < size_; ++i) seen_[(*this)[i]] = false;
    size_ = 0;
  }

 private:
  Zeroed<bool> seen_;
  Zeroed<std::int32_t> order_;
  std::size_t size_ = 0;
};

}  // namespace autophage::cpu
