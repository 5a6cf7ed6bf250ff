// What a service does with several nodes, by two client libraries; run by nodes_test.py. Each is
// given one node, finds the others, and reaches every key.
//
//   node cluster_clients.js ioredis PORT
//   node cluster_clients.js redis PORT 2|3
'use strict';
const assert = require('node:assert');

const KEYS = Array.from({length: 300}, (_, i) => `user:${i}`);

async function withIoredis(port) {
  const {Cluster} = require('ioredis');
  const cluster = new Cluster([{port, host: '127.0.0.1'}]);
  await Promise.all(KEYS.map((key) => cluster.set(key, `v of ${key}`)));
  assert.deepStrictEqual(await Promise.all(KEYS.map((key) => cluster.get(key))),
                         KEYS.map((key) => `v of ${key}`));
  const masters = cluster.nodes('master');
  assert.strictEqual(masters.length, 3);
  const counts = await Promise.all(masters.map((node) => node.dbsize()));
  assert.strictEqual(counts.reduce((sum, count) => sum + count), KEYS.length);
  assert.ok(counts.every((count) => count > 0));
  const pipeline = cluster.pipeline();
  for (let i = 0; i < 100; ++i) pipeline.incr('{same}n');
  assert.strictEqual((await pipeline.exec())[99][1], 100);
  assert.deepStrictEqual(await cluster.multi().set('{same}a', '1').get('{same}a').exec(),
                         [[null, 'OK'], [null, '1']]);
  await assert.rejects(cluster.mget('user:1', 'user:2'), /CROSSSLOT/);
  await cluster.quit();
}

async function withNodeRedis(port, RESP) {
  const {createCluster} = require('redis');
  const cluster = createCluster({RESP, rootNodes: [{url: `redis://127.0.0.1:${port}`}]});
  cluster.on('error', (error) => { throw error; });
  await cluster.connect();
  await Promise.all(KEYS.map((key) => cluster.set(key, `v of ${key}`)));
  assert.deepStrictEqual(await Promise.all(KEYS.map((key) => cluster.get(key))),
                         KEYS.map((key) => `v of ${key}`));
  assert.strictEqual(cluster.masters.length, 3);
  const counter = `{same}n${RESP}`;
  await Promise.all(Array.from({length: 100}, () => cluster.incr(counter)));
  assert.strictEqual(await cluster.get(counter), '100');
  assert.deepStrictEqual(await cluster.mGet([counter, '{same}none']), ['100', null]);
  assert.deepStrictEqual(await cluster.multi().set('{same}a', '1').get('{same}a').exec(),
                         ['OK', '1']);
  await cluster.close();
}

async function main([library, port, protocol]) {
  if (library === 'ioredis') return withIoredis(Number(port));
  return withNodeRedis(Number(port), Number(protocol));
}

main(process.argv.slice(2)).then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
