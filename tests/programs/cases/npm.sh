# SPDX-License-Identifier: MIT
# needs: node npm
# A tree of local packages: packed, installed with their scripts, run.
export HOME=$PWD/home npm_config_cache=$PWD/cache npm_config_update_notifier=false npm_config_audit=false npm_config_fund=false; mkdir home
for i in 1 2 3; do mkdir -p pkgs/p$i; echo "{\"name\":\"p$i\",\"version\":\"1.0.$i\",\"bin\":{\"p$i\":\"./cli.js\"},\"scripts\":{\"postinstall\":\"echo installed > done\"}}" > pkgs/p$i/package.json; printf '#!/usr/bin/env node\nconsole.log("p%s", require("."));\n' $i > pkgs/p$i/cli.js; chmod 755 pkgs/p$i/cli.js; echo "module.exports = $i" > pkgs/p$i/index.js; done; (cd pkgs && npm pack --silent ./p1)
mkdir app; cd app; echo '{"name":"app","version":"1.0.0","scripts":{"go":"p1 && p2 && echo $npm_package_name > out","test":"node -e \"process.exit(require(\\\"p3\\\") - 3)\""},"dependencies":{"p1":"file:../pkgs/p1-1.0.1.tgz","p2":"file:../pkgs/p2","p3":"file:../pkgs/p3"}}' > package.json
npm install --silent --offline; echo "install: $?"; find node_modules -not -name '.package-lock.json' | LC_ALL=C sort; npm run --silent go; cat out; npm test --silent; echo "test: $?"; node -p 'require("p1") + require("p2")'; cd ..; (cd app; rm -rf node_modules; npm ci --silent --offline; echo "ci: $?"); rm -rf cache home app/node_modules app/package-lock.json pkgs/*.tgz
