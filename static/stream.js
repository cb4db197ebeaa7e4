// The live stream: server-sent events over fetch. EventSource hides three things that this client needs: status
// codes, the ids of blocks without data, and its retries.

import { authorized, base, credential, pause, signIn } from './api.js';

const SILENCE_MS = 40000; // the service sends a heartbeat every 15 s
const DOUBT_MS = 20000; // for example after a laptop slept
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 4000;

// Follows the stream until `signal` aborts. If the position of `start` is null, only new events arrive.
// Returns a function to call when the network changes. It ends the current wait, and drops a connection in doubt.
export function follow(start, handlers, signal) {
  let waiting = new AbortController();
  let reading = new AbortController();
  let receivedAt = 0;
  run();
  return (inDoubt) => {
    waiting.abort();
    if (inDoubt || Date.now() - receivedAt > DOUBT_MS) reading.abort();
  };

  async function run() {
    let { position, eventId } = start;
    let failures = 0;
    while (!signal.aborted) {
      reading = new AbortController();
      receivedAt = Date.now();
      const either = AbortSignal.any([reading.signal, signal]);
      try {
        if (position !== null && failures > 0 && !(await isStillKnown(position, eventId, either))) throw new Retired();
        const resumed = position !== null;
        await readBlocks(position, either, (block) => {
          receivedAt = Date.now();
          if (block.id !== undefined) position = block.id;
          if (failures >= 0) {
            handlers.opened({ position, resumed });
            failures = -1;
          }
          if (block.data === undefined) return;
          const event = JSON.parse(block.data);
          eventId = event.id;
          handlers.event(event, position);
        });
      } catch (error) {
        if (error instanceof SignedOut) await signIn(error.sent);
        if (error instanceof Retired) {
          position = null;
          eventId = undefined;
          handlers.retired();
        }
      }
      if (signal.aborted) return;
      failures = Math.max(failures, 0) + 1;
      handlers.lost(failures);
      waiting = new AbortController();
      const wait = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
      await pause(wait * (0.75 + Math.random() / 2), AbortSignal.any([waiting.signal, signal])).catch(() => {});
    }
  }
}

class Retired extends Error {}

class SignedOut extends Error {
  constructor(sent) {
    super('The credential is not accepted.');
    this.sent = sent;
  }
}

// A service can lose its event log: it ran in memory, or it was restored from a backup. Positions then start again,
// and the service would send nothing until it reaches our position. So this asks for the last event that we received.
async function isStillKnown(position, eventId, signal) {
  if (Number(position) < 1) return true;
  const sent = credential();
  const response = await fetch(`${base}/events?after=${Number(position) - 1}&limit=1`, { signal, cache: 'no-store', headers: authorized({}) });
  if (response.status === 401) throw new SignedOut(sent);
  if (response.status === 410) return false;
  if (!response.ok) throw new Error(`The feed returned ${response.status}.`);
  const [event] = await response.json();
  return event !== undefined && (eventId === undefined || event.id === eventId);
}

async function readBlocks(position, signal, onBlock) {
  const silent = new AbortController();
  const all = AbortSignal.any([signal, silent.signal]);
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  try {
    const query = position === null ? '' : `?after=${position}`;
    const sent = credential();
    const response = await fetch(`${base}/events/stream${query}`, { signal: all, cache: 'no-store', headers: authorized({ Accept: 'text/event-stream' }) });
    if (response.status === 401) throw new SignedOut(sent);
    if (response.status === 410) throw new Retired();
    if (!response.ok) throw new Error(`The stream returned ${response.status}.`);
    const feed = parser(onBlock);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
      feed(part.value);
    }
  } finally {
    clearTimeout(timer);
  }
}

// Takes text in pieces and calls `onBlock` for each block: {id?, type?, data?}. A block may have only an id.
export function parser(onBlock) {
  let buffer = '';
  let block = {};
  return (text) => {
    buffer += text;
    // A carriage return at the end may be the first half of CRLF.
    const lines = buffer.split(/\r\n|\n|\r(?!$)/);
    buffer = lines.pop();
    for (const line of lines) parseLine(line);
  };

  function parseLine(line) {
    if (line === '') {
      if (Object.keys(block).length > 0) onBlock(block);
      block = {};
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'id') block.id = value;
    else if (name === 'event') block.type = value;
    else if (name === 'data') block.data = block.data === undefined ? value : `${block.data}\n${value}`;
  }
}
