// oidc-provider with all that it stores in a map in memory, opaque tokens and id_tokens by ES256.
// Arguments: port, folder to write requests to (`<case>.bodies`, one body a line), number of codes.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import Provider from 'oidc-provider';

const [port, folder, codes] = process.argv.slice(2);
const secret = { client_id: 'bench', client_secret: '0123456789abcdef0123456789abcdef' };
const rs256 = { client_id: 'rs256', client_secret: secret.client_secret };
const open = { client_id: 'public' };
const REDIRECT = 'https://client.example/callback';
const SCOPE = 'openid offline_access';
const DAY = 86400;

// Its own adapter keeps a thousand entries, and would push out what the bench spends. Nothing expires in this one.
const entries = new Map();
class Memory {
  constructor(model) { this.model = model; }

  key(id) { return `${this.model}:${id}`; }

  async upsert(id, payload) { entries.set(this.key(id), payload); }

  async find(id) { return entries.get(this.key(id)); }

  async findByUid() { return undefined; }

  async findByUserCode() { return undefined; }

  async consume(id) { entries.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { entries.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of entries) if (payload.grantId === grantId) entries.delete(key);
  }
}

const key = (type, options, alg) => (
  { ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', alg });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  clients: [
    {
      ...secret,
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      redirect_uris: [REDIRECT],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      ...rs256,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [REDIRECT],
      response_types: ['code'],
      id_token_signed_response_alg: 'RS256',
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      ...open,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [REDIRECT],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'none',
    },
  ],
  cookies: { keys: ['bench'] },
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    userinfo: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => false,
      getResourceServerInfo: () => ({ scope: '', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
    },
  },
  findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  pkce: { required: () => false },
  rotateRefreshToken: (context) => context.oidc.client.clientAuthMethod === 'none',
  ttl: { ClientCredentials: 7200, AuthorizationCode: DAY, AccessToken: DAY, RefreshToken: DAY, Grant: DAY, IdToken: 3600 },
});

const client = await provider.Client.find(secret.client_id);
const slow = await provider.Client.find(rs256.client_id);
const rotating = await provider.Client.find(open.client_id);

async function granted(number, whose = client) {
  const accountId = `user-${number}`;
  const grant = new provider.Grant({ accountId, clientId: whose.clientId });
  grant.addOIDCScope(SCOPE);
  return { accountId, client: whose, scope: SCOPE, grantId: await grant.save(), gty: 'authorization_code' };
}

async function write(name, count, body) {
  const lines = [];
  for (let number = 0; number < count; number += 1) lines.push(`${new URLSearchParams(await body(number))}\n`);
  writeFileSync(path.join(folder, `${name}.bodies`), lines.join(''));
}

await write('introspection', 100, async () => (
  { ...secret, token: await new provider.ClientCredentials({ client }).save() }));
await write('userinfo', 1000, async (number) => (
  { access_token: await new provider.AccessToken({ ...await granted(number), claims: {} }).save() }));
await write('refresh-by-secret', 1000, async (number) => {
  const token = new provider.RefreshToken({ ...await granted(number), authTime: 1, claims: {}, rotations: 0 });
  return { ...secret, grant_type: 'refresh_token', refresh_token: await token.save() };
});
async function coded(number, whose, own) {
  const code = new provider.AuthorizationCode({
    ...await granted(number, whose), redirectUri: REDIRECT, authTime: 1, claims: {}, nonce: 'n-0S6_WzA2Mj',
  });
  return { ...own, grant_type: 'authorization_code', redirect_uri: REDIRECT, code: await code.save() };
}
await write('code', Number(codes), (number) => coded(number, client, secret));
await write('code-rs256', Number(codes), (number) => coded(number, slow, rs256));
await write('refresh-public', Number(codes), async (number) => {
  const token = new provider.RefreshToken({
    ...await granted(number, rotating), authTime: 1, claims: {}, rotations: 0, iiat: Math.floor(Date.now() / 1000),
  });
  return { ...open, grant_type: 'refresh_token', refresh_token: await token.save() };
});
await write('pushed', 1, async () => ({
  ...secret, response_type: 'code', redirect_uri: REDIRECT, scope: 'openid', state: 'af0ifjsldkj', nonce: 'n-0S6_WzA2Mj',
}));
provider.listen(Number(port), '127.0.0.1');
