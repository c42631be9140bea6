// Who works on one item: a single worker on a CPU, the threads of a block on a device. A step that
// is written for a team walks its entries from rank() in strides of size(), and calls sync() before
// it reads what others wrote.
#pragma once

#include "host_device.hpp"

namespace autophage::core {

// One worker; `stop` (may be null) ends long work early, with results that are then worthless.
class Solo {
 public:
  AUTOPHAGE_HD explicit Solo(const StopFlag* stop = nullptr) : stop_(stop) {}
  AUTOPHAGE_HD i64 rank() const { return 0; }
  AUTOPHAGE_HD i64 size() const { return 1; }
  AUTOPHAGE_HD void sync() const {}
  AUTOPHAGE_HD bool stopped() const { return stop_ != nullptr && stop_->raised(); }

  // What each member found, put together: every member gets the result.
  template <class Number>
  AUTOPHAGE_HD Number sum(const Number& mine) const {
    return mine;
  }
  template <class Number>
  AUTOPHAGE_HD Number largest(const Number& mine) const {
    return mine;
  }

 private:
  const StopFlag* stop_;
};

}  // namespace autophage::core
