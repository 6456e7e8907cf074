// SPDX-License-Identifier: MIT
#include "engine/inode_table.h"
