// What a service does with Redis, by two client libraries; run by clients_test.py.
//
//   node clients.js ioredis PORT
//   node clients.js redis PORT 2|3
'use strict';
const assert = require('node:assert');

async function withIoredis(port) {
  const {Redis} = require('ioredis');
  const client = new Redis({port, host: '127.0.0.1', connectionName: 'me', maxRetriesPerRequest: 0});
  assert.strictEqual(await client.client('GETNAME'), 'me');
  assert.strictEqual(await client.set('k', 'v', 'PX', 60000), 'OK');
  assert.strictEqual(await client.get('k'), 'v');
  assert.strictEqual(await client.set('k', 'w', 'NX'), null);
  assert.strictEqual(await client.set('k', 'w', 'GET'), 'v');
  await client.set('bytes', Buffer.from([0, 255, 13, 10]));
  assert.deepStrictEqual(await client.getBuffer('bytes'), Buffer.from([0, 255, 13, 10]));
  await client.mset({a: '1', b: '2'});
  assert.deepStrictEqual(await client.mget('a', 'none', 'b'), ['1', null, '2']);
  const counts = await Promise.all(Array.from({length: 500}, () => client.incr('n')));
  assert.deepStrictEqual(counts, Array.from({length: 500}, (_, i) => i + 1));
  const pipeline = client.pipeline();
  for (let i = 0; i < 1000; ++i) pipeline.set(`p:${i}`, i).get(`p:${i}`);
  const replies = await pipeline.exec();
  assert.deepStrictEqual(replies.filter((_, i) => i % 2).map(([, value]) => value),
                         Array.from({length: 1000}, (_, i) => String(i)));
  const found = new Set();
  for await (const page of client.scanStream({match: 'p:*', count: 100})) {
    page.forEach((key) => found.add(key));
  }
  assert.strictEqual(found.size, 1000);
  await assert.rejects(client.incr('k'), /ERR value is not an integer or out of range/);
  await client.set('upload:1', 'x');
  await assert.rejects(client.set('upload:1', 'x'), /THROTTLED retry_after_ms=\d+ policy=uploads/);
  assert.strictEqual(await client.del('k', 'none'), 1);
  assert.strictEqual(await client.quit(), 'OK');
}

async function withNodeRedis(port, RESP) {
  const {createClient} = require('redis');
  const client = createClient({
    RESP, name: 'me', socket: {port, host: '127.0.0.1', reconnectStrategy: false}});
  client.on('error', (error) => { throw error; });
  await client.connect();
  assert.strictEqual(await client.clientGetName(), 'me');
  assert.strictEqual(await client.set('k', 'v', {expiration: {type: 'PX', value: 60000}}), 'OK');
  assert.strictEqual(await client.get('k'), 'v');
  assert.strictEqual(await client.set('k', 'w', {condition: 'NX'}), null);
  assert.strictEqual(await client.set('k', 'w', {GET: true}), 'v');
  await client.mSet({a: '1', b: '2'});
  assert.deepStrictEqual(await client.mGet(['a', 'none', 'b']), ['1', null, '2']);
  const counts = await Promise.all(Array.from({length: 500}, () => client.incr('n')));
  assert.deepStrictEqual(counts, Array.from({length: 500}, (_, i) => i + 1));
  const pairs = Array.from({length: 1000}, (_, i) => [client.set(`p:${i}`, `${i}`),
                                                      client.get(`p:${i}`)]);
  const replies = await Promise.all(pairs.flat());
  assert.deepStrictEqual(replies.filter((_, i) => i % 2),
                         Array.from({length: 1000}, (_, i) => String(i)));
  const found = new Set();
  for await (const page of client.scanIterator({MATCH: 'p:*', COUNT: 100})) {
    page.forEach((key) => found.add(key));
  }
  assert.strictEqual(found.size, 1000);
  assert.strictEqual(await client.configGet('maxclients').then((all) => all.maxclients), '10000');
  await assert.rejects(client.incr('k'), /ERR value is not an integer or out of range/);
  await client.set('upload:1', 'x');
  await assert.rejects(client.set('upload:1', 'x'), /THROTTLED retry_after_ms=\d+ policy=uploads/);
  assert.strictEqual(await client.del(['k', 'none']), 1);
  await client.close();
}

const [library, port, protocol] = process.argv.slice(2);
const run = library === 'ioredis' ? withIoredis(Number(port))
                                  : withNodeRedis(Number(port), Number(protocol));
run.catch((error) => {
  console.error(error);
  process.exit(1);
});
