#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Grafana dashboard of `btfuse dash`'s /metrics: make.py > btfuse.json

  make.py --check METRICS DOC    compares btfuse.json with what this would write, and every metric, label and label value in
                                 it with a scrape (METRICS, Prometheus text) and with docs/metrics.md (DOC)

A panel is a title, a unit, a kind and its queries; the grid follows from their order."""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
MOUNT = 'mount=~"$mount"'


def rate(metric, labels='', by='mount'):
    inner = MOUNT + (',' + labels if labels else '')
    return f'sum by ({by}) (rate({metric}{{{inner}}}[$__rate_interval]))'


def quantile(share, side):
    return (f'histogram_quantile({share}, sum by (le) '
            f'(rate(btfuse_latency_seconds_bucket{{{MOUNT},side="{side}"}}[$__rate_interval])))')


SERVED = rate('btfuse_calls_total', 'way="in_process"')
ASKED = rate('btfuse_calls_total', 'way!="fuse"')
EVENTS = lambda names: rate('btfuse_events_total', f'event=~"{names}"', by='event')
# Title, unit, kind, [(query, legend)], width of 24.
PANELS = [
    ('Served in-process', 'percentunit', 'stat', [(f'{SERVED} / {ASKED}', '{{mount}}')], 6),
    ('Calls a second', 'ops', 'stat', [(rate('btfuse_calls_total'), '{{mount}}')], 6),
    ('Memory held', 'bytes', 'stat', [(f'btfuse_resident_bytes{{{MOUNT}}}', '{{mount}}')], 6),
    ('State (1: serving)', 'none', 'stat', [(f'btfuse_serving{{{MOUNT}}}', '{{mount}}')], 6),
    ('Calls by how they were served', 'ops', 'timeseries',
     [(rate('btfuse_calls_total', by='way'), '{{way}}')], 12),
    ('In-process calls by operation', 'ops', 'timeseries',
     [(rate('btfuse_calls_total', 'way="in_process"', by='operation'), '{{operation}}')], 12),
    ('Latency in-process', 's', 'timeseries',
     [(quantile(0.5, 'in_process'), 'p50'), (quantile(0.99, 'in_process'), 'p99')], 12),
    ('Latency on the kernel path', 's', 'timeseries',
     [(quantile(0.5, 'kernel'), 'p50'), (quantile(0.99, 'kernel'), 'p99')], 12),
    ('Why calls went to the kernel', 'ops', 'timeseries',
     [(rate('btfuse_calls_total', 'way!~"in_process|fuse"', by='way'), '{{way}}')], 12),
    ('File data', 'Bps', 'timeseries', [(EVENTS('bytes_read|bytes_written'), '{{event}}')], 12),
    ('Cache of a directory: held and allowed', 'bytes', 'timeseries',
     [(f'btfuse_cache_used_bytes{{{MOUNT}}}', 'held'), (f'btfuse_cache_budget_bytes{{{MOUNT}}}', 'budget'),
      (f'btfuse_cache_dirty_bytes{{{MOUNT}}}', 'dirty')], 12),
    ('Cache: times the origin was asked', 'ops', 'timeseries',
     [(EVENTS('attribute_misses|name_misses|page_misses|xattr_misses'), '{{event}}'),
      (EVENTS('evictions|writebacks'), '{{event}}')], 12),
    ('Cache hit ratio', 'percentunit', 'timeseries',
     [(f'btfuse_cache_hit_ratio{{{MOUNT}}}', '{{mount}}')], 12),
    ('Pages, inodes, sessions', 'short', 'timeseries',
     [(f'btfuse_pages{{{MOUNT}}} - btfuse_pages_free{{{MOUNT}}}', 'pages used'),
      (f'btfuse_inodes{{{MOUNT}}} - btfuse_inodes_free{{{MOUNT}}}', 'inodes used'),
      (f'btfuse_sessions{{{MOUNT}}}', 'sessions')], 12),
    ('Locks, transactions', 'ops', 'timeseries',
     [(EVENTS('transactions|rollbacks|lock_waits|locked_reads'), '{{event}}')], 12),
    ('Recovery', 'short', 'timeseries',
     [(f'btfuse_events_total{{{MOUNT},event=~"recoveries|worker_restarts"}}', '{{event}}'),
      (f'btfuse_hook_objects{{{MOUNT}}}', 'eBPF objects loaded')], 12),
]


def panel(number, place, title, unit, kind, queries):
    source = {'type': 'prometheus', 'uid': '${source}'}
    return {
        'id': number, 'title': title, 'type': kind, 'gridPos': place, 'datasource': source,
        'fieldConfig': {'defaults': {'unit': unit, 'min': 0}, 'overrides': []},
        'targets': [{'refId': chr(ord('A') + i), 'expr': query, 'legendFormat': legend, 'datasource': source}
                    for i, (query, legend) in enumerate(queries)],
    }


def dashboard():
    panels, x, y, row = [], 0, 0, 0
    for number, (title, unit, kind, queries, width) in enumerate(PANELS, 1):
        height = 4 if kind == 'stat' else 8
        if x + width > 24:
            x, y = 0, y + row
        row = height
        panels.append(panel(number, {'x': x, 'y': y, 'w': width, 'h': height}, title, unit, kind, queries))
        x += width
    return {
        'uid': 'btfuse', 'title': 'bt_fuse', 'tags': ['btfuse'], 'schemaVersion': 38, 'version': 1,
        'editable': True, 'refresh': '10s', 'time': {'from': 'now-1h', 'to': 'now'},
        'templating': {'list': [
            {'name': 'source', 'label': 'Prometheus', 'type': 'datasource', 'query': 'prometheus'},
            {'name': 'mount', 'type': 'query', 'datasource': {'type': 'prometheus', 'uid': '${source}'},
             'query': {'query': 'label_values(btfuse_serving, mount)', 'refId': 'mount'},
             'includeAll': True, 'multi': True, 'refresh': 2},
        ]},
        'panels': panels,
    }


def expressions(board):
    for item in board['panels']:
        for target in item['targets']:
            yield item['title'], target['expr']


def known_names(metrics):
    """Metric names of a scrape; a histogram's family stands for its three series."""
    names = set()
    for name, kind in re.findall(r'^# TYPE (\S+) (\S+)$', metrics, re.M):
        names |= {name + end for end in ('_bucket', '_sum', '_count')} if kind == 'histogram' else {name}
    return names


