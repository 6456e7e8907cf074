// SPDX-License-Identifier: MIT
#include "engine/read_attributes.h"

namespace bt::engine {

Result<void> read_attributes(Context& context, InodeNumber inode, Attributes& attributes) {
  return read_attributes_inline(context, inode, attributes);
}

}  // namespace bt::engine
