// The one function mark of the core, the fixed-width integers it works in, and the flag that ends
// long work.
//
// Core headers compile as C++20 on a host, with nvcc, and with NVRTC. NVRTC has no <cstdint>, so
// under it the integer types come from the compiler itself.
#pragma once

#if defined(__CUDACC__)
#define AUTOPHAGE_HD __host__ __device__
#else
#define AUTOPHAGE_HD
#endif

#if defined(__CUDACC_RTC__)
namespace autophage::core {
using i8 = signed char;
using i32 = int;
using i64 = long long;
using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
}  // namespace autophage::core
#else
#include <cstdint>
namespace autophage::core {
using i8 = std::int8_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
}  // namespace autophage::core
#endif

namespace autophage::core {

// Raised by one thread when work is to end; others look at it now and then.
class StopFlag {
 public:
#if defined(__CUDACC__)
  AUTOPHAGE_HD bool raised() const { return *static_cast<const volatile bool*>(&raised_); }
#else
  bool raised() const { return __atomic_load_n(&raised_, __ATOMIC_RELAXED); }
  void raise() { __atomic_store_n(&raised_, true, __ATOMIC_RELAXED); }
#endif

 private:
  bool raised_ = false;
};

}  // namespace autophage::core
