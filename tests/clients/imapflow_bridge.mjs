// Connections of imapflow, driven from Python (bridge.py). A request is {id, conn, call, args}; `call` is a method of
// ImapFlow or one of the words below.

import { webcrypto } from 'node:crypto';
import { ImapFlow } from 'imapflow';
import { serve, say } from './wire.mjs';

// Node 18, Debian's, does not have it by itself.
globalThis.crypto ??= webcrypto;

const EVENTS = ['exists', 'expunge', 'flags', 'highestModseq', 'mailboxOpen', 'mailboxClose', 'alert', 'close'];
const conns = new Map();

async function collect(stream) {
	const chunks = [];
	for await (const chunk of stream) chunks.push(chunk);
	return Buffer.concat(chunks);
}

function open(name, options) {
	const conn = new ImapFlow({ logger: false, ...options });
	for (const event of EVENTS) conn.on(event, data => say({ event, conn: name, data }));
	// Without a listener an error event would end the process.
	conn.on('error', error => say({ event: 'error', conn: name, data: String(error?.message ?? error) }));
	conns.set(name, conn);
}

async function handle({ conn: name, call, args }) {
	if (call === 'new') return open(name, ...args);
	const conn = conns.get(name);
	switch (call) {
	case 'get':
		return conn[args[0]];
	case 'compressed':
		return Boolean(conn._deflate && conn._inflate);
	case 'fetch': {
		const all = [];
		for await (const message of conn.fetch(...args)) all.push(message);
		return all;
	}
	case 'download': {
		const { meta, content } = await conn.download(...args);
		return content ? { meta, content: await collect(content) } : null;
	}
	case 'lock': {
		const lock = await conn.getMailboxLock(...args);
		const result = { path: lock.path, open: conn.mailbox.path };
		lock.release();
		return result;
	}
	default:
		return await conn[call](...args);
	}
}

serve(handle, () => conns.forEach(conn => conn.close()));
