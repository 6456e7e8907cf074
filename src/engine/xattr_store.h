// SPDX-License-Identifier: MIT
// How extended attributes are kept (format/xattr_format.h): reading them from pages that may be changing, and replacing the
// whole set by a new one in one transaction. What names mean and who may touch them is op_xattr.cc's business.
#pragma once

#include "base/bytes.h"
#include "engine/allocator.h"
#include "engine/posix_acl.h"
#include "engine/seq_read.h"
#include "format/xattr_format.h"

namespace bt::engine {

using base::Text;

inline constexpr Text kXattrAclAccess{"system.posix_acl_access", 23};
inline constexpr Text kXattrAclDefault{"system.posix_acl_default", 24};

// The stream, read in order. Never leaves the volume and never runs for ever, whatever it meets; false: nonsense.
class XattrReader {
 public:
  XattrReader(const Volume& volume, PageIndex first) : volume_(&volume), page_(first) {}
  bool read(void* out, uint64_t size);
  bool skip(uint64_t size);
  // Calls use(bytes, piece) for the next `size` bytes, a page's worth at a time.
  template <typename Use>
  bool visit(uint64_t size, Use use);

 private:
  const Volume* volume_;
  PageIndex page_;
  uint32_t at_ = 0;
  uint32_t pages_left_ = kXattrPagesMax;
};

enum class XattrLook { kFound, kAbsent, kNonsense };
// Positions `reader` at the value. first == kNone: kAbsent.
XattrLook find_xattr(const Volume& volume, PageIndex first, Text name, XattrReader& reader,
                     uint32_t& value_size);
// Bytes of the stream; 0 for kNone.
uint32_t xattr_stream_size(const Volume& volume, PageIndex first);
// Calls each(name, value_size) with every name. kNonsense or kFound.
template <typename Each>
XattrLook for_each_xattr(const Volume& volume, PageIndex first, Each each);

// A new stream. Its first part may be staged: written, before the transaction and outside all locks, into the free pages
// that take_page is going to hand out, so that the program's memory is never touched under a lock. adopt() then takes
// those pages in the transaction, and what is put from there on goes into pages taken one by one.
class XattrWriter {
 public:
  // pages: how many were prepared.
  XattrWriter(Thread& thread, InodeIndex owner, uint32_t pages);

  // Takes the pages staged so far. Every put before it is staging.
  Result<void> adopt(Transaction& txn);

  // The next `size` bytes of the stream, in pieces of at most a page: fill(bytes, size) writes them. EFAULT if fill says
  // false; ENOSPC beyond what was prepared.
  template <typename Fill>
  Result<void> put(uint64_t size, Fill fill);
  Result<void> put_bytes(const void* bytes, uint64_t size);
  Result<void> put_entry(Text name, uint32_t value_size);
  Result<void> pad();
  // Writes the header. kNone when no entry was put.
  PageIndex seal(uint32_t count);
  uint64_t size() const { return size_; }

 private:
  Result<void> next_page();
  Result<PageIndex> take_next(uint32_t number);

  Thread& thread_;
  Transaction* txn_ = nullptr;  // nullptr while staging
  InodeIndex owner_;
  PageIndex first_ = PageIndex::kNone, last_ = PageIndex::kNone;
  PageIndex staging_;  // the free page that comes next
  char* bytes_ = nullptr;
  uint32_t at_ = kPageSizeBytes, pages_ = 0, pages_max_;
  uint64_t size_ = 0;
};

constexpr uint64_t xattr_entry_size(uint64_t name_size, uint64_t value_size) {
  return base::align_up(sizeof(XattrEntry) + name_size + value_size, 8);
}

// Pages that a stream of so many bytes takes.
constexpr uint32_t xattr_pages_for(uint64_t size) {
  return static_cast<uint32_t>(base::divide_up(size, kPageSizeBytes));
}

// Copies every entry of `inode` except `name` into the writer; found tells whether `name` was there, count how many were
// copied. Precondition: the inode's lock.
Result<void> copy_other_xattrs(const Volume& volume, const InodeRecord& inode, Text name,
                               XattrWriter& writer, bool& found, uint32_t& count);
// Gives the pages of a stream back. Precondition: the inode's lock.
Result<void> give_xattr_pages(Transaction& txn, Thread& thread, PageIndex first);

// An ACL attribute. locked: the caller holds the inode's lock. ENODATA, ESTALE, EIO.
Result<void> read_acl(Thread& thread, InodeNumber inode, Text name, bool locked, Acl& acl);

template <typename Use>
bool XattrReader::visit(uint64_t size, Use use) {
  while (size > 0) {
    if (at_ == kPageSizeBytes) {
      const PageDescriptor* descriptor = volume_->page_descriptor(page_);
      if (!descriptor || --pages_left_ == 0) return false;
      page_ = load_relaxed(descriptor->next);
      at_ = 0;
    }
    const char* bytes = volume_->page(page_);
    if (!bytes) return false;
    uint64_t piece = base::min(size, kPageSizeBytes - at_);
    use(bytes + at_, piece);
    at_ += static_cast<uint32_t>(piece);
    size -= piece;
  }
  return true;
}

template <typename Each>
XattrLook for_each_xattr(const Volume& volume, PageIndex first, Each each) {
  if (first == PageIndex::kNone) return XattrLook::kFound;
  XattrReader reader(volume, first);
  XattrHeader header;
  if (!reader.read(&header, sizeof header)) return XattrLook::kNonsense;
  char name[256];
  for (uint32_t i = 0; i < header.count; i++) {
    XattrEntry entry;
    if (!reader.read(&entry, sizeof entry)) return XattrLook::kNonsense;
    if (entry.name_size == 0 || entry.name_size > 255) return XattrLook::kNonsense;
    uint64_t rest =
        xattr_entry_size(entry.name_size, entry.value_size) - sizeof entry - entry.name_size;
    if (!reader.read(name, entry.name_size) || !reader.skip(rest)) return XattrLook::kNonsense;
    each(Text{name, entry.name_size}, entry.value_size);
  }
  return XattrLook::kFound;
}

template <typename Fill>
Result<void> XattrWriter::put(uint64_t size, Fill fill) {
  while (size > 0) {
    if (at_ == kPageSizeBytes) BT_TRY(next_page());
    uint64_t piece = base::min(size, kPageSizeBytes - at_);
    if (!fill(bytes_ + at_, piece)) return Error(EFAULT);
    at_ += static_cast<uint32_t>(piece);
    size_ += piece;
    size -= piece;
  }
  return {};
}

}  // namespace bt::engine
