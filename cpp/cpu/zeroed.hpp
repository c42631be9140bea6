// Arrays of numbers that begin as zero. The pages come from the system zeroed, each when it is
// first touched: gigabytes take no time in which nobody looks whether work is to end.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace autophage::cpu {

template <class Cell>
class Zeroed {
  static_assert(std::is_trivially_copyable_v<Cell>);

 public:
  Zeroed() = default;
  explicit Zeroed(std::size_t size)
      : cells_(size > 0 ? static_cast<Cell*>(std::calloc(size, sizeof(Cell))) : nullptr),
        size_(size) {
    if (size > 0 && cells_ == nullptr) throw std::bad_alloc();
  }
  Cell& operator[](std::size_t i) { return cells_.get()[i]; }
  Cell* data() { return cells_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  struct Free {
    void operator()(Cell* cells) const { std::free(cells); }
  };
  std::unique_ptr<Cell, Free> cells_;
  std::size_t size_ = 0;
};

// Whether a long walk over cells is to look at the stop flag at cell i.
inline bool looks_up(std::size_t i) { return (i & 0xfff) == 0; }

}  // namespace autophage::cpu
