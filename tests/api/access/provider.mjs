// A real OpenID provider for the tests. It prints its address, then does what each line of its standard input says:
// rotate (a further key signs from now on), away and back (of the keys only).
// GET /count says how often its keys were requested.
import http from 'node:http';
import readline from 'node:readline';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(`${process.argv[2]}/`));
const { OAuth2Server } = await import(pathToFileURL(require.resolve('oauth2-mock-server')));

const provider = new OAuth2Server();
let kid = 1;
await provider.issuer.keys.generate('RS256', { kid: `key-${kid}` });
let count = 0;
let tokens = 0;
let away = false;

const server = http.createServer((request, response) => {
  if (request.url === '/count') return response.end(String(count));
  if (request.url === '/jwks') {
    count += 1;
    if (away) return response.destroy();
  }
  return provider.service.requestHandler(request, response);
});
provider.service.on('beforeTokenSigning', (token, request) => {
  const { tenant, sub } = request.body;
  tokens += 1;
  Object.assign(token.payload, { tenant, sub, jti: String(tokens) });
});

server.listen(0, '127.0.0.1', () => {
  provider.issuer.url = `http://127.0.0.1:${server.address().port}`;
  console.log(provider.issuer.url);
});
for await (const line of readline.createInterface({ input: process.stdin })) {
  if (line === 'away') away = true;
  if (line === 'back') away = false;
  if (line === 'rotate') {
    kid += 1;
    await provider.issuer.keys.generate('RS256', { kid: `key-${kid}` });
  }
  console.log('done');
}
process.exit();
