// A push service for tests: HTTP/2 over TLS. It shares no code with coid: http_ece decrypts, jsonwebtoken checks VAPID.
//
//   node pushd.js CERT KEY [--http1]
//
// prints "port N" and listens on 127.0.0.1. A subscription is a path: POST /p/<name>. Behaviour of a path is set by
// PUT /control/<name> with JSON {status, retryAfter, mode, times, count}; GET /control/<name> gives what has arrived there; with
// `count` pushes are neither decrypted nor kept, but counted.
// PUT /keys/<name> makes the receiver's keys and returns {p256dh, auth}.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http2 = require('http2');
const https = require('https');
const ece = require('http_ece');
const jwt = require('jsonwebtoken');

const [cert, key, option] = process.argv.slice(2);
const DAY = 24 * 3600;
const subscriptions = new Map();
let connections = 0;

function subscription(name) {
  if (!subscriptions.has(name)) {
    subscriptions.set(name, { received: [], rules: [], hanging: 0, counted: 0 });
  }
  return subscriptions.get(name);
}

function makeKeys(sub) {
  sub.ecdh = crypto.createECDH('prime256v1');
  sub.ecdh.generateKeys();
  sub.auth = crypto.randomBytes(16);
  return { p256dh: sub.ecdh.getPublicKey('base64url'), auth: sub.auth.toString('base64url') };
}

// RFC 8292: the token, its audience and times, and the key it was signed with.
function checkVapid(header, origin) {
  const match = /^vapid t=([^,\s]+), ?k=([A-Za-z0-9_-]+)$/.exec(header || '');
  if (!match) {
    throw new Error('no vapid authorization');
  }
  const [, token, k] = match;
  const point = Buffer.from(k, 'base64url');
  if (point.length !== 65 || point[0] !== 4) {
    throw new Error('k is no point');
  }
  const publicKey = crypto.createPublicKey({
    format: 'jwk',
    key: { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') },
  });
  const claims = jwt.verify(token, publicKey, { algorithms: ['ES256'], audience: origin });
  const now = Date.now() / 1000;
  if (!(claims.exp > now) || claims.exp > now + DAY) {
    throw new Error('exp is not within a day');
  }
  if (!/^(mailto:.+@.+|https:\/\/.+)$/.test(claims.sub || '')) {
    throw new Error('sub is no contact');
  }
  return { token, k, claims };
}

function checkPush(sub, headers, body, origin) {
  const vapid = checkVapid(headers.authorization, origin);
  if (!/^\d+$/.test(headers.ttl || '')) {
    throw new Error('no TTL');
  }
  if (!['very-low', 'low', 'normal', 'high'].includes(headers.urgency)) {
    throw new Error('no urgency');
  }
  if (headers['content-encoding'] !== 'aes128gcm' || headers['content-type'] !== 'application/octet-stream') {
    throw new Error('wrong content');
  }
  if (body.length > 4096) {
    throw new Error('too long');
  }
  if (body.readUInt32BE(16) !== 4096) {
    throw new Error('wrong record size');
  }
  const plain = ece.decrypt(body, { version: 'aes128gcm', privateKey: sub.ecdh, authSecret: sub.auth.toString('base64url') });
  return { vapid, plain: plain.toString('utf8') };
}

function readBody(stream) {
  return new Promise((resolve) => {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => resolve(Buffer.concat(parts)));
    stream.on('error', () => resolve(Buffer.concat(parts)));
  });
}

function drip(response) {
  const timer = setInterval(() => response.write('.'), 200);
  response.on('close', () => clearInterval(timer));
}

function answer(request, response, sub, rule) {
  const headers = {};
  if (rule.retryAfter !== undefined) {
    headers['retry-after'] = String(rule.retryAfter);
  }
  switch (rule.mode) {
    case 'hang':
      sub.hanging++;
      response.on('close', () => sub.hanging--);
      return;
    case 'close':
      if (request.stream) {
        request.stream.session.destroy();
      } else {
        request.socket.destroy();
      }
      return;
    case 'drip':
      response.writeHead(rule.status || 201, headers);
      drip(response);
      return;
    case 'flood':
      response.writeHead(rule.status || 201, headers);
      response.end(Buffer.alloc(1 << 20, 'x'));
      return;
    case 'redirect':
      response.writeHead(307, { location: rule.location });
      response.end();
      return;
    default:
      response.writeHead(rule.status || sub.ok || 201, headers);
      response.end(rule.body || '');
  }
}

function takeRule(sub) {
  while (sub.rules.length > 0) {
    const rule = sub.rules[0];
    if (rule.times === undefined) {
      return rule;
    }
    if (rule.times-- > 0) {
      return rule;
    }
    sub.rules.shift();
  }
  return {};
}

async function onPush(request, response, name) {
  const sub = subscription(name);
  const body = await readBody(request);
  if (sub.rules.length > 0 && sub.rules[0].count) {
    sub.counted++;
    answer(request, response, sub, sub.rules[0]);
    return;
  }
  // The client may be gone already.
  const connection = (request.stream ? request.stream.session?.socket : request.socket)?.coidNumber;
  const host = request.headers[':authority'] || request.headers.host;
  const entry = {
    time: Date.now() / 1000, http: request.httpVersion, method: request.method, size: body.length, connection,
    headers: Object.fromEntries(Object.entries(request.headers).filter(([k]) => !k.startsWith(':'))),
  };
  if (name.startsWith('token')) {
    sub.ok = 200; // what a notifier of device tokens says
    entry.body = body.toString('utf8');
  } else {
    try {
      Object.assign(entry, checkPush(sub, request.headers, body, `https://${host}`));
    } catch (error) {
      entry.error = String(error.message);
    }
  }
  const rule = entry.error ? { status: 400 } : takeRule(sub);
  entry.answer = rule.mode || rule.status || 201;
  sub.received.push(entry);
  answer(request, response, sub, rule);
}

async function onRequest(request, response) {
  const [, kind, name] = request.url.split('/');
  const sub = subscription(name || '');
  if (kind === 'p') {
    await onPush(request, response, name);
    return;
  }
  let result = null;
  if (kind === 'keys') {
    result = makeKeys(sub);
  } else if (kind === 'control' && request.method === 'GET') {
    result = { received: sub.received, hanging: sub.hanging, counted: sub.counted, connections };
  } else if (kind === 'control') {
    sub.rules = JSON.parse((await readBody(request)).toString() || '[]');
    result = {};
  }
  response.writeHead(result ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(result));
}

const tls = { cert: fs.readFileSync(cert), key: fs.readFileSync(key), allowHTTP1: true };
const server = option === '--http1' ? https.createServer(tls, onRequest) : http2.createSecureServer(tls, onRequest);
server.on('secureConnection', (socket) => {
  socket.coidNumber = ++connections;
});
server.on('sessionError', () => {});
server.on('tlsClientError', () => {});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
