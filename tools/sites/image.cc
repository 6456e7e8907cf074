// SPDX-License-Identifier: MIT
#include "sites/image.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "agent/stub_writer.h"
#include "base/bytes.h"

namespace bt::sites {
namespace {
constexpr uint64_t kPage = 4096;
// What is written at once lies together in the page cache, and a program's page faults map more of it; larger writes end up
// in single pages.
constexpr size_t kWriteBytes = 512 << 10;
}  // namespace

Image make_image(const std::string& path, const ScanResult& scan) {
  std::ifstream file(path, std::ios::binary);
  Image image;
  image.bytes.assign(std::istreambuf_iterator<char>(file), {});
  uint64_t text_offset = scan.text_offset;
  uint64_t size = scan.header.text_end - scan.header.text_begin;
  if (!file.good() && !file.eof()) throw std::runtime_error("cannot be read");
  if (text_offset + size > image.bytes.size() || (scan.header.text_begin - text_offset) % kPage)
    throw std::runtime_error("is laid out in an unknown way");

  uint64_t lead = scan.header.text_begin % kPage;
  image.layout.text_begin = static_cast<uint32_t>(scan.header.text_begin - lead);
  image.layout.text_size = static_cast<uint32_t>(base::align_up(size + lead, kPage));
  image.layout.text_offset = static_cast<uint32_t>(text_offset - lead);
  image.layout.stubs_offset = static_cast<uint32_t>(base::align_up(image.bytes.size(), kPage));
  image.layout.stubs_size = static_cast<uint32_t>(
      base::align_up(agent::kSlotsSizeBytes + scan.sites.size() * agent::kStubSizeMaxBytes, kPage));
  image.bytes.resize(image.layout.stubs_offset + image.layout.stubs_size);

  // As if the library's base were at this address; only distances are written.
  constexpr uint64_t kBase = 1ull << 40;
  uint8_t* stubs = image.bytes.data() + image.layout.stubs_offset;
  auto& slots = *reinterpret_cast<agent::StubSlots*>(stubs);
  slots.fingerprint = agent::stub_fingerprint();
  memcpy(slots.build_id, scan.header.build_id, sizeof slots.build_id);
  agent::StubWriter writer({stubs, kBase - base::kImageDistance});
  agent::Code library{image.bytes.data() + text_offset, kBase + scan.header.text_begin};
  for (const base::Site& site : scan.sites)
    agent::redirect_site(site, kBase, library, writer.write(site, kBase));
  return image;
}

void write_image(const Image& image, const ScanResult& scan, const std::string& folder) {
  std::string place = folder + "/" + hexadecimal(scan.header.build_id, base::kBuildIdSizeBytes);
  std::filesystem::create_directories(place);
  std::string path = place + "/libc.so.6", temporary = path + ".new";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  for (size_t at = 0; at < image.bytes.size(); at += kWriteBytes)
    out.write(reinterpret_cast<const char*>(image.bytes.data()) + at,
              static_cast<std::streamsize>(std::min(kWriteBytes, image.bytes.size() - at)));
  out.close();
  if (!out || chmod(temporary.c_str(), 0755) != 0)
    throw std::runtime_error("cannot write " + temporary);
  std::filesystem::rename(temporary, path);
}

}  // namespace bt::sites
