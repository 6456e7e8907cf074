# SPDX-License-Identifier: MIT
# needs: node
cat > all.js <<'J'
const fs = require('fs'), path = require('path'), cp = require('child_process'), os = require('os'), { Worker, isMainThread, workerData } = require('worker_threads'), stream = require('stream/promises'), zlib = require('zlib');
if (!isMainThread) { for (let i = 0; i < 50; i++) { fs.appendFileSync('workers', workerData + '\n'); fs.writeFileSync(`w${workerData}`, 'x'.repeat(i * 100)); } process.exit(0); }
(async () => {
  const p = fs.promises;
  await p.mkdir('a/b/c', { recursive: true }); await p.writeFile('a/f', 'hello'); await p.appendFile('a/f', ' world'); console.log((await p.readFile('a/f', 'utf8')), (await p.stat('a/f')).size);
  await p.rename('a/f', 'a/b/g'); await p.copyFile('a/b/g', 'a/h'); await p.symlink('h', 'a/s'); console.log(await p.readlink('a/s'), await p.realpath('a/s') === await p.realpath('a/h'), (await p.readdir('a', { withFileTypes: true })).map(e => e.name + (e.isDirectory() ? '/' : e.isSymbolicLink() ? '@' : '')).sort());
  await stream.pipeline(fs.createReadStream('/usr/include/linux/fs.h'), zlib.createGzip(), fs.createWriteStream('z.gz')); await stream.pipeline(fs.createReadStream('z.gz'), zlib.createGunzip(), fs.createWriteStream('z')); console.log(fs.readFileSync('z').equals(fs.readFileSync('/usr/include/linux/fs.h')));
  await Promise.all(Array.from({ length: 200 }, (_, i) => p.writeFile(`many${i}`, String(i)))); console.log((await Promise.all(Array.from({ length: 200 }, (_, i) => p.readFile(`many${i}`, 'utf8')))).reduce((a, b) => a + +b, 0)); await Promise.all(Array.from({ length: 200 }, (_, i) => p.unlink(`many${i}`)));
  await Promise.all([1, 2, 3].map(i => new Promise(r => new Worker(__filename, { workerData: i }).on('exit', r)))); console.log(fs.readFileSync('workers', 'utf8').split('\n').length);
  console.log(cp.execSync('cat a/h; pwd', { encoding: 'utf8' }).split('\n')[0], cp.spawnSync('sh', ['-c', 'echo x >&3'], { stdio: ['ignore', 'pipe', 'pipe', fs.openSync('three', 'w')] }).status, fs.readFileSync('three', 'utf8'));
  const h = await p.open('handle', 'w+'); await h.write(Buffer.from('0123456789'), 0, 10, 5); console.log((await h.read(Buffer.alloc(4), 0, 4, 6)).buffer.toString(), (await h.stat()).size); await h.truncate(7); await h.datasync(); await h.utimes(1, 2); console.log((await h.stat()).mtimeMs); await h.close();
  for (const [name, call] of Object.entries({ open: () => fs.openSync('no/such'), rmdir: () => fs.rmdirSync('a'), mkdir: () => fs.mkdirSync('a'), readdir: () => fs.readdirSync('z'), rename: () => fs.renameSync('nope', 'x'), excl: () => fs.writeFileSync('z', '', { flag: 'wx' }) })) try { call(); } catch (e) { console.log(name, e.code); }
  const child = cp.fork(path.join(__dirname, 'child.js')); child.send('ping'); console.log(await new Promise(r => child.on('message', r))); await new Promise(r => child.on('exit', r));
  await p.unlink('a/s'); await p.cp('a', 'copy', { recursive: true }); await p.rm('a', { recursive: true }); console.log(fs.existsSync('a'), fs.readdirSync('copy').sort()); const dir = await p.mkdtemp('tmp-'); await p.rm(dir, { recursive: true }); fs.accessSync('z', fs.constants.R_OK); fs.unlinkSync('z.gz'); fs.unlinkSync('workers');
  const d = await p.opendir('copy'); let n = 0; for await (const e of d) n++; console.log(n);
})();
J
echo 'process.on("message", m => { require("fs").writeFileSync("by-child", m); process.send("pong " + require("fs").readFileSync("by-child")); process.disconnect(); });' > child.js
node all.js; echo "node: $?"
