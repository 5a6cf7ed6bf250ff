// Client-side caching of node-redis, as a service uses it; run by client_cache_test.py.
//
//   node client_cache.js PORT
'use strict';
const assert = require('node:assert');
const {createClient, BasicClientSideCache} = require('redis');

const KEYS = 20;
const WRITES = 3000;
const READERS = 3;
const PATIENCE_MS = 30000;

async function connect(port, options = {}) {
  const client = createClient({
    RESP: 3, socket: {port, host: '127.0.0.1', reconnectStrategy: false}, ...options});
  client.on('error', (error) => { throw error; });
  await client.connect();
  return client;
}

// A message is sent before the writer is answered; it may still be on its way when that is.
async function until(what, holds) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!await holds()) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((done) => setTimeout(done, 1));
  }
}

async function readsItsOwnMemory(port) {
  const cache = new BasicClientSideCache({ttl: 0, maxEntries: 0, evictPolicy: 'LRU'});
  const reader = await connect(port, {clientSideCache: cache});
  const writer = await connect(port);
  await writer.set('k', '1');
  for (let i = 0; i < 10; ++i) assert.strictEqual(await reader.get('k'), '1');
  assert.strictEqual(cache.stats().hitCount, 9);
  await writer.set('k', '2');
  await until('a change is told', async () => await reader.get('k') === '2');
  await writer.del('k');
  await until('a removal is told', async () => await reader.get('k') === null);
  await writer.set('k', '3', {expiration: {type: 'PX', value: 300}});
  await until('a key that was absent is told of', async () => await reader.get('k') === '3');
  await until('an expiry is told', async () => {
    await writer.ping();
    return await reader.get('k') === null;
  });
  await writer.set('k', '4');
  await until('a key that had expired is told of', async () => await reader.get('k') === '4');
  await writer.flushAll();
  await until('FLUSHALL is told', async () => await reader.get('k') === null);
  await Promise.all([reader.close(), writer.close()]);
}

// Several clients read while two write; when all is said, nobody keeps what has been overwritten.
async function neverKeepsWhatWasOverwritten(port) {
  const caches = [];
  const readers = [];
  for (let i = 0; i < READERS; ++i) {
    caches.push(new BasicClientSideCache({ttl: 0, maxEntries: 0, evictPolicy: 'LRU'}));
    readers.push(await connect(port, {clientSideCache: caches[i]}));
  }
  const writers = [await connect(port), await connect(port)];
  let writing = writers.length;
  const write = async (writer, first) => {
    for (let i = 0; i < WRITES; ++i) await writer.set(`n:${first + 2 * (i % (KEYS / 2))}`, `${i}`);
    --writing;
  };
  const read = async (reader) => {
    for (let i = 0; writing > 0; i = (i + 7) % KEYS) {
      await Promise.all([reader.get(`n:${i}`), reader.mGet([`n:${i}`, `n:${(i + 1) % KEYS}`])]);
      await new Promise(setImmediate);
    }
  };
  await Promise.all([...writers.map(write), ...readers.map(read)]);
  for (let i = 0; i < KEYS; ++i) {
    const value = await writers[0].get(`n:${i}`);
    for (const reader of readers) {
      await until(`n:${i} is current`, async () => await reader.get(`n:${i}`) === value);
    }
  }
  for (const cache of caches) assert.ok(cache.stats().hitCount > 0);
  await Promise.all([...readers, ...writers].map((client) => client.close()));
}

const port = Number(process.argv[2]);
readsItsOwnMemory(port).then(() => neverKeepsWhatWasOverwritten(port)).catch((error) => {
  console.error(error);
  process.exit(1);
});
