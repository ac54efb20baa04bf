// Memory of large tensors on the CPU: pieces of their own from the system, kept when they are freed as long as the process
// holds no more than tensors once needed. malloc cuts large tensors from one heap with small things; what is freed between
// those stays lost, by chance a third of a training step's peak.
#include "common.h"

#include <c10/core/CPUAllocator.h>

#ifdef __linux__
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>

namespace addon {

namespace {

constexpr size_t LARGE = 1 << 20;
constexpr size_t STEP = 1 << 16;  // sizes are rounded up to this, so that one fits another tensor sooner

// Larger ones go back to the system at once, as they do with malloc, unless the program keeps what it frees.
std::atomic<size_t> largestKept{32 << 20};

class Pieces final : public c10::Allocator {
 public:
  static Pieces& own() {
    static auto* pieces = new Pieces();  // never freed: tensors may outlive what the process tears down
    return *pieces;
  }

  // Neither is marked as an override: the first is the one of new versions, the second of old ones.
  c10::DataPtr allocate(size_t bytes) {
    void* data = bytes < LARGE ? small_->raw_allocate(bytes) : take(bytes);
    return {data, data, release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DataPtr allocate(size_t bytes) const { return own().allocate(bytes); }
  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return release; }

 private:
  struct Piece {
    void* data;
    size_t size;
  };

  Pieces() : small_(c10::GetCPUAllocator()) {}

  void* take(size_t bytes) {
    const size_t size = bytes / STEP * STEP + STEP;
    const std::lock_guard<std::mutex> lock(mutex_);
    void* data = reuse(size);
    if (!data) {
      giveBack(std::max(most_, used_ + size) - used_ - size);
      data = fresh(size);
      if (!data) return small_->raw_allocate(bytes);  // which says it in PyTorch's words
    }
    most_ = std::max(most_, used_);
    return data;
  }

  // The smallest kept piece that is large enough, and not by much.
  void* reuse(size_t size) {
    auto best = kept_.end();
    for (auto it = kept_.begin(); it != kept_.end(); ++it)
      if (it->size >= size && it->size <= size + size / 8 && (best == kept_.end() || it->size < best->size)) best = it;
    if (best == kept_.end()) return nullptr;
    void* data = best->data;
    keptBytes_ -= best->size;
    used_ += best->size;
    kept_.erase(best);
    return data;
  }

  void* fresh(size_t size) {
    void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return nullptr;
    madvise(data, size, MADV_HUGEPAGE);  // a quarter of the page faults; where it is refused, all is as without it
    sizes_[data] = size;
    used_ += size;
    return data;
  }

  // Until no more than so many bytes are kept; those first that have lain longest.
  void giveBack(size_t bytes) {
    size_t gone = 0;
    for (; keptBytes_ > bytes; gone++) {
      keptBytes_ -= kept_[gone].size;
      unmap(kept_[gone]);
    }
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(gone));
  }

  void unmap(const Piece& piece) {
    sizes_.erase(piece.data);
    munmap(piece.data, piece.size);
  }

  static void release(void* data) {
    auto& own = Pieces::own();
    // Pieces begin with a page, which malloc's memory hardly ever does.
    if (reinterpret_cast<uintptr_t>(data) % 4096 != 0 || !own.keep(data)) own.small_->raw_deallocate(data);
  }

  // False where it is no piece.
  bool keep(void* data) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = sizes_.find(data);
    if (found == sizes_.end()) return false;
    const Piece piece{data, found->second};
    used_ -= piece.size;
    if (piece.size > largestKept) {
      unmap(piece);
    } else {
      kept_.push_back(piece);
      keptBytes_ += piece.size;
    }
    return true;
  }

  c10::Allocator* small_;
  std::mutex mutex_;
  std::unordered_map<void*, size_t> sizes_;  // of every piece
  std::vector<Piece> kept_;
  size_t used_ = 0;
  size_t keptBytes_ = 0;
  size_t most_ = 0;  // bytes that were in use at one time
};

}  // namespace

void defineAllocator() {
  static const bool once = (c10::SetCPUAllocator(&Pieces::own(), 1), true);
  static_cast<void>(once);
}

void keepLargePieces() { largestKept = SIZE_MAX; }

}  // namespace addon

#else

namespace addon {

void defineAllocator() {}
void keepLargePieces() {}

}  // namespace addon

#endif