def known_values(doc):
    """Of the labels way, operation and event, as docs/metrics.md has them; of side."""
    rows = lambda head: re.findall(r'^\| ([^|]+?) \|', doc.split(head)[1].split('\n## ')[0], re.M)
    ways = [way.replace('passed, ', 'passed_') for way in rows('## How a call was served')]
    return {'way': set(ways), 'operation': set(rows('## Operations')), 'event': set(rows('## Events')),
            'side': {'in_process', 'kernel'}}


def check(metrics, doc):
    names, values = known_names(metrics), known_values(doc)
    board = json.loads((HERE / 'btfuse.json').read_text())
    problems = [] if board == dashboard() else ['btfuse.json is not what make.py writes']
    seen = 0
    for title, query in expressions(board):
        for name in re.findall(r'\bbtfuse_\w+', query):
            seen += 1
            if name not in names:
                problems.append(f'{title}: there is no metric {name}')
        for label, pattern in re.findall(r'(\w+)[=!]~?"([^"]*)"', query):
            if label == 'mount':
                continue
            for value in pattern.split('|'):
                if value not in values.get(label, ()):
                    problems.append(f'{title}: {label} is never {value}')
    if not seen:
        problems.append('no metric is named at all')
    return problems


if len(sys.argv) == 4 and sys.argv[1] == '--check':
    found = check(pathlib.Path(sys.argv[2]).read_text(), pathlib.Path(sys.argv[3]).read_text())
    print('\n'.join(found) or 'every metric of the dashboard exists')
    sys.exit(1 if found else 0)
print(json.dumps(dashboard(), indent=1))
