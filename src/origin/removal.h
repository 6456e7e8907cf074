// SPDX-License-Identifier: MIT
// A file that loses a name at the source, perhaps its last, while it is open or just being opened: whoever has it open can read it
// to its end. Its bytes come here before the name goes, if it is open then; what nobody has open is removed unread.
//
// Between that look and the end of the name somebody may open it. So what is not all here is kept open at the source meanwhile, and
// looked at once more when the name is gone: who opens it from then on is told that it is not there (is_lost_file, engine/origin.h).
// Who asks the source in between, for attributes or bytes, and finds it gone, waits for the end of the removal (remove_tag). If
// the remover dies just then, they are lost.
#pragma once

#include "origin/source.h"

namespace bt::origin {

class Removal {
 public:
  Removal(Context& context, InodeNumber inode) : context_(context), inode_(inode) {}
  ~Removal() { end(0); }
  Removal(const Removal&) = delete;
  Removal& operator=(const Removal&) = delete;

  // Before the source is changed. The scratch path 0 is used.
  Result<void> begin();
  // The name is gone, there and here.
  void finish();

 private:
  void end(uint64_t next_tag);
  format::InodeRecord* file();

  Context& context_;
  InodeNumber inode_;
  SourceFile kept_;
  bool marked_ = false;
};

// The source says that the file is gone. If we are just removing it: until that is over. True: it has no name here either, so that
// what is here of it is the truth.
bool was_removed(Context& context, InodeNumber inode);

}  // namespace bt::origin
