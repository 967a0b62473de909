// @jmondi/oauth2-server under node's own http module: signed tokens, kept in memory, client_credentials and introspection.
// Arguments: port, folder to write introspection requests to (`introspection.bodies`, one body a line).
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { AuthorizationServer, DateInterval, OAuthRequest } from '@jmondi/oauth2-server';

const [port, folder] = process.argv.slice(2);
const bodies = `${folder}/introspection.bodies`;
const credentials = { client_id: 'bench', client_secret: '0123456789abcdef0123456789abcdef' };
const client = {
  id: credentials.client_id,
  name: 'bench',
  secret: credentials.client_secret,
  redirectUris: [],
  allowedGrants: ['client_credentials'],
  scopes: [],
};

// As oidc-provider's adapter, the thousand newest, besides those that are asked for.
const newest = new Map();
const asked = new Map();
const tokens = {
  async issueToken(owner, scopes, user) {
    return {
      accessToken: randomBytes(24).toString('base64url'),
      accessTokenExpiresAt: new Date(),
      client: owner,
      scopes,
      user,
    };
  },
  async persist(token) {
    newest.set(token.accessToken, token);
    if (newest.size > 1000) newest.delete(newest.keys().next().value);
  },
  async getByAccessToken(id) {
    return newest.get(id) ?? asked.get(id);
  },
};
const clients = {
  async getByIdentifier() {
    return client;
  },
  async isClientValid(_grantType, known, secret) {
    return known.secret === secret;
  },
};
const scopes = {
  async getAllByIdentifiers() {
    return [];
  },
  async finalize(given) {
    return given;
  },
};

const server = new AuthorizationServer(clients, tokens, scopes, randomBytes(32).toString('hex'), {
  issuer: `http://127.0.0.1:${port}`,
});
server.enableGrantType('client_credentials', new DateInterval('2h'));

const verbs = {
  '/token': (request) => server.respondToAccessTokenRequest(request),
  '/introspect': (request) => server.introspect(request),
};

function read(message) {
  return new Promise((resolve, reject) => {
    let text = '';
    message.setEncoding('utf8');
    message.on('data', (part) => {
      text += part;
    });
    message.on('end', () => resolve(Object.fromEntries(new URLSearchParams(text))));
    message.on('error', reject);
  });
}

async function answer(path, body) {
  try {
    return await verbs[path](new OAuthRequest({ body, headers: {}, query: {} }));
  } catch (error) {
    return { status: error.status ?? 500, headers: {}, body: { error: error.errorType ?? 'server_error' } };
  }
}

const lines = [];
for (let number = 0; number < 100; number += 1) {
  const issued = await answer('/token', { ...credentials, grant_type: 'client_credentials' });
  lines.push(`${new URLSearchParams({ ...credentials, token: issued.body.access_token })}\n`);
}
for (const [id, token] of newest) asked.set(id, token);
writeFileSync(bodies, lines.join(''));

createServer(async (message, reply) => {
  const found = message.method === 'POST' && message.url in verbs;
  const { status, headers, body } = found
    ? await answer(message.url, await read(message))
    : { status: 404, headers: {}, body: {} };
  const text = JSON.stringify(body);
  reply.writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  reply.end(text);
}).listen(Number(port), '127.0.0.1');
