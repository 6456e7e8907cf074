#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Opens the dashboard in headless Chromium and asks the page what it shows: browser.py URL SCREENSHOT [cache]

Drives chromedriver by its HTTP interface. Passes when the figures of a live mount change from one look to the next, in
a light and in a dark scheme, on a desktop's and on a phone's width, and no error is on the page's console. With `cache`
the mount is a directory's: its hit ratio and budget must be there and be drawn; without, they must be hidden."""
import base64
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync']


class Browser:
    def __init__(self, profile):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen(['chromedriver', f'--port={port}'], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.base = f'http://127.0.0.1:{port}'
        for _ in range(100):
            try:
                self.call('GET', '/status')
                break
            except OSError:
                time.sleep(0.1)
        options = {'args': FLAGS + [f'--user-data-dir={profile}'], 'binary': '/usr/bin/chromium'}
        session = self.call('POST', '/session', {'capabilities': {'alwaysMatch': {
            'goog:chromeOptions': options, 'goog:loggingPrefs': {'browser': 'ALL'}}}})
        self.base += '/session/' + session['sessionId']

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method,
                                         headers={'Content-Type': 'application/json'})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)['value']

    def text(self, name):
        return self.call('POST', '/execute/sync', {
            'script': f'return document.getElementById("{name}").textContent', 'args': []})

    def devtools(self, command, params):
        return self.call('POST', '/goog/cdp/execute', {'cmd': command, 'params': params})

    def screenshot(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.call('GET', '/screenshot')))

    def close(self):
        try:
            self.call('DELETE', '')
        finally:
            self.driver.kill()
            self.driver.wait()


def wait_for(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.25)
    raise AssertionError(what)


def examine_cache(browser, expected):
    def ask(script):
        return browser.call('POST', '/execute/sync', {'script': 'return ' + script, 'args': []})
    shown = [not ask(f'document.getElementById("{name}").hidden') for name in ('cache', 'ratio-figure', 'budget-figure')]
    assert shown == [expected] * 3, f'parts about the cache are shown: {shown}'
    if not expected:
        return
    wait_for('no hit ratio is shown', lambda: browser.text('ratio').endswith('%'))
    assert browser.text('budget') != '–'
    # Lines have a colour of their own; axes and grid are grey.
    for name in ('hits', 'occupancy'):
        wait_for(f'nothing is drawn in {name}', lambda name=name: ask(
            f"""[...document.querySelectorAll('#{name} canvas')].some(canvas => {{
              const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
              for (let i = 0; i < pixels.length; i += 4)
                if (pixels[i + 3] > 128 && Math.max(pixels[i], pixels[i + 1], pixels[i + 2]) -
                    Math.min(pixels[i], pixels[i + 1], pixels[i + 2]) > 60) return true;
              return false;
            }})"""))


def examine(browser, url, screenshot, cache):
    browser.call('POST', '/url', {'url': url})
    wait_for('the page never said it is serving', lambda: browser.text('state') == 'serving')
    wait_for('no rate is shown', lambda: browser.text('rate') not in ('–', '0'))
    first = browser.text('rate')
    wait_for('the rate never changes', lambda: browser.text('rate') != first)
    wait_for('no session is shown', lambda: 'none' not in browser.text('sessions'))
    for name in ('share', 'p50', 'files', 'memory'):
        assert browser.text(name) != '–', name
    time.sleep(8)  # some history for the picture
    examine_cache(browser, cache)
    for scheme in ('light', 'dark'):
        browser.devtools('Emulation.setEmulatedMedia',
                         {'features': [{'name': 'prefers-color-scheme', 'value': scheme}]})
        browser.devtools('Emulation.setDeviceMetricsOverride',
                         {'width': 1280, 'height': 1000, 'deviceScaleFactor': 1, 'mobile': False})
        time.sleep(1.2)
        browser.screenshot(f'{screenshot}-{scheme}.png')
    browser.devtools('Emulation.setDeviceMetricsOverride',
                     {'width': 390, 'height': 844, 'deviceScaleFactor': 1, 'mobile': True})
    time.sleep(1.2)
    browser.screenshot(f'{screenshot}-phone.png')
    wide = browser.call('POST', '/execute/sync', {
        'script': 'return document.documentElement.scrollWidth', 'args': []})
    assert wide <= 390, f'the page is {wide} wide on a phone of 390'
    errors = [entry for entry in browser.call('POST', '/se/log', {'type': 'browser'})
              if entry['level'] == 'SEVERE' and 'favicon' not in entry['message']]
    assert not errors, errors


def main():
    url, screenshot = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(profile)
        try:
            examine(browser, url, screenshot, 'cache' in sys.argv[3:])
        finally:
            browser.close()


main()
