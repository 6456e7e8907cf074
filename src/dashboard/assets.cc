// SPDX-License-Identifier: MIT
#include "dashboard/assets.h"

#define BT_ASSET(name)               \
  extern "C" const char bt_##name[]; \
  extern "C" const char bt_##name##_end[];
BT_ASSET(index_html)
BT_ASSET(dash_css)
BT_ASSET(dash_js)
BT_ASSET(uplot_css)
BT_ASSET(uplot_js)
#undef BT_ASSET

namespace bt::dashboard {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

const Asset* all_assets() {
  static const Asset assets[] = {
      {"/", "text/html; charset=utf-8", between(bt_index_html, bt_index_html_end)},
      {"/dash.css", "text/css", between(bt_dash_css, bt_dash_css_end)},
      {"/dash.js", "text/javascript", between(bt_dash_js, bt_dash_js_end)},
      {"/uplot.css", "text/css", between(bt_uplot_css, bt_uplot_css_end)},
      {"/uplot.js", "text/javascript", between(bt_uplot_js, bt_uplot_js_end)},
      {nullptr, nullptr, {}},
  };
  return assets;
}

}  // namespace bt::dashboard
