// SPDX-License-Identifier: MIT
#include "cli/bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "cli/bench/tables.h"
#include "cli/json_writer.h"

namespace bt::cli::bench {
namespace {

[[gnu::format(printf, 2, 3)]] void append(std::string& out, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  out += text;
}

std::string bar_line(const Bar& bar) {
  std::string text;
  append(text, "%.2f %s, %s %.2f", bar.found, bar.unit.c_str(),
         bar.at_least ? "at least" : "at most", bar.wanted);
  return text;
}

std::string machine_line(const Machine& machine) {
  std::string text;
  append(text, "%s, %u processors, load %.1f, %s, bt_fuse %s%s%s, %s", machine.processor.c_str(),
         machine.processors, machine.load, machine.kernel.c_str(), machine.version.c_str(),
         machine.commit.empty() ? "" : " ", machine.commit.c_str(), machine.date.c_str());
  return text;
}

std::string escape(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

// One figure: a label and a bar for each way, 1 ns to 10 ms on a logarithmic scale.
void append_bars(std::string& out, const Samples& samples, const std::string& figure, int top) {
  constexpr double kLeft = 170, kWidth = 600, kDecades = 7;
  append(out, "<text x=\"160\" y=\"%d\" text-anchor=\"end\">%s</text>\n", top + 22, figure.c_str());
  int row = 0;
  for (Way way : {Way::kInProcess, Way::kNative, Way::kKernel, Way::kEngine}) {
    int y = top + row++ * 11;
    if (!samples.has(figure, way)) continue;
    double value = samples.median(figure, way);
    double length = std::log10(std::max(value, 1.0)) / kDecades * kWidth;
    append(out, "<rect class=\"%s\" x=\"%.0f\" y=\"%d\" width=\"%.1f\" height=\"10\"/>",
           way_label(way), kLeft, y, length);
    append(out, "<text class=\"v\" x=\"%.1f\" y=\"%d\">%.0f ns</text>\n", kLeft + length + 4, y + 9,
           value);
  }
}

void append_text(std::string& out, const Table& table) {
  std::vector<size_t> widths;
  for (const std::string& word : table.head) widths.push_back(word.size());
  for (const auto& row : table.rows)
    for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  auto line = [&](const std::vector<std::string>& words) {
    for (size_t i = 0; i < words.size(); i++) {
      std::string space(widths[i] - words[i].size() + (i ? 2 : 0), ' ');
      out += i ? space + words[i] : words[i] + space;
    }
    out += "\n";
  };
  out += "\n" + table.title + "\n";
  line(table.head);
  for (const auto& row : table.rows) line(row);
}

void append_markdown(std::string& out, const Table& table) {
  auto line = [&](const std::vector<std::string>& words) {
    for (const std::string& word : words) out += "| " + word + " ";
    out += "|\n";
  };
  out += "\n" + table.title + ".\n\n";
  line(table.head);
  for (size_t i = 0; i < table.head.size(); i++) out += i ? "--:|" : "|---|";
  out += "\n";
  for (const auto& row : table.rows) line(row);
}

void append_html(std::string& out, const Table& table) {
  auto line = [&](const std::vector<std::string>& words, const char* tag) {
    out += "<tr>";
    for (const std::string& word : words) out += std::string("<") + tag + ">" + escape(word);
    out += "</tr>\n";
  };
  out += "<h2>" + escape(table.title) + "</h2>\n<div class=\"wide\"><table>\n";
  line(table.head, "th");
  for (const auto& row : table.rows) line(row, "td");
  out += "</table></div>\n";
}

void put_samples(JsonWriter& json, const Samples& samples) {
  json.begin_object();
  for (const std::string& figure : samples.figures()) {
    json.key(figure);
    json.begin_object();
    for (int i = 0; i < kWays; i++) {
      Way way = static_cast<Way>(i);
      if (!samples.has(figure, way)) continue;
      json.member(way_label(way), samples.median(figure, way));
      json.member(std::string(way_label(way)) + "_spread", samples.spread(figure, way));
    }
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::string text_report(const Results& results) {
  std::string out = machine_line(results.machine) + "\n";
  for (const Table& table : tables_of(results)) append_text(out, table);
  if (!results.bars.empty()) out += "\n";
  int missed = 0;
  for (const Bar& bar : results.bars) {
    missed += !bar.met();
    append(out, "%s %-58s %s\n", bar.met() ? "met   " : "MISSED", bar.name.c_str(),
           bar_line(bar).c_str());
  }
  append(out, "%zu bars met, %d missed\n", results.bars.size() - static_cast<size_t>(missed),
         missed);
  return out;
}

std::string json_report(const Results& results) {
  JsonWriter json;
  json.begin_object();
  json.key("machine");
  json.begin_object();
  json.member("processor", results.machine.processor);
  json.member("processors", results.machine.processors);
  json.member("load", results.machine.load);
  json.member("kernel", results.machine.kernel);
  json.member("version", results.machine.version);
  json.member("commit", results.machine.commit);
  json.member("date", results.machine.date);
  json.end_object();
  json.member("rounds", results.rounds);
  json.member("disk", results.disk);
  json.key("figures_ns");
  put_samples(json, results.samples);
  json.key("programs_ms");
  put_samples(json, results.programs);
  json.key("numbers");
  json.begin_object();
  for (const auto& [name, value] : results.numbers) json.member(name, value);
  json.end_object();
  json.key("bars");
  json.begin_array();
  for (const Bar& bar : results.bars) {
    json.begin_object();
    json.member("name", bar.name);
    json.member("found", bar.found);
    json.member("wanted", bar.wanted);
    json.member("at_least", bar.at_least);
    json.member("unit", bar.unit);
    json.member("met", bar.met());
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.text() + "\n";
}

std::string markdown_report(const Results& results) {
  std::string out =
      "# Benchmarks\n\n"
      "Generated by `bench/bars.sh BUILD --write` from one run; do not edit. The workloads are in "
      "`bench`, each opening with its\n"
      "question. *native* is a tmpfs, *kernel* the mount through the kernel, *in-process* the same "
      "program under `btfuse run`,\n"
      "*engine* the engine called directly; *distance* is in-process minus engine; *spread* is "
      "(greatest − smallest) / median\n"
      "of the in-process rounds.\n\n";
  out += machine_line(results.machine) + "\n";
  for (const Table& table : tables_of(results)) append_markdown(out, table);
  out += "\n## Bars\n\n| bar | found | |\n|---|---|---|\n";
  for (const Bar& bar : results.bars)
    append(out, "| %s | %s | %s |\n", bar.name.c_str(), bar_line(bar).c_str(),
           bar.met() ? "met" : "**missed**");
  return out;
}

std::string html_report(const Results& results) {
  const Samples& samples = results.samples;
  int height = static_cast<int>(samples.figures().size()) * 55 + 20;
  std::string out =
      "<!doctype html><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">\n"
      "<title>bt_fuse benchmark</title>\n<style>\n"
      ":root{color-scheme:light "
      "dark;--i:#0a7d4f;--n:#6b7280;--k:#c2410c;--e:#1769aa;--t:#111;--b:#fff}\n"
      "@media(prefers-color-scheme:dark){:root{--i:#34d399;--n:#9ca3af;--k:#fb923c;--e:#5aaef0;--t:"
      "#e5e7eb;--b:"
      "#111827}}\n"
      "body{font:14px/1.5 "
      "system-ui,sans-serif;color:var(--t);background:var(--b);max-width:900px;margin:1em "
      "auto;padding:0 1em}\n"
      "svg{width:100%;height:auto}svg text{fill:var(--t);font-size:12px}svg .v{font-size:10px}\n"
      ".in_process{fill:var(--i);color:var(--i)}.native{fill:var(--n);color:var(--n)}.kernel{fill:"
      "var(--k);color:var(--k)}\n"
      ".engine{fill:var(--e);color:var(--e)}"
      "table{border-collapse:collapse}.wide{overflow-x:auto}td,th{padding:2px "
      "10px;text-align:right}td:first-child{text-align:left}\n"
      "</style>\n<h1>bt_fuse benchmark</h1>\n";
  out += "<p>" + escape(machine_line(results.machine)) + "</p>\n";
  append(out,
         "<p>Nanoseconds per call, median of %d interleaved rounds, logarithmic scale: <b "
         "class=\"in_process\">in-process</b>, <b class=\"engine\">the engine called directly</b>, "
         "<b class=\"native\">native tmpfs</b>, <b class=\"kernel\">the same mount through the "
         "kernel</b>.</p>\n",
         results.rounds);
  append(out, "<svg viewBox=\"0 0 860 %d\" role=\"img\" aria-label=\"time per call\">\n", height);
  int top = 10;
  for (const std::string& figure : samples.figures()) {
    append_bars(out, samples, figure, top);
    top += 55;
  }
  out += "</svg>\n";
  for (const Table& table : tables_of(results)) append_html(out, table);
  out += "<h2>Bars</h2>\n<table>\n";
  for (const Bar& bar : results.bars)
    append(out, "<tr><td>%s<td>%s<td>%s</tr>\n", bar.name.c_str(), bar_line(bar).c_str(),
           bar.met() ? "met" : "<b>missed</b>");
  return out + "</table>\n";
}

}  // namespace bt::cli::bench
