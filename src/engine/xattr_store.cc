// SPDX-License-Identifier: MIT
#include "engine/xattr_store.h"

namespace bt::engine {

bool XattrReader::read(void* out, uint64_t size) {
  char* to = static_cast<char*>(out);
  return visit(size, [&](const char* bytes, uint64_t piece) {
    copy_torn(to, bytes, piece);
    to += piece;
  });
}

bool XattrReader::skip(uint64_t size) {
  return visit(size, [](const char*, uint64_t) {});
}

XattrLook find_xattr(const Volume& volume, PageIndex first, Text name, XattrReader& reader,
                     uint32_t& value_size) {
  if (first == PageIndex::kNone) return XattrLook::kAbsent;
  reader = XattrReader(volume, first);
  XattrHeader header;
  if (!reader.read(&header, sizeof header)) return XattrLook::kNonsense;
  char found[256];
  for (uint32_t i = 0; i < header.count; i++) {
    XattrEntry entry;
    if (!reader.read(&entry, sizeof entry)) return XattrLook::kNonsense;
    if (entry.name_size == 0 || entry.name_size > 255) return XattrLook::kNonsense;
    if (!reader.read(found, entry.name_size)) return XattrLook::kNonsense;
    if (base::equal({found, entry.name_size}, name)) {
      value_size = entry.value_size;
      return value_size <= kXattrPagesMax * kPageSizeBytes ? XattrLook::kFound
                                                           : XattrLook::kNonsense;
    }
    uint64_t whole = xattr_entry_size(entry.name_size, entry.value_size);
    if (!reader.skip(whole - sizeof entry - entry.name_size)) return XattrLook::kNonsense;
  }
  return XattrLook::kAbsent;
}

uint32_t xattr_stream_size(const Volume& volume, PageIndex first) {
  const char* bytes = first == PageIndex::kNone ? nullptr : volume.page(first);
  return bytes ? load_relaxed(reinterpret_cast<const XattrHeader*>(bytes)->size) : 0;
}

XattrWriter::XattrWriter(Thread& thread, InodeIndex owner, uint32_t pages)
    : thread_(thread),
      owner_(owner),
      staging_(thread.slot->free.pages),
      pages_max_(base::min(pages, kXattrPagesMax)) {}

// Page `number` of the stream, linked to the one before.
Result<PageIndex> XattrWriter::take_next(uint32_t number) {
  Volume& volume = *thread_.volume;
  PageIndex page = take_page(*txn_, thread_, owner_, number, kPageXattr);
  PageDescriptor* descriptor = volume.page_descriptor(page);
  if (!descriptor) return error::volume_corrupt;  // take_page has reported it.
  txn_->store(descriptor->next, PageIndex::kNone);
  if (last_ == PageIndex::kNone)
    first_ = page;
  else
    txn_->store(volume.page_descriptor(last_)->next, page);
  last_ = page;
  return page;
}

Result<void> XattrWriter::adopt(Transaction& txn) {
  txn_ = &txn;
  for (uint32_t number = 0; number < pages_; number++) BT_TRY(take_next(number));
  return {};
}

Result<void> XattrWriter::next_page() {
  if (pages_ == pages_max_) return Error(ENOSPC);
  PageIndex page = staging_;
  if (txn_) {
    BT_TRY_ASSIGN(page, take_next(pages_));
  } else if (const PageDescriptor* descriptor = thread_.volume->page_descriptor(page)) {
    staging_ = descriptor->next;
  }
  bytes_ = thread_.volume->page(page);
  if (!bytes_) return BT_DAMAGED(*thread_.volume);
  at_ = 0;
  if (pages_++ == 0) at_ = sizeof(XattrHeader), size_ = sizeof(XattrHeader);
  return {};
}

Result<void> XattrWriter::put_bytes(const void* bytes, uint64_t size) {
  const char* from = static_cast<const char*>(bytes);
  return put(size, [&](char* to, uint64_t piece) {
    copy_unseen(to, from, piece);
    from += piece;
    return true;
  });
}

Result<void> XattrWriter::put_entry(Text name, uint32_t value_size) {
  XattrEntry entry{value_size, static_cast<uint16_t>(name.size), 0};
  BT_TRY(put_bytes(&entry, sizeof entry));
  return put_bytes(name.data, name.size);
}

Result<void> XattrWriter::pad() {
  constexpr char kZeros[8] = {};
  return put_bytes(kZeros, base::align_up(size_, 8) - size_);
}

PageIndex XattrWriter::seal(uint32_t count) {
  if (first_ == PageIndex::kNone) return first_;
  XattrHeader header{static_cast<uint32_t>(size_), count};
  copy_unseen(thread_.volume->page(first_), &header, sizeof header);
  return first_;
}

Result<void> copy_other_xattrs(const Volume& volume, const InodeRecord& inode, Text name,
                               XattrWriter& writer, bool& found, uint32_t& count) {
  found = false;
  count = 0;
  if (inode.xattrs == PageIndex::kNone) return {};
  XattrReader reader(volume, inode.xattrs);
  XattrHeader header;
  if (!reader.read(&header, sizeof header)) return BT_DAMAGED(volume);
  char other[256];
  for (uint32_t i = 0; i < header.count; i++) {
    XattrEntry entry;
    bool sound = reader.read(&entry, sizeof entry) && entry.name_size > 0 &&
                 entry.name_size <= 255 && reader.read(other, entry.name_size);
    if (!sound) return BT_DAMAGED(volume);
    uint64_t rest =
        xattr_entry_size(entry.name_size, entry.value_size) - sizeof entry - entry.name_size;
    if (base::equal({other, entry.name_size}, name)) {
      found = true;
      if (!reader.skip(rest)) return BT_DAMAGED(volume);
      continue;
    }
    BT_TRY(writer.put_entry({other, entry.name_size}, entry.value_size));
    BT_TRY(writer.put(rest, [&](char* to, uint64_t piece) { return reader.read(to, piece); }));
    count++;
  }
  return {};
}

Result<void> give_xattr_pages(Transaction& txn, Thread& thread, PageIndex page) {
  for (uint32_t pages = 0; page != PageIndex::kNone; pages++) {
    const PageDescriptor* descriptor = thread.volume->page_descriptor(page);
    if (!descriptor || pages == kXattrPagesMax) return BT_DAMAGED(*thread.volume);
    PageIndex next = descriptor->next;
    give_page(txn, thread, page);
    page = next;
  }
  return {};
}

Result<void> read_acl(Thread& thread, InodeNumber inode, Text name, bool locked, Acl& acl) {
  Volume& volume = *thread.volume;
  char bytes[4 + kAclEntriesMax * sizeof(AclEntry)];
  uint32_t size = 0;
  XattrLook look = XattrLook::kAbsent;
  auto copy = [&](const InodeRecord& record) {
    XattrReader reader(volume, PageIndex::kNone);
    look = find_xattr(volume, load_relaxed(record.xattrs), name, reader, size);
    if (look == XattrLook::kFound && (size > sizeof bytes || !reader.read(bytes, size)))
      look = XattrLook::kNonsense;
  };
  if (locked)
    copy(*volume.inode(inode.index()));
  else
    BT_TRY(read_inode(thread, inode, copy));
  if (look == XattrLook::kAbsent) return Error(ENODATA);
  if (look == XattrLook::kNonsense || !parse_acl(bytes, size, acl)) return BT_DAMAGED(volume);
  return {};
}

}  // namespace bt::engine
