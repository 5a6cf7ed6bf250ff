// ioredis or node-redis plays the scenarios; see scenario.py for what is read and written.
//
//   node javascript.js ioredis|redis PORT PROTOCOL CA USER PASSWORD
'use strict';
const fs = require('node:fs');
const readline = require('node:readline');

const [library, port, protocol, ca, username, password] = process.argv.slice(2);
const host = 'localhost';
const tls = ca ? {ca: fs.readFileSync(ca)} : undefined;

function token(value) {
  if (value === null || value === undefined) return 'n';
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (typeof value === 'number' || typeof value === 'bigint') return `i${value}`;
  if (value instanceof Error) return 'e' + Buffer.from(value.message).toString('hex');
  if (Array.isArray(value)) return [`[${value.length}`, ...value.map(token)].join(' ');
  return 's' + Buffer.from(value).toString('hex');
}

// Returns {one(words), pipeline(commands), transaction(commands)}. A reply that is an error of the
// server comes as the library's error type; anything else that goes wrong is thrown.
function ioredis() {
  const {Redis, ReplyError} = require('ioredis');
  const client = new Redis({
    host, port: Number(port), protocol: Number(protocol), tls, username: username || undefined,
    password: password || undefined, stringNumbers: true});
  client.on('error', () => {});  // It reconnects.
  const known = (error) => {
    if (error instanceof ReplyError) return error;
    throw error;
  };
  // With stringNumbers an integer comes as its digits, exact beyond 2^53.
  const run = async (batch, commands) => {
    for (const [name, ...words] of commands) batch.callBuffer(name.toString(), ...words);
    const replies = await batch.exec();
    return replies && replies.map(([error, value]) => error ? known(error) : value);
  };
  return {
    one: ([name, ...words]) => client.callBuffer(name.toString(), ...words).catch(known),
    pipeline: (commands) => run(client.pipeline(), commands),
    transaction: (commands) => run(client.multi(), commands).catch(known),
  };
}

async function nodeRedis() {
  const {createClient, ErrorReply, MultiErrorReply, WatchError, RESP_TYPES} = require('redis');
  const client = createClient({
    RESP: Number(protocol), username: username || undefined, password: password || undefined,
    socket: {host, port: Number(port), ...(tls && {tls: true, ...tls})},
    commandOptions: {typeMapping: {[RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String}}});
  client.on('error', () => {});  // It reconnects.
  await client.connect();
  const known = (error) => {
    if (error instanceof MultiErrorReply) return error.replies;
    if (error instanceof WatchError) return null;
    if (error instanceof ErrorReply) return error;
    throw error;
  };
  const one = (words) => client.sendCommand(words).catch(known);
  return {
    one,
    // What is called within one turn of the event loop goes out as a pipeline.
    pipeline: (commands) => Promise.all(commands.map(one)),
    transaction: (commands) =>
      commands.reduce((multi, words) => multi.addCommand(words), client.multi())
          .exec().catch(known),
  };
}

async function main() {
  const client = await (library === 'ioredis' ? ioredis() : nodeRedis());
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [verb, ...texts] = line.split(' ');
    const commands = texts.map((text) => text.split(',').map((word) => Buffer.from(word, 'hex')));
    let answer;
    if (verb === 'transaction') {
      answer = token(await client.transaction(commands));
    } else if (commands.length > 1) {
      answer = (await client.pipeline(commands)).map(token).join(' ');
    } else {
      answer = token(await client.one(commands[0]));
    }
    process.stdout.write(answer + '\n');
  }
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
