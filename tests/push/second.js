// The npm package web-push-testing behind TLS: a second opinion on what coid sends.
//
//   node second.js CERT KEY
//
// prints "port N" and listens on 127.0.0.1; every request goes on to the package's own server.
'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');
const net = require('net');
const path = require('path');
const { spawn } = require('child_process');

const [cert, key] = process.argv.slice(2);
const program = path.join(__dirname, 'node_modules/web-push-testing/src/bin/server.js');

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function main() {
  const port = await freePort();
  const child = spawn(process.execPath, [program, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.stdout.resume();
  const server = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, (request, response) => {
    const onward = http.request({ host: 'localhost', port, method: request.method, path: request.url, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
    request.pipe(onward);
  });
  server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
  process.stdin.on('end', () => {
    child.kill();
    process.exit(0);
  });
  process.stdin.resume();
}

main();
