// Delta Chat's core, driven from Python (bridge.py): a request is {id, call, args}, `call` a method of its RPC client.
// Arguments: the folder of its accounts.

import { startDeltaChat } from '@deltachat/stdio-rpc-server';
import { serve, say } from './wire.mjs';

const core = startDeltaChat(process.argv[2], {});
core.on('ALL', (account, data) => say({ event: data.kind, conn: account, data }));
serve(({ call, args }) => core.rpc[call](...args), () => core.close());
