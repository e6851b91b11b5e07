// What the two bridges share: requests come as JSON lines on standard input, answers leave as JSON lines on standard
// output. JSON has no bytes, dates, big numbers, maps and sets; they travel as {"$bytes": base64} and so on.

import readline from 'node:readline';

export function pack(value) {
	if (value === undefined) return null;
	if (typeof value === 'bigint') return Number(value);
	if (value === null || typeof value !== 'object') return value;
	if (Buffer.isBuffer(value)) return { $bytes: value.toString('base64') };
	if (value instanceof Date) return { $date: value.toISOString() };
	if (value instanceof Set) return [...value].map(pack);
	if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, pack(v)]));
	if (Array.isArray(value)) return value.map(pack);
	return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, pack(v)]));
}

export function unpack(value) {
	if (value === null || typeof value !== 'object') return value;
	if (Array.isArray(value)) return value.map(unpack);
	if ('$bytes' in value) return Buffer.from(value.$bytes, 'base64');
	if ('$date' in value) return new Date(value.$date);
	if ('$big' in value) return BigInt(value.$big);
	return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, unpack(v)]));
}

export function say(message) {
	process.stdout.write(JSON.stringify(pack(message)) + '\n');
}

// Answers each request {id, ...} with {id, result} or {id, error}; requests run side by side. Ends with its input.
export function serve(handle, end) {
	const lines = readline.createInterface({ input: process.stdin });
	lines.on('line', line => {
		const request = JSON.parse(line);
		Promise.resolve()
			.then(() => handle(unpack(request)))
			.then(result => say({ id: request.id, result }))
			.catch(error => {
				const { message, code, responseStatus, responseText, serverResponseCode, authenticationFailed } = error;
				say({
					id: request.id,
					error: { message: String(message ?? error), code, responseStatus, responseText, serverResponseCode,
						authenticationFailed }
				});
			});
	});
	lines.on('close', () => {
		end();
		process.exit(0);
	});
	process.on('unhandledRejection', error => say({ event: 'unhandled', data: String(error?.stack ?? error) }));
}
