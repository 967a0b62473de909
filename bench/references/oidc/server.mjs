// oidc-provider with its own in-memory adapter, opaque tokens, client_credentials and introspection.
// Arguments: port, file to write introspection requests to (one body a line).
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const [port, bodies] = process.argv.slice(2);
const client = { client_id: 'bench', client_secret: '0123456789abcdef0123456789abcdef' };
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      ...client,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ],
  cookies: { keys: ['bench'] },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
  },
  ttl: { ClientCredentials: 7200 },
});

// The adapter holds a thousand entries; these are asked for before others push them out.
const found = await provider.Client.find(client.client_id);
const lines = [];
for (let number = 0; number < 100; number += 1) {
  const token = await new provider.ClientCredentials({ client: found }).save();
  lines.push(`${new URLSearchParams({ ...client, token })}\n`);
}
writeFileSync(bodies, lines.join(''));
provider.listen(Number(port), '127.0.0.1');
