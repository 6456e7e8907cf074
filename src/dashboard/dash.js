// SPDX-License-Identifier: MIT
// The page of `btfuse dash`: a snapshot of the mount arrives every second as a server-sent event (the object that
// `btfuse stat --json` prints, and latency counts); rates are differences of two snapshots. Nothing is ever sent back.
'use strict';

const kHistory = 300; // seconds kept
const token = new URLSearchParams(location.search).get('token') || '';
const element = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const short = (value) => {
  for (const [size, unit] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']])
    if (value >= size) return (value / size).toFixed(value >= 100 * size ? 0 : 1) + unit;
  return value.toFixed(value < 10 && value % 1 ? 1 : 0);
};
const bytes = (value) => {
  for (const [size, unit] of [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']])
    if (value >= size) return (value / size).toFixed(1) + ' ' + unit;
  return value + ' B';
};
const duration = (ns) => ns >= 1e6 ? (ns / 1e6).toFixed(1) + ' ms' : ns >= 1e3 ? (ns / 1e3).toFixed(1) + ' µs' : ns.toFixed(0) + ' ns';
const percent = (share) => (share * 100).toFixed(1) + ' %';

// ---- history: one array a series, oldest first --------------------------------------------------------------------
const history = { time: [], served: [], passed: [], kernel: [], share: [], used: [], budget: [], hits: [], heat: [] };

function remember(point) {
  for (const [name, series] of Object.entries(history)) {
    series.push(point[name]);
    if (series.length > kHistory) series.shift();
  }
}

// The middle of the bucket in which the given share of the counts is reached; NaN without any.
function quantile(latency, share) {
  const total = latency.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [ns, count] of latency)
    if ((seen += count) >= total * share) return total ? ns : NaN;
  return NaN;
}

function difference(now, before) {
  const counts = new Map(before);
  return now.map(([ns, count]) => [ns, count - (counts.get(ns) || 0)]).filter(([, count]) => count > 0);
}

// ---- plots ----------------------------------------------------------------------------------------------------------
const plots = [];

function plot(id, series, options = {}) {
  const place = element(id);
  const axis = { stroke: () => colour('--faint'), grid: { stroke: () => colour('--line') } };
  const chart = new uPlot({
    width: place.clientWidth || 300, height: 220, cursor: { y: false }, legend: { live: true },
    series: [{}, ...series.map(([label, name, shown]) =>
      ({ label, stroke: () => colour(name), width: 2, value: (u, v) => v == null ? '–' : shown(v) }))],
    axes: [axis, { ...axis, size: 72, values: (u, ticks) => ticks.map((tick) => tick == null ? '' : series[0][2](tick)) }],
    ...options,
  }, series.map(() => []).concat([[]]), place);
  plots.push({ chart, place });
  return chart;
}

// One column a second, one row a bucket of latency, darker for more calls.
function draw_heat(chart) {
  const { ctx } = chart;
  const low = Math.log2(16), high = Math.log2(2 ** 24), { left, top, width, height } = chart.bbox;
  const column = Math.max(1, width / Math.max(30, history.time.length));
  ctx.save();
  ctx.fillStyle = colour('--served');
  history.heat.forEach((latency, i) => {
    const most = Math.max(1, ...latency.map(([, count]) => count));
    for (const [ns, count] of latency) {
      const y = (Math.log2(Math.max(16, ns)) - low) / (high - low);
      ctx.globalAlpha = 0.15 + 0.85 * Math.sqrt(count / most);
      ctx.fillRect(chart.valToPos(history.time[i], 'x', true) - column, top + height * (1 - y) - 4, column, 5);
    }
  });
  ctx.restore();
}

const throughput = plot('throughput', [['in-process', '--served', short], ['passed on', '--passed', short], ['for the kernel', '--kernel', short]]);
const shares = plot('shares', [['in-process', '--served', percent]], { scales: { y: { range: [0, 1] } } });
const heat = plot('heat', [['p50', '--passed', duration]],
  { scales: { y: { distr: 3, log: 2, range: [16, 2 ** 24] } }, hooks: { drawClear: [draw_heat] } });
const occupancy = plot('occupancy', [['held', '--served', bytes], ['may be held', '--good', bytes]],
  { scales: { y: { range: (u, low, high) => [0, high || 1] } } });
const hitRatio = plot('hits', [['hits', '--good', percent]], { scales: { y: { range: [0, 1] } } });

new ResizeObserver(() => plots.forEach(({ chart, place }) =>
  chart.setSize({ width: place.clientWidth, height: 220 }))).observe(document.querySelector('main'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plots.forEach(({ chart }) => chart.redraw()));

// ---- tables -----------------------------------------------------------------------------------------------------------
function fill(id, heads, rows, empty) {
  const table = element(id);
  table.replaceChildren();
  const add = (cells, tag) => {
    const row = table.insertRow();
    cells.forEach((text, i) => {
      const cell = document.createElement(tag);
      cell.textContent = text;
      if (i) cell.className = 'number';
      row.append(cell);
    });
  };
  if (!rows.length) return add([empty], 'td');
  add(heads, 'th');
  rows.forEach((cells) => add(cells, 'td'));
}

function show_tables(now) {
  const sessions = [...now.sessions].sort((a, b) => b.in_process + b.fuse - a.in_process - a.fuse).slice(0, 64);
  fill('sessions', ['program', 'pid', 'threads', 'in-process', 'passed', 'kernel'], sessions.map((s) =>
    [s.program, s.pid, s.threads, short(s.in_process), short(s.passed), short(s.fuse)]), 'none');
  fill('reasons', ['reason', 'calls'], Object.entries(now.reasons).filter(([, count]) => count)
    .sort((a, b) => b[1] - a[1]).map(([name, count]) => [name.replace(/^passed_/, '').replaceAll('_', ' '), short(count)]), 'none did');
  fill('operations', ['operation', 'in-process', 'p50', 'p99', 'kernel', 'p50'], Object.entries(now.operations)
    .filter(([, o]) => o.in_process + o.passed + o.fuse).map(([name, o]) => {
      const { in_process: served, fuse } = o.latency_ns;
      return [name.replaceAll('_', ' '), short(o.in_process), served ? duration(served.p50) : '–',
        served ? duration(served.p99) : '–', short(o.fuse), fuse ? duration(fuse.p50) : '–'];
    }), 'none yet');
  fill('events', ['event', 'count'], Object.entries(now.events).filter(([, count]) => count)
    .map(([name, count]) => [name.replaceAll('_', ' '), short(count)]), 'none yet');
  fill('incidents', ['when', 'what', 'pid', 'by', 'detail'], [...now.incidents].reverse().map((i) =>
    [new Date(i.time_ns / 1e6).toLocaleTimeString(), i.kind.replaceAll('_', ' '), i.pid, i.repaired_by, i.detail]), 'none');
  fill('hooks', ['program', 'attached to', 'instructions'], now.hooks.flatMap((h) => h.programs.map((p) =>
    [h.name + ': ' + p.name, p.attach, p.instructions])), 'none loaded');
  fill('maps', ['map', 'type', 'used', 'of', 'lost'], now.hooks.flatMap((h) => h.maps.map((m) =>
    [h.name + ': ' + m.name, m.type.replaceAll('_', ' '), short(m.used), short(m.max_entries), short(m.lost)])), 'none');
}

// ---- events -------------------------------------------------------------------------------------------------------------
let before = null;
let paused = false;

function show(now) {
  const state = element('state');
  state.textContent = now.state;
  state.className = now.state === 'serving' ? 'good' : 'bad';
  element('mount').textContent = now.mountpoint;
  element('files').textContent = short(now.inodes - now.inodes_free);
  element('memory').textContent = bytes(now.resident_bytes);
  for (const id of ['cache', 'ratio-figure', 'budget-figure']) element(id).hidden = !now.cache;
  element('budget').textContent = now.cache ? bytes(now.cache.budget_bytes) : '–';
  element('ratio').textContent = now.cache && now.cache.hit_ratio !== null ? percent(now.cache.hit_ratio) : '–';
  if (before && now.time_ns > before.time_ns) {
    const seconds = (now.time_ns - before.time_ns) / 1e9;
    const rate = (name) => (now.calls[name] - before.calls[name]) / seconds;
    const served = rate('in_process'), passed = rate('passed'), kernel = rate('fuse');
    const latency = difference(now.latency.in_process, before.latency.in_process);
    const cache = now.cache, hits = cache ? Math.max(0, cache.hits - before.cache.hits) : 0;
    const asked = cache ? hits + cache.misses - before.cache.misses : 0;
    const share = served + passed > 0 ? served / (served + passed) : null;
    const p50 = quantile(latency, .5), p99 = quantile(latency, .99);
    remember({ time: Date.now() / 1000, served, passed, kernel, share, used: now.used_bytes,
      budget: cache ? cache.budget_bytes : now.size_bytes, hits: asked ? hits / asked : null, heat: latency });
    element('rate').textContent = short(served + passed + kernel);
    element('share').textContent = share === null ? '–' : percent(share);
    element('p50').textContent = isNaN(p50) ? '–' : duration(p50);
    element('p99').textContent = isNaN(p99) ? '–' : duration(p99);
    throughput.setData([history.time, history.served, history.passed, history.kernel]);
    shares.setData([history.time, history.share]);
    heat.setData([history.time, history.heat.map((l) => { const v = quantile(l, .5); return isNaN(v) ? null : v; })]);
    occupancy.setData([history.time, history.used, history.budget]);
    hitRatio.setData([history.time, history.hits]);
  }
  show_tables(now);
  before = now;
}

element('pause').addEventListener('click', (event) => {
  paused = !paused;
  event.target.setAttribute('aria-pressed', String(paused));
  event.target.textContent = paused ? 'go on' : 'pause';
});

const source = new EventSource('events?token=' + encodeURIComponent(token));
source.onmessage = (event) => { if (!paused) show(JSON.parse(event.data)); };
source.onerror = () => {
  element('state').textContent = 'no connection to btfuse dash';
  element('state').className = 'bad';
};
